/**
 * The keys of one controller that are to be planned: some now, some at a time. A key that fails waits longer each time,
 * up to a minute, whatever changes meanwhile; one that only lost a race is tried again at once, a few times.
 */
import type { Tries } from './controller.ts'

const FIRST_WAIT_MS = 50
const LONGEST_WAIT_MS = 60_000
/** Races lost in a row before a key waits. */
const FREE_LOSSES = 3

interface Trouble extends Tries {
  /** not to be planned before; 0: at once */
  readonly until: number
}

const FRESH: Tries = { attempt: 0 }

export class KeyQueue {
  readonly #ready = new Set<string>()
  readonly #later = new Map<string, number>()
  readonly #trouble = new Map<string, Trouble>()
  /** The earliest of `later`, so that thousands that wait are not asked each time; undefined: to be looked up. */
  #soonest: number | undefined = Infinity

  add(key: string): void {
    const until = this.#trouble.get(key)?.until ?? 0
    if (until > 0) this.addAt(key, until)
    else this.#ready.add(key)
  }

  /** At this time at the latest. */
  addAt(key: string, at: number): void {
    const old = this.#later.get(key)
    if (old !== undefined && old <= at) return
    this.#later.set(key, at)
    if (this.#soonest !== undefined) this.#soonest = Math.min(this.#soonest, at)
  }

  /** Up to `limit` keys whose time has come. */
  take(now: number, limit: number): readonly string[] {
    if (this.#earliest() <= now) for (const [key, at] of this.#later) if (at <= now) this.#ready.add(key)
    const taken: string[] = []
    for (const key of this.#ready) {
      if (taken.length >= limit) break
      taken.push(key)
      this.#ready.delete(key)
      if (this.#later.get(key) === this.#soonest) this.#soonest = undefined
      this.#later.delete(key)
    }
    return taken
  }

  #earliest(): number {
    if (this.#soonest !== undefined) return this.#soonest
    let soonest = Infinity
    for (const at of this.#later.values()) if (at < soonest) soonest = at
    this.#soonest = soonest
    return soonest
  }

  tries(key: string): Tries {
    return this.#trouble.get(key) ?? FRESH
  }

  succeeded(key: string): void {
    this.#trouble.delete(key)
  }

  /** Somebody else was faster, or the object refused: the key comes back. */
  failed(key: string, now: number, failure?: string): void {
    const attempt = this.tries(key).attempt + 1
    const free = failure === undefined && attempt <= FREE_LOSSES
    const wait = free ? 0 : Math.min(FIRST_WAIT_MS * 2 ** Math.min(attempt - 1, 20), LONGEST_WAIT_MS)
    this.#trouble.set(key, {
      attempt,
      until: free ? 0 : now + wait,
      ...(failure === undefined ? {} : { failure }),
    })
    this.add(key)
  }

  /** When a key is to be planned next: 0 is now, undefined never. */
  nextAt(): number | undefined {
    if (this.#ready.size > 0) return 0
    const next = this.#earliest()
    return next === Infinity ? undefined : next
  }
}
