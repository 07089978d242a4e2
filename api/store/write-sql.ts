/**
 * The statements of one flush.
 *
 * WRITE takes its rows as bound values, because unpacking them from JSON cost more than storing them. There is one
 * text for each power of two of rows, prepared once; the rows that are left over are NULL and do nothing. Its columns
 * are `WRITE_COLUMNS`: `op` 0 is a guard that writes nothing, 1 creates, 2 updates, 3 deletes; `expect` 0 means absent,
 * n exactly revision n, -1 present. Rows with one `req` are one group: all of them are written or none.
 *
 * The last parameter is a revision that was the newest before the group was first sent: a group found in the log after
 * it has been applied and is left alone, so a copy of the request that arrives late cannot apply twice.
 */
import type { SqlStatement, SqlValue } from './sql.ts'

const WRITE_COLUMNS = [
  'req',
  'op',
  'resource',
  'namespace',
  'name',
  'expect',
  'value',
  'enc',
  'uid',
  'owner',
  'node_name',
  'expires_at',
  'labels',
  'facts',
] as const

export type WriteRow = readonly SqlValue[]

const texts = new Map<number, string>()

export function writeStatement(rows: readonly WriteRow[], floor: number): SqlStatement {
  let size = 1
  while (size < rows.length) size *= 2
  const args: SqlValue[] = []
  for (const row of rows) for (let at = 0; at < WRITE_COLUMNS.length; at++) args.push(row[at] ?? null)
  for (let at = rows.length * WRITE_COLUMNS.length; at < size * WRITE_COLUMNS.length; at++) args.push(null)
  args.push(floor)
  let sql = texts.get(size)
  if (sql === undefined) texts.set(size, (sql = writeText(size)))
  return { sql, args }
}

function writeText(size: number): string {
  const marks = WRITE_COLUMNS.map(() => '?').join(',')
  const values = Array.from({ length: size }, (_, ord) => `(${ord},${marks})`).join(',')
  return `
WITH w (ord, ${WRITE_COLUMNS.join(', ')}) AS (VALUES ${values}),
j AS MATERIALIZED (
  SELECT w.*, k.create_rev, coalesce(k.rev, 0) AS prev_rev, k.uid AS old_uid, k.node_name AS old_node,
    k.bytes AS old_bytes,
    CASE WHEN w.expect = -1 THEN k.rev IS NOT NULL ELSE coalesce(k.rev, 0) = w.expect END AS ok
  FROM w LEFT JOIN keys k ON k.resource = w.resource AND k.namespace = w.namespace AND k.name = w.name
), bad AS MATERIALIZED (
  SELECT req FROM j WHERE NOT ok UNION SELECT req FROM log WHERE rev > ? AND req IS NOT NULL
)
INSERT INTO log (resource, namespace, name, op, create_rev, prev_rev, req, enc, uid, owner, node_name, expires_at,
  labels, facts, bytes, value)
SELECT resource, namespace, name, op, create_rev, prev_rev, req, enc, iif(op = 3, old_uid, uid), owner,
  iif(op = 3, old_node, node_name), expires_at, labels, facts, iif(op = 3, old_bytes, octet_length(value)), value
FROM j WHERE op > 0 AND req NOT IN (SELECT req FROM bad) ORDER BY ord
RETURNING rev, req, node_name`
}

/**
 * Right after WRITE: what stands where an expectation of `?1`, an array of `[resource, namespace, name, expect]`, is
 * not met. Rows just written are left out by their revisions, which are consecutive within one statement. Values
 * beyond a running sum of `?2` bytes come as NULL.
 */
export const LOSERS = `
WITH w AS MATERIALIZED (
  SELECT j.key AS ord, k.rev, k.create_rev, coalesce(k.bytes, 0) AS bytes FROM json_each(?1) j
  LEFT JOIN keys k ON k.resource = j.value->>'$[0]' AND k.namespace = j.value->>'$[1]' AND k.name = j.value->>'$[2]'
  WHERE CASE WHEN j.value->>'$[3]' = -1 THEN k.rev IS NULL ELSE coalesce(k.rev, 0) <> j.value->>'$[3]' END
    AND (changes() = 0 OR coalesce(k.rev, 0) <= last_insert_rowid() - changes())
), c AS (
  SELECT *, sum(bytes) OVER (ROWS UNBOUNDED PRECEDING) AS upto FROM w
)
SELECT c.ord, c.rev, c.create_rev, l.uid, l.enc, iif(c.upto <= ?2, l.value, NULL)
FROM c LEFT JOIN log l ON l.rev = c.rev`

/** Before WRITE when a flush is sent again: which of the groups `?2` (an array of `req`) were applied after `?1`. */
export const APPLIED = `
SELECT rev, req, node_name FROM log WHERE rev > ?1 AND req IN (SELECT value FROM json_each(?2)) ORDER BY rev`

/** Groups of `?1`, an array of `[req, resource, namespace, name, expect]`, that will not be or already are applied. */
const UNFIT = `
WITH w AS (SELECT value->>'$[0]' AS req, value->>'$[1]' AS resource, value->>'$[2]' AS namespace,
  value->>'$[3]' AS name, value->>'$[4]' AS expect FROM json_each(?1)),
unfit AS MATERIALIZED (
  SELECT w.req FROM w LEFT JOIN keys k ON k.resource = w.resource AND k.namespace = w.namespace AND k.name = w.name
  WHERE NOT CASE WHEN w.expect = -1 THEN k.rev IS NOT NULL ELSE coalesce(k.rev, 0) = w.expect END
  UNION SELECT req FROM log WHERE rev > ?3 AND req IS NOT NULL
), d AS MATERIALIZED (
  SELECT value->>'$[1]' AS planner, value->>'$[2]' AS key, value->>'$[3]' AS at FROM json_each(?2)
  WHERE value->>'$[0]' NOT IN (SELECT req FROM unfit)
)`

/** Before WRITE: `?2` is an array of `[req, planner, key, at]`, kept for groups that are going to be applied. */
export const DUE_PUT = `${UNFIT}
INSERT INTO due (planner, key, at) SELECT planner, key, at FROM d WHERE at IS NOT NULL
ON CONFLICT (planner, key) DO UPDATE SET at = excluded.at`

export const DUE_DELETE = `${UNFIT}
DELETE FROM due WHERE (planner, key) IN (SELECT planner, key FROM d WHERE at IS NULL)`

/** After WRITE, about once a minute: the head at time `?1`, if it is above `?3` and no mark is younger than `?2`. */
export const MARK = `
INSERT OR IGNORE INTO marks (rev, at) SELECT (SELECT max(rev) FROM log), ?1
WHERE NOT EXISTS (SELECT 1 FROM marks WHERE at > ?2) AND EXISTS (SELECT 1 FROM log WHERE rev > ?3)`
