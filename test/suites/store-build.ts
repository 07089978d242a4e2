/** Small things the store's suites are written with, on Node and in workerd: keys, effects, stores in memory and on a server. */
import { migrate } from '../../api/platform/migrate.ts'
import { httpSql } from '../../api/platform/http-sql.ts'
import { openLibsqlStore } from '../../api/store/libsql.ts'
import type { LibsqlStoreOptions } from '../../api/store/libsql.ts'
import { openMemoryStore } from '../../api/store/memory.ts'
import type { Sealer } from '../../api/store/seal.ts'
import { webSealer } from '../../api/store/seal.ts'
import type { Sql } from '../../api/store/sql.ts'
import type { Effect, Index, Key, Outcome, Store, Touched } from '../../api/store/store.ts'

export interface OpenOptions {
  readonly now?: () => number
  readonly onCommit?: (touched: Touched) => void
  readonly wrap?: (sql: Sql) => Sql
}

export type OpenedStore = { readonly store: Store } & AsyncDisposable

export type Opening = (options?: OpenOptions) => Promise<OpenedStore>

export const CLUSTER = '6f1c2a34-0000-4000-8000-00000000c1a5'

export async function newSealer(id = 'k1'): Promise<Sealer> {
  const bytes = crypto.getRandomValues(new Uint8Array(32))
  const key = await crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt'])
  return webSealer({ current: id, keys: new Map([[id, key]]) })
}

export function storeOptions(sealer: Sealer, options: OpenOptions = {}): LibsqlStoreOptions {
  return {
    sealer,
    now: options.now ?? Date.now,
    requestId: () => crypto.randomUUID(),
    sleep: () => Promise.resolve(),
    ...(options.onCommit === undefined ? {} : { onCommit: options.onCommit }),
  }
}

export const openInMemory: Opening = (options = {}) => {
  const store = openMemoryStore({
    now: options.now ?? Date.now,
    clusterUid: CLUSTER,
    ...(options.onCommit === undefined ? {} : { onCommit: options.onCommit }),
  })
  return Promise.resolve({ store, [Symbol.asyncDispose]: () => store.close() })
}

/** Each opening starts from nothing: what was there is dropped. */
export function openOnServer(url: () => string): Opening {
  return async (options = {}) => {
    const sql = httpSql({ url: url() })
    const tables = ['due', 'keys', 'log', 'marks', 'store_meta', '__drizzle_migrations']
    await sql.batch(
      tables.map((table) => ({ sql: `DROP TABLE IF EXISTS ${table}`, args: [] })),
      'write',
    )
    await migrate(sql, CLUSTER)
    const store = await openLibsqlStore(options.wrap?.(sql) ?? sql, storeOptions(await newSealer(), options))
    return { store, [Symbol.asyncDispose]: () => store.close() }
  }
}

export function pod(name: string, namespace = 'default'): Key {
  return { resource: 'pods', namespace, name }
}

export function key(resource: string, name: string, namespace = 'default'): Key {
  return { resource, namespace, name }
}

export function valueOf(name: string, more: object = {}): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'Thing', metadata: { name }, ...more })
}

export function create(at: Key, value = valueOf(at.name), index: Index = {}): Effect {
  return { op: 'put', key: at, expect: 'absent', value, index }
}

export function update(at: Key, expect: number, value = valueOf(at.name, { expect }), index: Index = {}): Effect {
  return { op: 'put', key: at, expect, value, index }
}

export function remove(at: Key, expect: number): Effect {
  return { op: 'delete', key: at, expect }
}

/** The revisions of a group that must have been applied. */
export function won(outcome: Outcome): readonly number[] {
  if (!outcome.ok) throw new Error(`the group lost: ${JSON.stringify(outcome.lost)}`)
  return outcome.revisions
}

export async function put(store: Store, ...effects: Effect[]): Promise<number> {
  return won(await store.write({ effects })).at(-1) ?? 0
}

export function names(items: readonly { readonly key: Key }[]): string[] {
  return items.map((item) => item.key.name)
}
