/**
 * The statements that read. Pages are cut by bytes: a running sum of the `bytes` column, at least one row; no value
 * beyond the cut is touched. The first row of a page is its header: head, compaction revision and counts from the same
 * snapshot, so that an empty page has them too. The window functions have no ORDER BY because they run over a
 * materialised table, which is read in the order it was filled.
 */
const HEAD = `(SELECT coalesce(max(rev), 0) FROM log), (SELECT CAST(v AS INTEGER) FROM store_meta WHERE k = 'compact_rev')`

export const READ_HEAD = `SELECT ${HEAD}`

export const META = `SELECT k, v FROM store_meta WHERE k IN ('cluster_uid', 'schema_version', 'restore_epoch')`

export const TRIGGERS = `SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name IN ('log_create', 'log_update', 'log_delete')`

/** `keys` by primary key, the value by rowid. The `+` is for what `sameResource` of page-sql.ts says. */
export const GET = `
SELECT k.rev, k.create_rev, l.uid, l.enc, l.value FROM keys k CROSS JOIN log l ON l.rev = k.rev
WHERE k.resource = +?1 AND k.namespace = ?2 AND k.name = ?3`

/** `?1`: an array of `[resource, namespace, name]`; `?2`: bytes. The header counts the keys that exist. */
export const GET_MANY = `
WITH p AS MATERIALIZED (
  SELECT j.key AS ord, k.rev, k.create_rev, k.bytes FROM json_each(?1) j
  CROSS JOIN keys k ON k.resource = j.value->>'$[0]' AND k.namespace = j.value->>'$[1]' AND k.name = j.value->>'$[2]'
), c AS (
  SELECT *, row_number() OVER win AS n, sum(bytes) OVER win AS upto FROM p WINDOW win AS (ROWS UNBOUNDED PRECEDING)
)
SELECT (SELECT count(*) FROM p), NULL, NULL, NULL, NULL, NULL
UNION ALL
SELECT c.ord, c.rev, c.create_rev, l.uid, l.enc, l.value FROM c CROSS JOIN log l ON l.rev = c.rev
WHERE c.upto <= ?2 OR c.n = 1`

/** One page of whole objects out of `page`, a SELECT of (namespace, name, rev) with `bytes` found in the log. */
export function valuesOf(page: string, remaining: string, limit: string, bytes: string): string {
  return `
WITH p AS MATERIALIZED (${page}),
c AS (
  SELECT *, row_number() OVER win AS n, sum(bytes) OVER win AS upto FROM p WINDOW win AS (ROWS UNBOUNDED PRECEDING)
)
SELECT ${HEAD}, (SELECT count(*) FROM p), ${remaining}, NULL, NULL, NULL
UNION ALL
SELECT c.namespace, c.name, c.rev, coalesce(l.create_rev, l.rev), l.uid, l.enc, l.value
FROM c CROSS JOIN log l ON l.rev = c.rev WHERE c.n <= ${limit} AND (c.upto <= ${bytes} OR c.n = 1)`
}

/**
 * The same as one text; see `TextPage`. A page that weighs more than `bytes`, with the row behind it, has no text: no window
 * is needed then, which takes a third of the time. Bytes are cut off and joined, because characters would be counted.
 */
export function textOf(page: string, limit: string, bytes: string): string {
  const value = 'CAST(l.value AS BLOB)'
  const metadata = `instr(${value}, CAST('"metadata":{' AS BLOB)) + 12`
  const item = `'{"metadata":{"resourceVersion":"' || c.rev || '",' || substr(${value}, ${metadata})`
  const last = (column: string): string => `(SELECT ${column} FROM p LIMIT 1 OFFSET ${limit} - 1)`
  return `
WITH p AS MATERIALIZED (${page}), c AS (SELECT rev FROM p LIMIT ${limit})
SELECT ${HEAD}, (SELECT count(*) FROM p), (SELECT sum(bytes) FROM p), ${last('namespace')}, ${last('name')},
  count(l.enc), group_concat(${item}, ',')
FROM c CROSS JOIN log l ON l.rev = c.rev WHERE (SELECT sum(bytes) FROM p) <= ${bytes}`
}

/** The same without values: rows of `keys`. Labels and facts are what weighs. */
export function rowsOf(page: string, limit: string, bytes: string): string {
  return `
WITH p AS MATERIALIZED (${page}),
c AS (
  SELECT *, row_number() OVER win AS n,
    sum(200 + coalesce(octet_length(labels), 0) + coalesce(octet_length(facts), 0)) OVER win AS upto
  FROM p WINDOW win AS (ROWS UNBOUNDED PRECEDING)
)
SELECT ${HEAD}, (SELECT count(*) FROM p), NULL, NULL, NULL, NULL, NULL, NULL, NULL
UNION ALL
SELECT namespace, name, rev, labels, node_name, owner, uid, expires_at, facts, bytes
FROM c WHERE n <= ${limit} AND (upto <= ${bytes} OR n = 1)`
}

/** The changes after a revision; `?2` rows, `?3` bytes, `?4` 1 to read previous values too. */
export function changesOf(where: string, from: string): string {
  return `
WITH p AS MATERIALIZED (
  SELECT rev, op, resource, namespace, name, prev_rev, bytes FROM ${from}
  WHERE ${where} AND op > 0 ORDER BY rev LIMIT ?2 + 1
), c AS (
  SELECT *, row_number() OVER win AS n, sum(bytes * (1 + ?4)) OVER win AS upto
  FROM p WINDOW win AS (ROWS UNBOUNDED PRECEDING)
)
SELECT ${HEAD}, (SELECT count(*) FROM p), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
UNION ALL
SELECT c.rev, c.op, c.resource, c.namespace, c.name, l.uid, l.enc, l.value, q.uid, q.enc, q.value
FROM c CROSS JOIN log l ON l.rev = c.rev
LEFT JOIN log q ON q.rev = CASE WHEN ?4 = 1 OR c.op = 3 THEN c.prev_rev END
WHERE c.n <= ?2 AND (c.upto <= ?3 OR c.n = 1)`
}

/** Index `due_at`. */
export const DUE = `SELECT planner, key, at FROM due WHERE at <= ?1 ORDER BY at, planner, key LIMIT ?2`

export const NEXT_DUE = `SELECT min(at) FROM due`

/** Index `keys_expires`. */
export const EXPIRED = `
SELECT resource, namespace, name, rev, labels, node_name, owner, uid, expires_at, facts, bytes
FROM keys INDEXED BY keys_expires WHERE expires_at <= ?1 ORDER BY expires_at, resource, namespace, name LIMIT ?2`

/** Index `keys_owner`, whose rows lie in the order of the primary key. */
export const OWNED = `
SELECT resource, namespace, name, rev, labels, node_name, owner, uid, expires_at, facts, bytes
FROM keys INDEXED BY keys_owner WHERE owner = ?1 ORDER BY resource, namespace, name LIMIT ?2`

/** Index `marks_at`. */
export const REVISION_AT = `SELECT rev FROM marks WHERE at <= ?1 ORDER BY at DESC, rev DESC LIMIT 1`
