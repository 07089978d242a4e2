/**
 * Turns a `ListQuery` into the statement that reads its page, with the index that serves it named.
 *
 * Every page is a range of one resource in (namespace, name) order. At the present it comes from `keys`; at an older
 * revision it is what `keys` still shows unchanged, plus what the log says was superseded since.
 */
import { rowsOf, textOf, valuesOf } from './read-sql.ts'
import type { SqlStatement, SqlValue } from './sql.ts'
import type { ListQuery, TextQuery } from './store.ts'

/** A page is cut at this many bytes of values, at least one row. */
export const PAGE_BYTES = 4_000_000

/** ... and at this many rows: what is looked at for a page is a page, however much is stored. */
export const PAGE_ROWS = 2000

/** `remaining` is counted for pages of at most this many rows ... */
const COUNT_UP_TO_LIMIT = 1000

/** ... and at most this far. */
export const COUNT_AT_MOST = 10_000

export const INDEX_ROWS = 5000

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

/**
 * A bare parameter here would be compared with the `'pods'` that index `keys_unbound` is limited to, and SQLite prepares a
 * statement anew each time such a parameter is bound: two to five times what a page of keys costs to read.
 */
function sameResource(args: SqlValue[], resource: string): string {
  return `resource = +${bind(args, resource)}`
}

function rangeOf(query: TextQuery): Range {
  const args: SqlValue[] = []
  const terms = [sameResource(args, query.resource)]
  const { namespace, after } = query
  if (namespace !== undefined) terms.push(`namespace = ${bind(args, namespace)}`)
  if (after !== undefined && namespace !== undefined && after.namespace === namespace) {
    terms.push(`name > ${bind(args, after.name)}`)
  } else if (after !== undefined) {
    terms.push(`(namespace, name) > (${bind(args, after.namespace)}, ${bind(args, after.name)})`)
  }
  return { args, where: terms.join(' AND ') }
}

/** Where a page ends. */
export interface PageSize {
  readonly rows: number
  readonly bytes: number
}

const LARGEST_PAGE: PageSize = { rows: PAGE_ROWS, bytes: PAGE_BYTES }
/** `streamed` is the size of a page of a list that is read to its end. */
export function listStatement(query: ListQuery, streamed: PageSize = LARGEST_PAGE): SqlStatement {
  const { args, where } = rangeOf(query)
  const size = query.stream === true ? streamed : LARGEST_PAGE
  const limit = bind(args, Math.min(query.limit, size.rows))
  const bytes = bind(args, size.bytes)
  const page = pageOf(query, where, args)
  const counted = query.limit <= COUNT_UP_TO_LIMIT && query.where === undefined && query.stream !== true
  const remaining = counted ? `(SELECT count(*) FROM (${page(bind(args, query.limit + COUNT_AT_MOST + 1))}))` : 'NULL'
  return { sql: valuesOf(sized(query, page(`${limit} + 1`)), remaining, limit, bytes), args }
}

/** A page of `rows`, joined when they do not weigh more than `bytes`. */
export function textStatement(query: TextQuery, { rows, bytes }: PageSize): SqlStatement {
  const { args, where } = rangeOf(query)
  const limit = bind(args, rows)
  const most = bind(args, bytes)
  const page = sized(query, pageOf(query, where, args)(`${limit} + 1`))
  return { sql: textOf(page, limit, most), args }
}

export function indexStatement(query: ListQuery): { readonly statement: SqlStatement; readonly limit: number } {
  const { args, where } = rangeOf(query)
  const rows = Math.min(query.limit, INDEX_ROWS)
  const limit = bind(args, rows)
  const bytes = bind(args, PAGE_BYTES)
  const { from, terms } = filtersOf(query, args)
  const page = `
SELECT namespace, name, rev, labels, node_name, owner, uid, expires_at, facts, bytes FROM ${from}
WHERE ${[where, ...terms].join(' AND ')} ORDER BY namespace, name LIMIT ${limit} + 1`
  return { statement: { sql: rowsOf(page, limit, bytes), args }, limit: rows }
}

/** A page's keys: a SELECT of (namespace, name, rev, ...) with a limit still to be given. */
type PageKeys = (limit: string) => string

function pageOf(query: TextQuery & Pick<ListQuery, 'where'>, where: string, args: SqlValue[]): PageKeys {
  return query.at === undefined ? atPresent(query, where, args) : atRevision(where, bind(args, query.at))
}

function atPresent(query: TextQuery & Pick<ListQuery, 'where'>, range: string, args: SqlValue[]): PageKeys {
  const { from, terms } = filtersOf(query, args)
  const where = [range, ...terms].join(' AND ')
  return (limit) =>
    `SELECT namespace, name, rev, bytes FROM ${from} WHERE ${where} ORDER BY namespace, name LIMIT ${limit}`
}

/** Primary key of `keys` and index `log_resource`. */
function atRevision(where: string, at: string): PageKeys {
  return (limit) => `
SELECT * FROM (SELECT namespace, name, rev FROM keys WHERE ${where} AND rev <= ${at} ORDER BY namespace, name LIMIT ${limit})
UNION ALL
SELECT namespace, name, prev_rev FROM log INDEXED BY log_resource
WHERE ${where} AND rev > ${at} AND prev_rev BETWEEN 1 AND ${at}
ORDER BY 1, 2 LIMIT ${limit}`
}

/** What was superseded is not in `keys` any more: its length is found in the log. */
function sized(query: TextQuery, page: string): string {
  if (query.at === undefined) return page
  return `SELECT u.namespace, u.name, u.rev, l.bytes FROM (${page}) u CROSS JOIN log l ON l.rev = u.rev`
}

/** The most selective index that can be named; the rest are conditions on its rows. */
function filtersOf(
  query: Pick<ListQuery, 'resource' | 'where'>,
  args: SqlValue[],
): { readonly from: string; readonly terms: readonly string[] } {
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
