/**
 * Compaction: forgets history up to a revision, in steps short enough not to be noticed.
 *
 * After compaction to C everything from C on can still be asked for: lists at C or later, changes after C or later.
 * What goes is each value superseded at or before C, and each deletion at or before C. The newest row stays whatever
 * it is, so the counter never falls back. Each step is one transaction; two compactors at once do no harm, because
 * what a step deletes was already out of reach for the revision it sets.
 */
import { int, type Sql, type SqlStatement } from './sql.ts'

const STEP_REVISIONS = 500

/** From `compacted` on: where the next step would end, and where the whole may. `?1` is the revision asked for. */
const NEXT = `
SELECT c.at, least.upto, (
  SELECT max(rev) FROM (SELECT rev FROM log WHERE rev > c.at AND rev <= least.upto ORDER BY rev LIMIT ${STEP_REVISIONS})
)
FROM (SELECT CAST(v AS INTEGER) AS at FROM store_meta WHERE k = 'compact_rev') c,
  (SELECT min(?1, (SELECT max(rev) FROM log) - 1) AS upto) least`

/** Values superseded by the changes in (?1, ?2]. */
const DROP_SUPERSEDED = `
DELETE FROM log WHERE rev IN (SELECT prev_rev FROM log WHERE rev > ?1 AND rev <= ?2 AND prev_rev > 0)`

const DROP_DELETIONS = `DELETE FROM log WHERE rev > ?1 AND rev <= ?2 AND op IN (0, 3)`

/** All marks below but the newest of them: `revisionAt` still knows how old the compaction revision is. */
const DROP_MARKS = `DELETE FROM marks WHERE rev < (SELECT max(rev) FROM marks WHERE rev <= ?1)`

const SET = `UPDATE store_meta SET v = CAST(CAST(?1 AS INTEGER) AS TEXT) WHERE k = 'compact_rev' AND CAST(v AS INTEGER) < ?1`

export async function compactLibsql(sql: Sql, upTo: number, steps: number): Promise<{ readonly done: boolean }> {
  const next: SqlStatement = { sql: NEXT, args: [upTo] }
  let row = (await sql.batch([next], 'read'))[0]?.[0]
  for (let step = 0; step < steps; step++) {
    const from = int(row?.[0])
    const limit = int(row?.[1])
    if (from >= limit) return { done: true }
    // No row in between: the rest is a gap, which one step crosses.
    const to = row?.[2] === null ? limit : int(row?.[2])
    const statements: SqlStatement[] = [
      { sql: DROP_SUPERSEDED, args: [from, to] },
      { sql: DROP_DELETIONS, args: [from, to] },
      { sql: DROP_MARKS, args: [to] },
      { sql: SET, args: [to] },
      next,
    ]
    row = (await sql.batch(statements, 'write'))[4]?.[0]
  }
  return { done: int(row?.[0]) >= int(row?.[1]) }
}
