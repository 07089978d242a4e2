/**
 * What controllers read through: the store's indexes, with what was read remembered for the length of one batch of
 * plans. Reads of single objects that happen together become one statement, and an action on an object that was read
 * here needs no second read to be carried out.
 */
import type { K8sObject } from '../../schema/k8s/meta.ts'
import type { Row } from '../plan/seen.ts'
import type { Cluster } from '../platform/port.ts'
import type { Held } from '../registry/options.ts'
import { Item } from '../registry/item.ts'
import type { IndexRow, Key, ListQuery, Stored } from '../store/store.ts'

/** Objects of one statement. */
const MOST_KEYS = 500
/** Rows of one page of a list. */
const PAGE = 500

export interface Rows<T> {
  readonly rows: readonly Row<T>[]
  readonly more: boolean
}

interface Asked {
  readonly key: Key
  readonly answer: (stored: Stored | undefined) => void
  readonly fail: (error: unknown) => void
}

export class Reading {
  readonly cluster: Cluster
  readonly #held = new Map<string, Item>()
  readonly #gets = new Map<string, Promise<Row<K8sObject> | undefined>>()
  #asked: Asked[] = []

  constructor(cluster: Cluster) {
    this.cluster = cluster
  }

  /** The object as it was when it was first read here. The caller knows its kind. */
  get<T extends K8sObject = K8sObject>(resource: string, namespace: string, name: string): Promise<Row<T> | undefined> {
    const key = { resource, namespace, name }
    const text = textOf(key)
    let row = this.#gets.get(text)
    if (row === undefined) {
      row = this.#ask(key).then((stored) => (stored === undefined ? undefined : this.#keep(stored)))
      this.#gets.set(text, row)
    }
    return row as Promise<Row<T> | undefined>
  }

  /** All that match, up to `limit`, through the index the query names. */
  async list<T extends K8sObject = K8sObject>(query: Omit<ListQuery, 'at' | 'after'>): Promise<Rows<T>> {
    const rows: Row<T>[] = []
    let after: ListQuery['after']
    for (;;) {
      const limit = Math.min(PAGE, query.limit - rows.length)
      const page = await this.cluster.store.list({
        ...query,
        limit,
        stream: true,
        ...(after === undefined ? {} : { after }),
      })
      if ('expired' in page) throw new Error(`a list of ${query.resource} at the present answered "expired"`)
      for (const stored of page.items) rows.push(this.#keep(stored) as Row<T>)
      after = page.items.at(-1)?.key
      if (!page.more || rows.length >= query.limit || after === undefined) return { rows, more: page.more }
    }
  }

  /** Index rows of everything whose owner in the index is `uid`. */
  owned(uid: string, limit: number): Promise<readonly IndexRow[]> {
    return this.cluster.store.owned(uid, limit)
  }

  /** The object as it was read here, when it still is what the action is about. */
  held(key: Key, revision: number): Held | undefined {
    const item = this.#held.get(textOf(key))
    return item?.revision === revision ? item : undefined
  }

  /**
   * The object as a change of the log left it, without a read. It may have changed since: only for plans whose every
   * write expects the revision.
   */
  took<T extends K8sObject = K8sObject>(key: Key, item: Item): Row<T> {
    return this.#hold(key, item) as Row<T>
  }

  #keep(stored: Stored): Row<K8sObject> {
    return this.#hold(stored.key, Item.of(stored))
  }

  #hold(key: Key, item: Item): Row<K8sObject> {
    this.#held.set(textOf(key), item)
    return { object: item.object, revision: item.revision }
  }

  #ask(key: Key): Promise<Stored | undefined> {
    return new Promise((answer, fail) => {
      this.#asked.push({ key, answer, fail })
      // Whatever else is asked for in this turn joins the same statement.
      if (this.#asked.length === 1) queueMicrotask(() => queueMicrotask(() => void this.#flush()))
    })
  }

  async #flush(): Promise<void> {
    const asked = this.#asked
    this.#asked = []
    for (let from = 0; from < asked.length; from += MOST_KEYS) {
      const some = asked.slice(from, from + MOST_KEYS)
      try {
        const found = await this.cluster.store.getMany(some.map(({ key }) => key))
        for (const [at, { answer }] of some.entries()) answer(found[at])
      } catch (error) {
        for (const { fail } of some) fail(error)
      }
    }
  }
}

export function textOf({ resource, namespace, name }: Key): string {
  return `${resource} ${namespace}/${name}`
}
