/** A store that counts: questions, the rows that answer them, and groups written. */
import type { Store } from '../../api/store/store.ts'

export interface Counts {
  questions: number
  rows: number
  groups: number
}

export interface Counted {
  readonly counts: Counts
  readonly wrap: (store: Store) => Store
  /** what `work` costs */
  during(work: () => Promise<unknown>): Promise<Counts>
}

export function countedStore(): Counted {
  const counts: Counts = { questions: 0, rows: 0, groups: 0 }
  const ask = async <T>(answer: Promise<T>, rowsOf: (answer: T) => number): Promise<T> => {
    counts.questions++
    const answered = await answer
    counts.rows += rowsOf(answered)
    return answered
  }
  const wrap = (store: Store): Store => ({
    ...store,
    get: (key) => ask(store.get(key), (row) => (row === undefined ? 0 : 1)),
    getMany: (keys) => ask(store.getMany(keys), (rows) => rows.filter((row) => row !== undefined).length),
    list: (query) => ask(store.list(query), (page) => ('items' in page ? page.items.length : 0)),
    listText: (query) =>
      ask(store.listText(query), (page) =>
        'text' in page ? page.text.split('{"metadata":{"resourceVersion":').length - 1 : 0,
      ),
    index: (query) => ask(store.index(query), ({ rows }) => rows.length),
    after: (query) => ask(store.after(query), (after) => (after.ok ? after.changes.length : 0)),
    owned: (uid, limit) => ask(store.owned(uid, limit), (rows) => rows.length),
    expired: (before, limit) => ask(store.expired(before, limit), (rows) => rows.length),
    head: () => ask(store.head(), () => 1),
    revisionAt: (at) => ask(store.revisionAt(at), () => 1),
    compact: (upTo, steps) => ask(store.compact(upTo, steps), () => 0),
    write(group) {
      counts.groups++
      return store.write(group)
    },
  })
  return {
    counts,
    wrap,
    async during(work) {
      const { questions, rows, groups } = counts
      await work()
      return { questions: counts.questions - questions, rows: counts.rows - rows, groups: counts.groups - groups }
    },
  }
}
