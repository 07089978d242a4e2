/**
 * The writing half of the libSQL store: group commit.
 *
 * Groups wait in one bounded queue; up to `inFlight` flushes are under way, each one statement in one transaction and
 * one round trip, losers' current values included. While a flush is under way the next one gathers.
 *
 * When no answer comes, the flush is sent again with the same request ids. The statement passes over groups the log
 * already holds, so neither the second sending nor a late first one applies anything twice, and the ids found tell
 * which groups had won.
 */
import type { Flush } from './compose.ts'
import { composeFlush } from './compose.ts'
import type { Pending } from './flush.ts'
import { MAX_GROUP_BYTES, checkGroup, encodeGroup, expectations, hasDue, roomFor, takeFlush } from './flush.ts'
import { describeKey } from './key.ts'
import type { Opener } from './read.ts'
import type { Sealer } from './seal.ts'
import type { Sql, SqlRow } from './sql.ts'
import { int, SqlError } from './sql.ts'
import type { Group, Key, Lost, Outcome, Stored, Touched } from './store.ts'
import { StoreError } from './store.ts'

export interface WriterOptions {
  readonly sql: Sql
  readonly clusterUid: string
  readonly sealer: Sealer
  readonly open: Opener
  /** reads one key, for a loser whose value did not fit into the answer */
  readonly get: (key: Key) => Promise<Stored | undefined>
  /** a lower bound of the head, and where to report a higher one */
  readonly floor: () => number
  readonly seen: (revision: number) => void
  readonly onCommit: (touched: Touched) => void
  readonly now: () => number
  readonly requestId: () => string
  readonly sleep: (ms: number) => Promise<void>
  readonly inFlight: number
  readonly failed: (error: unknown) => StoreError
}

/** Text that may wait; beyond this and `roomFor`, `write` answers 'unavailable' at once. */
const MAX_WAITING_BYTES = 64_000_000

/** A flush without an answer is sent this often in all. */
const ATTEMPTS = 4
const BACKOFF_MS = 50

const MARK_EVERY_MS = 60_000

/** Keys whose newest revision is remembered, for telling at once who has lost. */
const KNOWN_KEYS = 1024

export interface GroupWriter {
  write(group: Group): Promise<Outcome>
  /** Refuses new groups and resolves when those already taken have been answered. */
  close(): Promise<void>
}

