/**
 * The statements of one flush. Each is one constant text, prepared once; everything that varies comes as JSON.
 *
 * `?1` of WRITE is an array of tuples
 * `[req, op, resource, namespace, name, expect, value, enc, uid, owner, node, expiresAt, labels, facts]`;
 * `op` 0 is a guard that writes nothing, 1 creates, 2 updates, 3 deletes; `expect` 0 means absent, n exactly revision n,
 * -1 present. Tuples with one `req` are one group: all of them are written or none. `?2` of WRITE is a revision that was
 * the newest before the group was first sent: a group found in the log after it has been applied and is left alone, so
 * a copy of the request that arrives late cannot apply twice.
 */
export const WRITE = `
WITH j AS MATERIALIZED (
  SELECT w.*, k.create_rev, coalesce(k.rev, 0) AS prev_rev, k.uid AS old_uid, k.node_name AS old_node,
    k.bytes AS old_bytes,
    CASE WHEN w.expect = -1 THEN k.rev IS NOT NULL ELSE coalesce(k.rev, 0) = w.expect END AS ok
  FROM (
    SELECT key AS ord, value->>'$[0]' AS req, value->>'$[1]' AS op, value->>'$[2]' AS resource,
      value->>'$[3]' AS namespace, value->>'$[4]' AS name, value->>'$[5]' AS expect, value->>'$[6]' AS value,
      value->>'$[7]' AS enc, value->>'$[8]' AS uid, value->>'$[9]' AS owner, value->>'$[10]' AS node_name,
      value->>'$[11]' AS expires_at, value->>'$[12]' AS labels, value->>'$[13]' AS facts
    FROM json_each(?1)
  ) w LEFT JOIN keys k ON k.resource = w.resource AND k.namespace = w.namespace AND k.name = w.name
), bad AS MATERIALIZED (
  SELECT req FROM j WHERE NOT ok UNION SELECT req FROM log WHERE rev > ?2 AND req IS NOT NULL
)
INSERT INTO log (resource, namespace, name, op, create_rev, prev_rev, req, enc, uid, owner, node_name, expires_at,
  labels, facts, bytes, value)
SELECT resource, namespace, name, op, create_rev, prev_rev, req, enc, iif(op = 3, old_uid, uid), owner,
  iif(op = 3, old_node, node_name), expires_at, labels, facts, iif(op = 3, old_bytes, octet_length(value)), value
FROM j WHERE op > 0 AND req NOT IN (SELECT req FROM bad) ORDER BY ord
RETURNING rev, req, node_name`

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
