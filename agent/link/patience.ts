// Waits of one caller that share what another learned: whoever was answered ends the waits of all, because what they
// wait for is the same control plane.
import { setTimeout as sleep } from 'node:timers/promises'
import { backoffMs } from './backoff.ts'

export class Patience {
  readonly #random: () => number
  #failures = 0
  #waits = new AbortController()

  constructor(random: () => number) {
    this.#random = random
  }

  /** After a failure: longer each time, at least `floorMs`, beyond that no longer than until the next answer. */
  async rest(floorMs: number, signal: AbortSignal): Promise<void> {
    const answered = this.#waits.signal
    this.#failures += 1
    const ms = backoffMs(this.#failures, floorMs, this.#random)
    await sleep(floorMs, undefined, { signal }).catch(() => {})
    await sleep(ms - floorMs, undefined, { signal: AbortSignal.any([signal, answered]) }).catch(() => {})
  }

  /** The control plane has answered. */
  end(): void {
    this.#failures = 0
    this.#waits.abort()
    this.#waits = new AbortController()
  }
}
