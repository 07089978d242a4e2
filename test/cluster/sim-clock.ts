/**
 * Virtual time: it stands still while anybody has something to do, and jumps to the next sleeper when nobody has. A
 * story of an hour takes as long as its work, and the same seed wakes the same sleepers in the same order.
 */
import type { Clock } from '../../api/platform/port.ts'

interface Sleeper {
  readonly at: number
  readonly order: number
  readonly wake: () => void
}

export class SimClock implements Clock {
  #now: number
  #order = 0
  readonly #sleepers: Sleeper[] = []

  constructor(start: number) {
    this.#now = start
  }

  now(): number {
    return this.#now
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve()
    return new Promise((resolve) => {
      const done = (): void => {
        const index = this.#sleepers.indexOf(sleeper)
        if (index >= 0) this.#sleepers.splice(index, 1)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const sleeper: Sleeper = { at: this.#now + Math.max(0, ms), order: this.#order++, wake: done }
      let at = this.#sleepers.length
      while (at > 0 && before(sleeper, this.#sleepers[at - 1])) at--
      this.#sleepers.splice(at, 0, sleeper)
      signal?.addEventListener('abort', done)
    })
  }

  /** Runs everybody until this time. */
  async runUntil(end: number): Promise<void> {
    for (;;) {
      await settled()
      const next = this.#sleepers[0]
      if (next === undefined || next.at > end) break
      this.#now = Math.max(this.#now, next.at)
      next.wake()
    }
    this.#now = Math.max(this.#now, end)
  }

  /** Runs everybody until `work` is done. */
  async runFor<T>(work: Promise<T>): Promise<T> {
    let over = false
    const finish = work.finally(() => (over = true))
    finish.catch(() => undefined)
    while (!over) {
      await settled()
      if (over) break
      const next = this.#sleepers[0]
      if (next === undefined) throw new Error('everybody waits for something that will not happen')
      this.#now = Math.max(this.#now, next.at)
      next.wake()
    }
    return finish
  }
}

function before(one: Sleeper, other: Sleeper | undefined): boolean {
  return other !== undefined && (one.at < other.at || (one.at === other.at && one.order < other.order))
}

/** Every promise that can go on has gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}
