/**
 * Ports in memory: the bell, liveness and a clock for tests. They need nothing of a platform, so both may use them; the
 * bell and liveness are also what the Node platform runs on, where one process is the whole control plane.
 */
import type { Touched } from '../store/store.ts'
import type { Bell, Clock, Interest, Listener, Liveness, Log, Random } from './port.ts'

/** Listeners are found by what they are interested in, so a ring costs what it wakes, not what listens. */
export function memoryBell(): Bell {
  const everything = new Set<MemoryListener>()
  const byResource = new Map<string, Set<MemoryListener>>()
  const byNode = new Map<string, Set<MemoryListener>>()
  return {
    ring(touched) {
      for (const listener of everything) listener.hear(touched)
      for (const resource of touched.resources) {
        for (const listener of byResource.get(resource) ?? NOBODY) listener.hear(touched)
      }
      for (const node of touched.nodes) for (const listener of byNode.get(node) ?? NOBODY) listener.hear(touched)
    },
    listen(interest, since) {
      const homes = homesOf(interest)
      const listener = new MemoryListener(interest, since, () => {
        for (const home of homes) leave(home, listener)
      })
      for (const { map, key } of homes) {
        if (map === undefined) everything.add(listener)
        else map.set(key, (map.get(key) ?? new Set()).add(listener))
      }
      return listener
    },
  }

  /** A node is the narrower of two interests; `hear` checks the other. */
  function homesOf({ node, resources }: Interest): readonly Home[] {
    if (node !== undefined) return [{ map: byNode, key: node }]
    return resources === undefined ? [{ map: undefined, key: '' }] : resources.map((key) => ({ map: byResource, key }))
  }

  function leave({ map, key }: Home, listener: MemoryListener): void {
    if (map === undefined) return void everything.delete(listener)
    const home = map.get(key)
    home?.delete(listener)
    if (home?.size === 0) map.delete(key)
  }
}

interface Home {
  /** undefined: interested in everything */
  readonly map: Map<string, Set<MemoryListener>> | undefined
  readonly key: string
}

const NOBODY: readonly MemoryListener[] = []

class MemoryListener implements Listener {
  readonly #interest: Interest
  readonly #leave: () => void
  #newest: number
  /** something was heard since the last answer */
  #rung = false
  #closed = false
  #wake: (() => void) | undefined

  constructor(interest: Interest, since: number, leave: () => void) {
    this.#interest = interest
    this.#newest = since
    this.#leave = leave
  }

  hear({ revision, resources }: Touched): void {
    // A ring without resources is not about the log: a stream waits for the node. It always wakes.
    if (resources.length > 0) {
      const wanted = this.#interest.resources
      if (wanted !== undefined && !resources.some((resource) => wanted.includes(resource))) return
      if (revision <= this.#newest) return
      this.#newest = revision
    }
    this.#rung = true
    this.#wake?.()
  }

  async next(signal: AbortSignal): Promise<number | undefined> {
    while (!this.#rung) {
      if (signal.aborted || this.#closed) return undefined
      await new Promise<void>((resolve) => {
        const done = (): void => {
          signal.removeEventListener('abort', done)
          this.#wake = undefined
          resolve()
        }
        this.#wake = done
        signal.addEventListener('abort', done)
      })
    }
    this.#rung = false
    return this.#newest
  }

  close(): void {
    this.#closed = true
    this.#leave()
    this.#wake?.()
  }
}

/** `since` is when this control plane began to listen. Bounded by the nodes that ever spoke in one run. */
export function memoryLiveness(since: number): Liveness {
  const nodes = new Map<string, number>()
  return {
    seen: (node, at) => void nodes.set(node, at),
    snapshot: () => Promise.resolve({ since, nodes }),
  }
}

export interface ManualClock extends Clock {
  /** Moves the time on and wakes who slept until then, in the order of their times. */
  advance(ms: number): Promise<void>
}

/** Stands still until it is moved. */
export function manualClock(start: number): ManualClock {
  let now = start
  const sleepers = new Set<{ readonly until: number; readonly wake: () => void }>()
  return {
    now: () => now,
    sleep(ms, signal) {
      if (ms <= 0 || signal?.aborted === true) return Promise.resolve()
      return new Promise((resolve) => {
        const done = (): void => {
          sleepers.delete(sleeper)
          signal?.removeEventListener('abort', done)
          resolve()
        }
        const sleeper = { until: now + ms, wake: done }
        sleepers.add(sleeper)
        signal?.addEventListener('abort', done)
      })
    },
    async advance(ms) {
      const end = now + ms
      for (;;) {
        const next = [...sleepers]
          .filter(({ until }) => until <= end)
          .toSorted((one, other) => one.until - other.until)[0]
        if (next === undefined) break
        now = Math.max(now, next.until)
        next.wake()
        // Whoever woke may go to sleep again before `end`.
        for (let turn = 0; turn < 20; turn++) await Promise.resolve()
      }
      now = end
    },
  }
}

const SUFFIX_LETTERS = 'bcdfghjklmnpqrstvwxz2456789'

/** The platform's own randomness, as every Web platform has it. */
export function webRandom(): Random {
  return {
    uuid: () => crypto.randomUUID(),
    suffix(length) {
      let text = ''
      for (const byte of crypto.getRandomValues(new Uint8Array(length)))
        text += SUFFIX_LETTERS[byte % SUFFIX_LETTERS.length]
      return text
    },
    bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
    fraction: () => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32,
  }
}

/** The same numbers for the same seed (mulberry32). For tests: what it makes can be guessed. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const fraction = (): number => {
    state = (state + 0x6d_2b_79_f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const bytes = (length: number): Uint8Array<ArrayBuffer> =>
    Uint8Array.from({ length }, () => Math.floor(fraction() * 256))
  return {
    fraction,
    bytes,
    suffix: (length) =>
      Array.from({ length }, () => SUFFIX_LETTERS[Math.floor(fraction() * SUFFIX_LETTERS.length)]).join(''),
    uuid() {
      const drawn = bytes(16)
      drawn[6] = ((drawn[6] ?? 0) & 0x0f) | 0x40
      drawn[8] = ((drawn[8] ?? 0) & 0x3f) | 0x80
      const hex = [...drawn].map((byte) => byte.toString(16).padStart(2, '0')).join('')
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
    },
  }
}

/** Says nothing. */
export const silentLog: Log = { info: () => undefined, warn: () => undefined, error: () => undefined }
