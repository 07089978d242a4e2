/**
 * Writes of one isolate take turns before the database. A libSQL server has one writer: what is sent beyond a few at a
 * time waits there instead, each on a connection of its own, and sqld then loses track of who is next for seconds.
 *
 * Requests of one isolate share the gate, and any of them may be cut off while it holds a place: a place is held for a
 * time, and whoever waits looks again by itself.
 */
import type { Sql } from '../../store/sql.ts'

const PLACES = 2
/** A write that takes longer than this no longer counts. */
const HELD_MS = 5_000
const LOOK_AGAIN_MS = 100

export class Gate {
  readonly #held = new Map<symbol, number>()
  readonly #waiting = new Set<() => void>()

  async enter(): Promise<() => void> {
    while (!this.#isFree(Date.now())) await this.#turn()
    const place = Symbol('place')
    this.#held.set(place, Date.now())
    return () => {
      this.#held.delete(place)
      for (const next of this.#waiting) return next()
    }
  }

  #isFree(now: number): boolean {
    for (const [place, since] of this.#held) if (now - since > HELD_MS) this.#held.delete(place)
    return this.#held.size < PLACES
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(done)
        resolve()
      }
      const timer = setTimeout(done, LOOK_AGAIN_MS)
      this.#waiting.add(done)
    })
  }
}

export function gated(sql: Sql, gate: Gate): Sql {
  return {
    async batch(statements, mode) {
      if (mode === 'read') return sql.batch(statements, mode)
      const leave = await gate.enter()
      try {
        return await sql.batch(statements, mode)
      } finally {
        leave()
      }
    },
    close: () => sql.close(),
  }
}
