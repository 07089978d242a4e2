/** What the store in memory keeps of each revision, and how its rows are chosen, ordered and shown. */
import { expectNumber, utf8Length } from './flush.ts'
import { compareText } from './key.ts'
import type { AfterQuery, Change, Expect, Index, IndexRow, Key, ListQuery, Stored } from './store.ts'
import { StoreError } from './store.ts'

export interface Entry {
  readonly key: Key
  readonly revision: number
  readonly createRevision: number
  readonly op: 'create' | 'update' | 'delete'
  /** for a delete the last state */
  readonly value: string
  readonly index: Index
  readonly bytes: number
  readonly previous: Entry | undefined
}

export function holds(entry: Entry | undefined, expect: Expect): boolean {
  const number = expectNumber(expect)
  return number === -1 ? entry !== undefined : (entry?.revision ?? 0) === number
}

export function storedOf(entry: Entry | undefined): Stored | undefined {
  if (entry === undefined) return undefined
  const { key, revision, createRevision, value } = entry
  return { key, revision, createRevision, value }
}

export function indexRow({ key, revision, index, bytes }: Entry): IndexRow {
  const { labels, nodeName, owner, uid, expiresAt, facts } = index
  return { key, revision, labels: labels ?? {}, nodeName: nodeName || undefined, owner, uid, expiresAt, facts, bytes }
}

export function indexWeight({ index }: Entry): number {
  return 200 + (index.labels ? utf8Length(JSON.stringify(index.labels)) : 0) + utf8Length(index.facts ?? '')
}

export function changeOf({ revision, op, key, value, previous }: Entry, withPrevious: boolean): Change {
  return { revision, op, key, value, previous: withPrevious ? previous?.value : undefined }
}

export function wanted(entry: Entry, query: AfterQuery): boolean {
  if (query.resources !== undefined && !query.resources.includes(entry.key.resource)) return false
  return query.namespace === undefined || entry.key.namespace === query.namespace
}

export function matches({ index }: Entry, query: ListQuery): boolean {
  const { where } = query
  if (where === undefined) return true
  const node = index.nodeName ?? ''
  if (where.unbound === true && node !== '') return false
  if (where.nodeName !== undefined && node !== where.nodeName) return false
  if (where.owner !== undefined && (index.owner ?? '') !== where.owner) return false
  if (where.uid !== undefined && index.uid !== where.uid) return false
  return Object.entries(where.labels ?? {}).every(([key, value]) => index.labels?.[key] === value)
}

/** At most `limit` rows and `bytes`, but at least one row. */
export function cut(
  rows: readonly Entry[],
  limit: number,
  bytes: number,
  weigh: (entry: Entry) => number,
): readonly Entry[] {
  const taken: Entry[] = []
  let sum = 0
  for (const entry of rows) {
    sum += weigh(entry)
    if (taken.length >= limit || (sum > bytes && taken.length > 0)) break
    taken.push(entry)
  }
  return taken
}

export function compareKeys(a: Key, b: Key): number {
  return compareText(a.namespace, b.namespace) || compareText(a.name, b.name)
}

/** First row that is not before `key`. */
export function lowerBound(rows: readonly Entry[], key: Key): number {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >> 1
    const row = rows[middle]
    if (row !== undefined && compareKeys(row.key, key) < 0) low = middle + 1
    else high = middle
  }
  return low
}

export function upperBound(rows: readonly Entry[], key: Key): number {
  const at = lowerBound(rows, key)
  const row = rows[at]
  return row !== undefined && compareKeys(row.key, key) === 0 ? at + 1 : at
}

export function must(stored: Stored | undefined): Stored {
  if (stored === undefined) throw new StoreError('corrupt', 'a row has no object')
  return stored
}
