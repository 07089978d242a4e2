/**
 * The reading half of the libSQL store. Every question is one batch of one statement; values that are sealed are
 * opened on the way out. Whatever revision is seen is told to `seen`: a lower bound of the head.
 */
import { describeKey } from './key.ts'
import { COUNT_AT_MOST, PAGE_BYTES, type PageSize, indexStatement, listStatement } from './page-sql.ts'
import { DUE, EXPIRED, GET, GET_MANY, NEXT_DUE, OWNED, READ_HEAD, changesOf } from './read-sql.ts'
import type { Sealer } from './seal.ts'
import type { Sql, SqlRow, SqlStatement, SqlValue } from './sql.ts'
import { int, SqlError } from './sql.ts'
import { textReader } from './read-text.ts'
import type { After, AfterQuery, Change, IndexRow, Key, ListQuery, Reader, Stored } from './store.ts'
import { StoreError } from './store.ts'

/** Pages of lists that are read to their end; undefined: as large as pages get. */
export interface StreamedPages {
  readonly items: PageSize
  readonly text: PageSize
}

export interface ReaderOptions {
  readonly sql: Sql
  readonly clusterUid: string
  readonly sealer: Sealer
  readonly seen: (revision: number) => void
  /** the newest revision that was seen */
  readonly known: () => number
  readonly streamed: StreamedPages | undefined
  /** Turns what the driver throws into a `StoreError`. */
  readonly failed: (error: unknown) => StoreError
}

export type Opener = (
  key: Key,
  uid: SqlValue | undefined,
  enc: SqlValue | undefined,
  value: SqlValue | undefined,
) => string | Promise<string>

/** Plain values come back at once, sealed ones as a promise. */
export function valueOpener(clusterUid: string, sealer: Sealer): Opener {
  return (key, uid, enc, value) => {
    if (typeof value !== 'string') throw new StoreError('corrupt', `${describeKey(key)} has no value`)
    if (enc === null || enc === undefined) return value
    return sealer.open({ clusterUid, key, uid: text(uid) ?? '' }, String(enc), value)
  }
}

