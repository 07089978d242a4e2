/**
 * Reads of one plan: rows with their stored text, so that applying its actions needs no second read. Every list has a
 * bound; what is beyond it is the next plan's.
 */
import { Item } from '../registry/item.ts'
import type { IndexRow, Key, ListQuery, Store } from '../store/store.ts'

/** Rows of one page. */
const PAGE = 500

export class Reads {
  readonly #store: Store
  readonly #held = new Map<string, Item>()

  constructor(store: Store) {
    this.#store = store
  }

  /** The row an action's target was seen as. */
  held(key: Key): Item | undefined {
    return this.#held.get(`${key.resource} ${key.namespace} ${key.name}`)
  }

  async get(key: Key): Promise<Item | undefined> {
    const stored = await this.#store.get(key)
    return stored === undefined ? undefined : this.#keep(stored.key, Item.of(stored))
  }

  /** Those that exist, in the order of the keys. */
  async getMany(keys: readonly Key[]): Promise<readonly Item[]> {
    const items: Item[] = []
    for (let from = 0; from < keys.length; from += PAGE) {
      const stored = await this.#store.getMany(keys.slice(from, from + PAGE))
      for (const one of stored) if (one !== undefined) items.push(this.#keep(one.key, Item.of(one)))
    }
    return items
  }

  /** Up to `most` rows at the present. */
  async list(query: Omit<ListQuery, 'limit' | 'after' | 'at'>, most: number): Promise<readonly Item[]> {
    const items: Item[] = []
    let after: ListQuery['after']
    for (;;) {
      const limit = Math.min(PAGE, most - items.length)
      const page = await this.#store.list({ ...query, limit, ...(after === undefined ? {} : { after }) })
      if ('expired' in page) return items
      for (const stored of page.items) items.push(this.#keep(stored.key, Item.of(stored)))
      after = page.items.at(-1)?.key
      if (!page.more || items.length >= most || after === undefined) return items
    }
  }

  /** What names this uid as its owner, of any resource. */
  async owned(uid: string, most: number): Promise<readonly { readonly key: Key; readonly item: Item }[]> {
    const rows: readonly IndexRow[] = await this.#store.owned(uid, most)
    const items = await this.getMany(rows.map(({ key }) => key))
    const byName = new Map(items.map((item) => [item, item.object.metadata]))
    return rows.flatMap(({ key }) => {
      const item = this.held(key)
      return item !== undefined && byName.has(item) ? [{ key, item }] : []
    })
  }

  #keep(key: Key, item: Item): Item {
    this.#held.set(`${key.resource} ${key.namespace} ${key.name}`, item)
    return item
  }
}

/** An item as a planner's row of a kind its reader knows. */
export function rowOf<T>(item: Item): { readonly object: T; readonly revision: number } {
  return item as unknown as { readonly object: T; readonly revision: number }
}

export function rowsOf<T>(items: readonly Item[]): readonly { readonly object: T; readonly revision: number }[] {
  return items as unknown as readonly { readonly object: T; readonly revision: number }[]
}

