/**
 * What time does to stored things: records whose time is over are removed, and history older than five minutes is
 * compacted. Both happen some minutes after the last write, a bounded amount at a time, and then nothing more until
 * somebody writes again: an idle cluster is left alone, and Events that grow old in it stay until then.
 */
import type { Cluster } from '../platform/port.ts'
import type { Key } from '../store/store.ts'

const HISTORY_MS = 300_000
/** After a write, when everything up to it may be compacted. */
const AFTER_WRITE_MS = 330_000
const GO_ON_MS = 1_000
const EXPIRED_ROWS = 500
const COMPACT_STEPS = 10

export class Housekeeping {
  readonly #cluster: Cluster
  #at: number | undefined
  #seen = 0
  /** revisions of its own that the log is about to show */
  #own = 0
  #lastWrite = Number.NEGATIVE_INFINITY

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** The log was read up to here. */
  saw(upTo: number): void {
    const foreign = upTo - this.#seen - this.#own
    this.#seen = Math.max(this.#seen, upTo)
    this.#own = 0
    if (foreign <= 0) return
    this.#lastWrite = this.#cluster.clock.now()
    this.#at ??= this.#lastWrite + AFTER_WRITE_MS
  }

  get nextAt(): number | undefined {
    return this.#at
  }

  /** Does what is due. Never throws: what went wrong is tried again later. */
  async run(): Promise<void> {
    const { clock, log, store } = this.#cluster
    const now = clock.now()
    if (this.#at === undefined || now < this.#at) return
    this.#at = undefined
    try {
      const expired = await store.expired(now, EXPIRED_ROWS)
      await Promise.all(expired.map(({ key, revision }) => this.#remove(key, revision)))
      const upTo = await store.revisionAt(now - HISTORY_MS)
      const { done } = upTo === undefined ? { done: true } : await store.compact(upTo, COMPACT_STEPS)
      if (!done || expired.length === EXPIRED_ROWS) this.#at = now + GO_ON_MS
    } catch (error) {
      log.warn('housekeeping failed and is tried again', { error })
      this.#at = now + AFTER_WRITE_MS
    }
    // What was written lately is too young to be compacted.
    if (this.#lastWrite > now - HISTORY_MS) this.#at ??= this.#lastWrite + AFTER_WRITE_MS
  }

  async #remove(key: Key, revision: number): Promise<void> {
    const outcome = await this.#cluster.store.write({
      effects: [{ op: 'delete', key, expect: revision }],
      lane: 'last',
    })
    if (outcome.ok) this.#own++
  }
}
