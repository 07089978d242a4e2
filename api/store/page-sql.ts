/**
 * Turns a `ListQuery` into the statement that reads its page, with the index that serves it named.
 *
 * Every page is a range of one resource in (namespace, name) order. At the present it comes from `keys`; at an older
 * revision it is what `keys` still shows unchanged, plus what the log says was superseded since.
 */
import { rowsOf, valuesOf } from './read-sql.ts'
import type { SqlStatement, SqlValue } from './sql.ts'
import type { ListQuery } from './store.ts'

/** A page is cut at this many bytes of values, at least one row. */
export const PAGE_BYTES = 4_000_000

/** `remaining` is counted for pages of at most this many rows ... */
const COUNT_UP_TO_LIMIT = 1000

/** ... and at most this far. */
export const COUNT_AT_MOST = 10_000

const MAX_INDEX_ROWS = 5000

interface Range {
  readonly args: SqlValue[]
  /** conditions on `resource`, `namespace` and `name` */
  readonly where: string
}

/** Binds a value and answers its placeholder. */
function bind(args: SqlValue[], value: SqlValue): string {
  args.push(value)
  return `?${args.length}`
}

function rangeOf(query: ListQuery): Range {
  const args: SqlValue[] = []
  const terms = [`resource = ${bind(args, query.resource)}`]
  const { namespace, after } = query
  if (namespace !== undefined) terms.push(`namespace = ${bind(args, namespace)}`)
  if (after !== undefined && namespace !== undefined && after.namespace === namespace) {
    terms.push(`name > ${bind(args, after.name)}`)
  } else if (after !== undefined) {
    terms.push(`(namespace, name) > (${bind(args, after.namespace)}, ${bind(args, after.name)})`)
  }
  return { args, where: terms.join(' AND ') }
}

export function listStatement(query: ListQuery): SqlStatement {
  const range = rangeOf(query)
  const { args } = range
  const limit = bind(args, query.limit)
  const bytes = bind(args, PAGE_BYTES)
  if (query.at !== undefined) {
    const { inner, page } = atRevision(range.where, bind(args, query.at), limit)
    return {
      sql: valuesOf(page, countOf(query, inner(bind(args, query.limit + COUNT_AT_MOST + 1))), limit, bytes),
      args,
    }
  }
  const { from, terms } = filtersOf(query, args)
  const where = [range.where, ...terms].join(' AND ')
  const page = `SELECT namespace, name, rev, bytes FROM ${from} WHERE ${where} ORDER BY namespace, name LIMIT ${limit} + 1`
  const plain = query.where === undefined
  const counted = plain
    ? `SELECT 1 FROM keys WHERE ${where} LIMIT ${bind(args, query.limit + COUNT_AT_MOST + 1)}`
    : undefined
  return { sql: valuesOf(page, countOf(query, counted), limit, bytes), args }
}

export function indexStatement(query: ListQuery): { readonly statement: SqlStatement; readonly limit: number } {
  const { args, where } = rangeOf(query)
  const rows = Math.min(query.limit, MAX_INDEX_ROWS)
  const limit = bind(args, rows)
  const bytes = bind(args, PAGE_BYTES)
  const { from, terms } = filtersOf(query, args)
  const page = `
SELECT namespace, name, rev, labels, node_name, owner, uid, expires_at, facts, bytes FROM ${from}
WHERE ${[where, ...terms].join(' AND ')} ORDER BY namespace, name LIMIT ${limit} + 1`
  return { statement: { sql: rowsOf(page, limit, bytes), args }, limit: rows }
}

function countOf(query: ListQuery, rows: string | undefined): string {
  return rows === undefined || query.limit > COUNT_UP_TO_LIMIT ? 'NULL' : `(SELECT count(*) FROM (${rows}))`
}

/** Primary key of `keys` and index `log_resource`. */
function atRevision(where: string, at: string, limit: string): { inner: (limit: string) => string; page: string } {
  const inner = (rows: string): string => `
SELECT * FROM (SELECT namespace, name, rev FROM keys WHERE ${where} AND rev <= ${at} ORDER BY namespace, name LIMIT ${rows})
UNION ALL
SELECT namespace, name, prev_rev FROM log INDEXED BY log_resource
WHERE ${where} AND rev > ${at} AND prev_rev BETWEEN 1 AND ${at}
ORDER BY 1, 2 LIMIT ${rows}`
  const page = `
SELECT u.namespace, u.name, u.rev, l.bytes FROM (${inner(`${limit} + 1`)}) u CROSS JOIN log l ON l.rev = u.rev`
  return { inner, page }
}

/** The most selective index that can be named; the rest are conditions on its rows. */
function filtersOf(query: ListQuery, args: SqlValue[]): { readonly from: string; readonly terms: readonly string[] } {
  const where = query.where ?? {}
  const terms: string[] = []
  let from = 'keys'
  if (where.unbound === true && query.resource === 'pods') {
    from = 'keys INDEXED BY keys_unbound'
    terms.push(`resource = 'pods' AND node_name IS NULL`)
  } else if (where.unbound === true) {
    terms.push('node_name IS NULL')
  }
  if (where.owner !== undefined) {
    if (where.owner === '') terms.push('owner IS NULL')
    else {
      from = 'keys INDEXED BY keys_owner'
      terms.push(`owner = ${bind(args, where.owner)}`)
    }
  }
  if (where.nodeName !== undefined) {
    if (where.nodeName === '') terms.push('node_name IS NULL')
    else {
      if (where.owner === undefined || where.owner === '') from = 'keys INDEXED BY keys_node'
      terms.push(`node_name = ${bind(args, where.nodeName)}`)
    }
  }
  if (where.uid !== undefined) terms.push(`uid = ${bind(args, where.uid)}`)
  for (const [key, value] of Object.entries(where.labels ?? {})) {
    terms.push(`labels->>${bind(args, `$."${key}"`)} = ${bind(args, value)}`)
  }
  return { from, terms }
}
