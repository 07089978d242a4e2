/**
 * The store in memory: the same contract without a database, held to the same suite. For tests, simulations and
 * clusters that need not outlive the process. Values are kept as they come; nothing is at rest, so nothing is sealed.
 */
import { checkGroup, expectations, utf8Length } from './flush.ts'
import { compareText, keyText } from './key.ts'
import type { Entry } from './memory-rows.ts'
import {
  changeOf,
  compareKeys,
  cut,
  holds,
  indexRow,
  indexWeight,
  lowerBound,
  matches,
  must,
  storedOf,
  upperBound,
  wanted,
} from './memory-rows.ts'
import { COUNT_AT_MOST, INDEX_ROWS, PAGE_BYTES, PAGE_ROWS } from './page-sql.ts'
import type { Effect, Group, ListQuery, Lost, Outcome, Page, Store, Touched } from './store.ts'
import { StoreError, textPage } from './store.ts'

export interface MemoryStoreOptions {
  readonly now: () => number
  readonly clusterUid: string
  readonly onCommit?: (touched: Touched) => void
}

const MARK_EVERY_MS = 60_000

export function openMemoryStore(options: MemoryStoreOptions): Store {
  const current = new Map<string, Entry>()
  const ordered = new Map<string, Entry[]>()
  /** keys by the uid of their owner */
  const owners = new Map<string, Set<string>>()
  const due = new Map<string, { planner: string; key: string; at: number }>()
  const marks: { revision: number; at: number }[] = []
  let log: Entry[] = []
  let head = 1
  let compacted = 0
  let closed = false

  async function write(group: Group): Promise<Outcome> {
    checkGroup(group)
    if (closed) throw new StoreError('unavailable', 'the store is closed')
    const lost = expectations(group).filter(({ key, expect }) => !holds(current.get(keyText(key)), expect))
    if (lost.length > 0) {
      return {
        ok: false,
        lost: lost.map(({ key, expect }): Lost => ({
          key,
          expected: expect,
          current: storedOf(current.get(keyText(key))),
        })),
      }
    }
    const revisions: number[] = []
    const nodes = new Set<string>()
    for (const effect of group.effects) {
      const entry = apply(effect)
      revisions.push(entry.revision)
      if (entry.index.nodeName) nodes.add(entry.index.nodeName)
    }
    for (const { planner, key, at } of group.due ?? []) {
      if (at === null) due.delete(`${planner}\u0000${key}`)
      else due.set(`${planner}\u0000${key}`, { planner, key, at })
    }
    if (group.effects.length === 0) return { ok: true, revisions }
    mark(options.now())
    options.onCommit?.({
      revision: head,
      resources: [...new Set(group.effects.map((effect) => effect.key.resource))],
      nodes: [...nodes],
    })
    return { ok: true, revisions }
  }

  function apply(effect: Effect): Entry {
    const text = keyText(effect.key)
    const previous = current.get(text)
    head++
    const entry: Entry = {
      key: effect.key,
      revision: head,
      createRevision: previous?.createRevision ?? head,
      op: effect.op === 'delete' ? 'delete' : previous === undefined ? 'create' : 'update',
      value: effect.op === 'delete' ? (previous?.value ?? '') : effect.value,
      index: effect.op === 'delete' ? (previous?.index ?? {}) : effect.index,
      bytes: effect.op === 'delete' ? (previous?.bytes ?? 0) : utf8Length(effect.value),
      previous,
    }
    log.push(entry)
    place(entry, previous)
    return entry
  }

  /** Keeps the map and the sorted rows of the resource in step. */
  function place(entry: Entry, previous: Entry | undefined): void {
    disown(previous)
    if (entry.op !== 'delete') own(entry)
    const rows = ordered.get(entry.key.resource) ?? []
    if (!ordered.has(entry.key.resource)) ordered.set(entry.key.resource, rows)
    const at = lowerBound(rows, entry.key)
    if (entry.op === 'delete') {
      current.delete(keyText(entry.key))
      rows.splice(at, 1)
    } else {
      current.set(keyText(entry.key), entry)
      rows.splice(at, previous === undefined ? 0 : 1, entry)
    }
  }

  function own({ key, index }: Entry): void {
    const { owner = '' } = index
    if (owner === '') return
    const owned = owners.get(owner) ?? new Set()
    owners.set(owner, owned.add(keyText(key)))
  }

  function disown(entry: Entry | undefined): void {
    const { owner = '' } = entry?.index ?? {}
    const owned = owners.get(owner)
    if (entry === undefined || owned === undefined) return
    owned.delete(keyText(entry.key))
    if (owned.size === 0) owners.delete(owner)
  }

  function mark(now: number): void {
    const last = marks.at(-1)
    if (last === undefined || now - last.at >= MARK_EVERY_MS) marks.push({ revision: head, at: now })
  }

  function rowsAt(query: ListQuery): readonly Entry[] {
    const rows = ordered.get(query.resource) ?? []
    if (query.at === undefined || query.at >= head) return rows
    const at = query.at
    const then = rows.filter((entry) => entry.revision <= at)
    for (const entry of entriesAfter(at)) {
      const { previous } = entry
      if (entry.key.resource === query.resource && previous !== undefined && previous.revision <= at)
        then.push(previous)
    }
    return then.toSorted((a, b) => compareKeys(a.key, b.key))
  }

  function entriesAfter(revision: number): readonly Entry[] {
    let low = 0
    let high = log.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((log[middle]?.revision ?? 0) <= revision) low = middle + 1
      else high = middle
    }
    return log.slice(low)
  }

  function range(query: ListQuery): readonly Entry[] {
    const { namespace, after } = query
    const rows = rowsAt(query)
    const from = after === undefined ? 0 : upperBound(rows, { resource: query.resource, ...after })
    return rows
      .slice(from)
      .filter((entry) => (namespace === undefined || entry.key.namespace === namespace) && matches(entry, query))
  }

  async function list(query: ListQuery): ReturnType<Store['list']> {
    if (query.at !== undefined && query.at < compacted) return { expired: true, compacted, head }
    const rows = range(query)
    const taken = cut(rows, Math.min(query.limit, PAGE_ROWS), PAGE_BYTES, (entry) => entry.bytes)
    const items = taken.map((entry) => must(storedOf(entry)))
    const page: Page = {
      revision: query.at === undefined ? head : Math.min(query.at, head),
      items,
      more: rows.length > items.length,
    }
    const few = query.limit <= 1000 && query.where === undefined && query.stream !== true
    const counted = few && rows.length <= query.limit + COUNT_AT_MOST
    return Promise.resolve(counted ? { ...page, remaining: rows.length - items.length } : page)
  }

  const store: Store = {
    meta: { clusterUid: options.clusterUid, schemaVersion: 1, restoreEpoch: 0 },
    write,
    list,
    listText: async (query) => textPage(await list({ ...query, limit: PAGE_ROWS, stream: true })),
    get: (key) => Promise.resolve(storedOf(current.get(keyText(key)))),
    getMany: (keys) => Promise.resolve(keys.map((key) => storedOf(current.get(keyText(key))))),
    index(query) {
      const rows = range({ ...query, at: undefined })
      const taken = cut(rows, Math.min(query.limit, INDEX_ROWS), PAGE_BYTES, indexWeight)
      return Promise.resolve({ revision: head, rows: taken.map(indexRow), more: rows.length > taken.length })
    },
    after(query) {
      if (query.since < compacted) return Promise.resolve({ ok: false, compacted, head })
      const rows = entriesAfter(query.since).filter((entry) => wanted(entry, query))
      const taken = cut(rows, query.limit, PAGE_BYTES, (entry) => entry.bytes * (query.previous ? 2 : 1))
      const more = rows.length > taken.length
      const last = taken.at(-1)
      const upTo = more && last !== undefined ? last.revision : Math.max(head, query.since)
      return Promise.resolve({ ok: true, changes: taken.map((entry) => changeOf(entry, query.previous)), upTo, more })
    },
    head: () => Promise.resolve({ head, compacted }),
    due(before, limit) {
      const rows = [...due.values()].filter((row) => row.at <= before)
      rows.sort((a, b) => a.at - b.at || compareText(a.planner, b.planner) || compareText(a.key, b.key))
      return Promise.resolve(rows.slice(0, limit))
    },
    nextDue() {
      let next: number | undefined
      for (const { at } of due.values()) if (next === undefined || at < next) next = at
      return Promise.resolve(next)
    },
    expired(before, limit) {
      const rows = [...current.values()].filter(
        (entry) => entry.index.expiresAt !== undefined && entry.index.expiresAt <= before,
      )
      rows.sort(
        (a, b) => (a.index.expiresAt ?? 0) - (b.index.expiresAt ?? 0) || compareText(keyText(a.key), keyText(b.key)),
      )
      return Promise.resolve(rows.slice(0, limit).map(indexRow))
    },
    owned(uid, limit) {
      const rows = [...(owners.get(uid) ?? [])].flatMap((text) => current.get(text) ?? [])
      rows.sort((a, b) => compareText(a.key.resource, b.key.resource) || compareKeys(a.key, b.key))
      return Promise.resolve(rows.slice(0, limit).map(indexRow))
    },
    compact(upTo) {
      const limit = Math.min(upTo, head - 1)
      if (limit > compacted) {
        compacted = limit
        log = log.filter((entry) => entry.revision > compacted)
        // What was superseded at or before the compaction revision is out of reach.
        for (const [at, entry] of log.entries()) {
          if (entry.previous?.previous !== undefined && entry.previous.revision <= compacted) {
            log[at] = { ...entry, previous: { ...entry.previous, previous: undefined } }
          }
        }
        for (const [text, entry] of current) if (entry.revision <= compacted) forgetPrevious(text, entry)
      }
      return Promise.resolve({ done: true })
    },
    revisionAt(at) {
      return Promise.resolve(marks.findLast((row) => row.at <= at)?.revision)
    },
    close() {
      closed = true
      return Promise.resolve()
    },
  }

  function forgetPrevious(text: string, entry: Entry): void {
    if (entry.previous === undefined) return
    const bare = { ...entry, previous: undefined }
    current.set(text, bare)
    const rows = ordered.get(entry.key.resource)
    if (rows !== undefined) rows[lowerBound(rows, entry.key)] = bare
  }

  return store
}