export function libsqlReader(options: ReaderOptions): Reader {
  const { sql, seen } = options
  const open = valueOpener(options.clusterUid, options.sealer)

  /** Asked once more when no answer came: connections that were kept alive die unnoticed. */
  async function rowsOf(statement: SqlStatement): Promise<readonly SqlRow[]> {
    for (let again = true; ; again = false) {
      try {
        return (await sql.batch([statement], 'read'))[0] ?? []
      } catch (error) {
        if (!again || !(error instanceof SqlError) || error.outcome === 'refused') throw options.failed(error)
      }
    }
  }

  async function stored(
    key: Key,
    rev: SqlValue | undefined,
    createRev: SqlValue | undefined,
    rest: readonly SqlValue[],
  ): Promise<Stored> {
    const revision = int(rev)
    seen(revision)
    const opened = open(key, rest[0], rest[1], rest[2])
    const value = typeof opened === 'string' ? opened : await opened
    return { key, revision, createRevision: int(createRev), value }
  }

  async function get(key: Key): Promise<Stored | undefined> {
    const row = (await rowsOf({ sql: GET, args: [key.resource, key.namespace, key.name] }))[0]
    return row && stored(key, row[0], row[1], row.slice(2))
  }

  async function getMany(keys: readonly Key[]): Promise<readonly (Stored | undefined)[]> {
    const [only] = keys
    if (only !== undefined && keys.length === 1) return [await get(only)]
    const found: (Stored | undefined)[] = keys.map(() => undefined)
    let from = 0
    while (from < keys.length) {
      // Bounded by what one answer may weigh; what was cut off is asked for again.
      const asked = keys.slice(from, from + 1000)
      const names = JSON.stringify(asked.map((key) => [key.resource, key.namespace, key.name]))
      const [header, ...rows] = await rowsOf({ sql: GET_MANY, args: [names, PAGE_BYTES] })
      let last = -1
      for (const row of rows) {
        last = int(row[0])
        const key = asked[last]
        if (key !== undefined) found[from + last] = await stored(key, row[1], row[2], row.slice(3))
      }
      from += rows.length === int(header?.[0]) ? asked.length : last + 1
    }
    return found
  }

  async function list(query: ListQuery): ReturnType<Reader['list']> {
    const [header, ...rows] = await rowsOf(listStatement(query, options.streamed?.items))
    const head = int(header?.[0])
    const compacted = int(header?.[1])
    seen(head)
    if (query.at !== undefined && query.at < compacted) return { expired: true, compacted, head }
    const items: Stored[] = []
    for (const row of rows) {
      const key = { resource: query.resource, namespace: String(row[0]), name: String(row[1]) }
      const opened = open(key, row[4], row[5], row[6])
      const value = typeof opened === 'string' ? opened : await opened
      items.push({ key, revision: int(row[2]), createRevision: int(row[3]), value })
    }
    const more = int(header?.[2]) > rows.length
    const revision = query.at === undefined ? head : Math.min(query.at, head)
    const counted = header?.[3]
    if (typeof counted !== 'number' || counted > query.limit + COUNT_AT_MOST) return { revision, items, more }
    return { revision, items, more, remaining: counted - items.length }
  }

  async function index(query: ListQuery): ReturnType<Reader['index']> {
    const { statement } = indexStatement(query)
    const [header, ...rows] = await rowsOf(statement)
    seen(int(header?.[0]))
    const found = rows.map((row) => indexRow(query.resource, row))
    return { revision: int(header?.[0]), rows: found, more: int(header?.[2]) > rows.length }
  }

  async function after(query: AfterQuery): Promise<After> {
    const [header, ...rows] = await rowsOf(afterStatement(query))
    const head = int(header?.[0])
    const compacted = int(header?.[1])
    seen(head)
    if (query.since < compacted) return { ok: false, compacted, head }
    const changes: Change[] = []
    for (const row of rows) changes.push(await change(query, row))
    const more = int(header?.[2]) > rows.length
    const last = changes.at(-1)
    return { ok: true, changes, upTo: more && last ? last.revision : Math.max(head, query.since), more }
  }

  async function change(query: AfterQuery, row: SqlRow): Promise<Change> {
    const key = { resource: String(row[2]), namespace: String(row[3]), name: String(row[4]) }
    const revision = int(row[0])
    const op = int(row[1])
    if (op === 3) {
      const last = await open(key, row[8], row[9], row[10])
      return { revision, op: 'delete', key, value: last, previous: query.previous ? last : undefined }
    }
    const opened = open(key, row[5], row[6], row[7])
    const value = typeof opened === 'string' ? opened : await opened
    if (op === 1) return { revision, op: 'create', key, value, previous: undefined }
    return {
      revision,
      op: 'update',
      key,
      value,
      previous: query.previous ? await open(key, row[8], row[9], row[10]) : undefined,
    }
  }

  return {
    get,
    getMany,
    list,
    listText: textReader({ rowsOf, list, seen, known: options.known, size: options.streamed?.text }),
    index,
    after,
    async head() {
      const row = (await rowsOf({ sql: READ_HEAD, args: [] }))[0]
      seen(int(row?.[0]))
      return { head: int(row?.[0]), compacted: int(row?.[1]) }
    },
    async due(before, limit) {
      const rows = await rowsOf({ sql: DUE, args: [before, limit] })
      return rows.map((row) => ({ planner: String(row[0]), key: String(row[1]), at: int(row[2]) }))
    },
    async nextDue() {
      const at = (await rowsOf({ sql: NEXT_DUE, args: [] }))[0]?.[0]
      return at === null || at === undefined ? undefined : int(at)
    },
    async expired(before, limit) {
      const rows = await rowsOf({ sql: EXPIRED, args: [before, limit] })
      return rows.map((row) => indexRow(String(row[0]), row.slice(1)))
    },
    async owned(uid, limit) {
      const rows = await rowsOf({ sql: OWNED, args: [uid, limit] })
      return rows.map((row) => indexRow(String(row[0]), row.slice(1)))
    },
  }
}

function afterStatement(query: AfterQuery): SqlStatement {
  const args: SqlValue[] = [query.since, query.limit, PAGE_BYTES, query.previous ? 1 : 0]
  const { resources, namespace } = query
  const terms = ['rev > ?1']
  let from = 'log'
  if (resources !== undefined && resources.length === 1) {
    // One resource has an index of its own. Several are picked out of the log in order, so that no page sorts them all.
    args.push(resources[0] ?? '')
    from = 'log INDEXED BY log_resource'
    terms.push(`resource = ?${args.length}`)
  } else if (resources !== undefined) {
    args.push(JSON.stringify(resources))
    from = 'log NOT INDEXED'
    terms.push(`resource IN (SELECT value FROM json_each(?${args.length}))`)
  }
  if (namespace !== undefined) {
    args.push(namespace)
    terms.push(`namespace = ?${args.length}`)
  }
  return { sql: changesOf(terms.join(' AND '), from), args }
}

/** Columns: namespace, name, rev, labels, node_name, owner, uid, expires_at, facts, bytes. */
function indexRow(resource: string, row: SqlRow): IndexRow {
  return {
    key: { resource, namespace: String(row[0]), name: String(row[1]) },
    revision: int(row[2]),
    labels: typeof row[3] === 'string' ? (JSON.parse(row[3]) as Record<string, string>) : {},
    nodeName: text(row[4]),
    owner: text(row[5]),
    uid: text(row[6]),
    expiresAt: typeof row[7] === 'number' ? row[7] : undefined,
    facts: text(row[8]),
    bytes: int(row[9]),
  }
}

function text(value: SqlValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}