export function groupWriter(options: WriterOptions): GroupWriter {
  const waiting: Pending[] = []
  const known = new Map<string, number>()
  let waitingBytes = 0
  let running = 0
  let scheduled = false
  let closed = false
  let lastMark = 0
  let idle: (() => void)[] = []

  async function write(group: Group): Promise<Outcome> {
    checkGroup(group)
    if (closed) throw new StoreError('unavailable', 'the store is closed')
    if (group.effects.length === 0 && (group.guards ?? []).length === 0 && !hasDue(group))
      return { ok: true, revisions: [] }
    const req = options.requestId()
    const sealed = group.effects.some((effect) => effect.op === 'put' && effect.sealed === true)
    const carried = sealed ? await sealValues(group) : []
    const encoded = encodeGroup(req, group, carried)
    if (encoded.bytes > MAX_GROUP_BYTES) {
      throw new StoreError(
        'too-large',
        `a group has ${encoded.bytes} bytes, at most ${MAX_GROUP_BYTES} are written at once`,
      )
    }
    if (waiting.length >= roomFor(group) || waitingBytes + encoded.bytes > MAX_WAITING_BYTES) {
      throw new StoreError('unavailable', `${waiting.length} writes are waiting for the database already`)
    }
    return new Promise((resolve, reject) => {
      waiting.push({ req, group, ...encoded, resolve, reject })
      waitingBytes += encoded.bytes
      schedule()
    })
  }

  async function sealValues(group: Group): Promise<({ value: string; enc: string } | undefined)[]> {
    return Promise.all(
      group.effects.map(async (effect) => {
        if (effect.op !== 'put' || effect.sealed !== true) return undefined
        const at = { clusterUid: options.clusterUid, key: effect.key, uid: effect.index.uid ?? '' }
        const { enc, text } = await options.sealer.seal(at, effect.value)
        return { value: text, enc }
      }),
    )
  }

  /** One microtask later, so that what is written in one turn shares a flush. */
  function schedule(): void {
    if (scheduled || running >= options.inFlight || waiting.length === 0) return
    scheduled = true
    queueMicrotask(() => {
      scheduled = false
      if (running >= options.inFlight || waiting.length === 0) return
      const taken = takeFlush(waiting, known)
      for (const pending of taken) waitingBytes -= pending.bytes
      running++
      void run(taken).finally(() => {
        running--
        schedule()
        if (running === 0 && waiting.length === 0) {
          for (const resolve of idle) resolve()
          idle = []
        }
      })
      schedule()
    })
  }

  /** Answers every group of the flush; never throws. */
  async function run(taken: readonly Pending[]): Promise<void> {
    try {
      const flush = flushOf(taken)
      const answer = await send(flush)
      await settle(taken, flush, answer)
    } catch (error) {
      const failure = options.failed(error)
      for (const pending of taken) pending.reject(failure)
    }
  }

  function flushOf(taken: readonly Pending[]): Flush {
    const floor = options.floor()
    const now = options.now()
    const mark = now - lastMark >= MARK_EVERY_MS
    return composeFlush(taken, floor, mark ? { now, before: now - MARK_EVERY_MS } : undefined)
  }

  async function send(flush: Flush): Promise<Answer> {
    let unknown = false
    for (let attempt = 1; ; attempt++) {
      try {
        const rows = await options.sql.batch(unknown ? flush.again : flush.first, 'write')
        const at = unknown ? flush.writeAt + 1 : flush.writeAt
        return { applied: unknown ? (rows[0] ?? []) : [], written: rows[at] ?? [], losers: rows[at + 1] ?? [] }
      } catch (error) {
        const outcome = error instanceof SqlError ? error.outcome : 'refused'
        if (outcome === 'unknown') unknown = true
        if (outcome === 'refused' && !unknown) throw error
        if (attempt === ATTEMPTS && unknown) {
          throw new StoreError(
            'unknown-outcome',
            'the database did not answer; the write may or may not have happened',
            { cause: error },
          )
        }
        if (attempt === ATTEMPTS) throw error
        await options.sleep(BACKOFF_MS * 4 ** (attempt - 1))
      }
    }
  }

  async function settle(taken: readonly Pending[], flush: Flush, answer: Answer): Promise<void> {
    const won = new Map<string, SqlRow[]>()
    for (const row of [...answer.applied, ...answer.written]) {
      const rows = won.get(String(row[1]))
      if (rows) rows.push(row)
      else won.set(String(row[1]), [row])
    }
    if (won.size > 0) {
      if (flush.markedAt !== undefined) lastMark = flush.markedAt
      commit(taken, won)
    }
    const losers = new Map(answer.losers.map((row) => [int(row[0]), row]))
    let at = 0
    for (const pending of taken) {
      const size = pending.rows.length
      const rows = won.get(pending.req)
      if (rows) pending.resolve({ ok: true, revisions: rows.map((row) => int(row[0])) })
      else await lose(pending, losers, at)
      at += size
    }
  }

  function commit(taken: readonly Pending[], won: ReadonlyMap<string, SqlRow[]>): void {
    const resources = new Set<string>()
    const nodes = new Set<string>()
    let revision = 0
    for (const pending of taken) {
      const rows = won.get(pending.req)
      if (rows === undefined) continue
      rows.sort((a, b) => int(a[0]) - int(b[0]))
      rows.forEach((row, at) => {
        revision = Math.max(revision, int(row[0]))
        if (typeof row[2] === 'string') nodes.add(row[2])
        remember(pending.effectKeys[at] ?? '', int(row[0]))
      })
      for (const effect of pending.group.effects) resources.add(effect.key.resource)
    }
    options.seen(revision)
    options.onCommit({ revision, resources: [...resources], nodes: [...nodes] })
  }

  function remember(key: string, revision: number): void {
    known.delete(key)
    known.set(key, revision)
    if (known.size <= KNOWN_KEYS) return
    for (const oldest of known.keys()) {
      known.delete(oldest)
      return
    }
  }

  async function lose(pending: Pending, losers: ReadonlyMap<number, SqlRow>, start: number): Promise<void> {
    try {
      const lost: Lost[] = []
      const expected = expectations(pending.group)
      for (let at = 0; at < expected.length; at++) {
        const row = losers.get(start + at)
        const entry = expected[at]
        if (row === undefined || entry === undefined) continue
        lost.push({ key: entry.key, expected: entry.expect, current: await currentOf(entry.key, row) })
      }
      // Only a group without effects can hold all its guards and leave no row behind.
      if (lost.length === 0 && pending.group.effects.length === 0) pending.resolve({ ok: true, revisions: [] })
      else if (lost.length > 0) pending.resolve({ ok: false, lost })
      else
        throw new StoreError(
          'corrupt',
          `a write of ${describeKey(expected[0]?.key ?? NO_KEY)} was neither applied nor refused`,
        )
    } catch (error) {
      pending.reject(options.failed(error))
    }
  }

  async function currentOf(key: Key, row: SqlRow): Promise<Stored | undefined> {
    if (row[1] === null || row[1] === undefined) return undefined
    if (row[5] === null) return options.get(key)
    return {
      key,
      revision: int(row[1]),
      createRevision: int(row[2]),
      value: await options.open(key, row[3], row[4], row[5]),
    }
  }

  return {
    write,
    async close() {
      closed = true
      if (running > 0 || waiting.length > 0) await new Promise<void>((resolve) => idle.push(resolve))
    },
  }
}

const NO_KEY: Key = { resource: '', namespace: '', name: '' }

interface Answer {
  /** rows of (rev, req, node) */
  readonly applied: readonly SqlRow[]
  readonly written: readonly SqlRow[]
  /** rows of (ord, rev, create_rev, uid, enc, value) */
  readonly losers: readonly SqlRow[]
}
