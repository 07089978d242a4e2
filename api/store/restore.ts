/**
 * After a backup was put back: the counter jumps by 10^9, so that no revision a client may have seen since the backup
 * is ever given out again, and everything older is compacted away, so that whoever watches from there is told to list
 * anew. `restore_epoch` counts these.
 *
 * Run it on the restored database before anything else opens it. Running it twice jumps twice and does no harm.
 */
import { compactLibsql } from './compact.ts'
import { READ_HEAD } from './read-sql.ts'
import { int, type Sql } from './sql.ts'

export const RESTORE_JUMP = 1_000_000_000

/** A row that only moves the counter; the newest row is never compacted. */
const JUMP = `
INSERT INTO log (rev, resource, namespace, name, op, prev_rev, bytes)
SELECT max(rev) + ${RESTORE_JUMP}, '', '', '', 0, 0, 0 FROM log`

const FORGET = `UPDATE store_meta SET v = (SELECT CAST(max(rev) AS TEXT) FROM log) WHERE k = 'compact_rev'`

const COUNT = `UPDATE store_meta SET v = CAST(v + 1 AS TEXT) WHERE k = 'restore_epoch'`

/** Answers the new head. Compaction goes first, because it never looks below the compaction revision again. */
export async function jumpAfterRestore(sql: Sql): Promise<number> {
  while (!(await compactLibsql(sql, Number.MAX_SAFE_INTEGER, 100)).done);
  const statements = [JUMP, FORGET, COUNT, READ_HEAD].map((text) => ({ sql: text, args: [] }))
  return int((await sql.batch(statements, 'write'))[3]?.[0]?.[0])
}
