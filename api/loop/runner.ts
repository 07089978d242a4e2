/**
 * The loop of one cluster: waits for the bell or for what is due, runs passes until nothing is left, waits again. While
 * it waits it holds one timer and asks nothing of the store.
 */
import { kinds } from '../kinds/all.ts'
import type { Cluster } from '../platform/port.ts'
import { bootstrap } from './bootstrap.ts'
import type { Planned } from './controller.ts'
import { allControllers } from './controllers.ts'
import { Housekeeping } from './housekeeping.ts'
import { Passes } from './pass.ts'

export interface LoopOptions {
  readonly signal: AbortSignal
  /** default: all there are, in their order */
  readonly controllers?: readonly Planned[]
  /** Up to here a predecessor has settled everything: nothing older is looked at. */
  readonly cursor?: number
}

export interface Loop {
  /**
   * Looks at the log, also when no bell rang, and resolves when everything written before this call has had its pass.
   * Answers when the next pass is due (ms since the epoch); undefined: when something is written.
   */
  settled(): Promise<number | undefined>
  /** Everything up to this revision has been taken in; with `settled`, also acted on. */
  cursor(): number
  /** Resolves after `signal` aborted and the last write under way was answered. Never rejects. */
  readonly ended: Promise<void>
}

/** After trouble with the store. */
const FIRST_WAIT_MS = 200
const LONGEST_WAIT_MS = 60_000
/** A timer is set at most this far ahead. */
const LONGEST_SLEEP_MS = 86_400_000
/** Why a wait ends. Without a reason one is made with a trace of the stack, some thirty times a second under load. */
const OVER = 'the wait is over'

export function startLoop(cluster: Cluster, options: LoopOptions): Loop {
  const runner = new Runner(cluster, options)
  return { settled: () => runner.settled(), cursor: () => runner.cursor, ended: runner.run() }
}

class Runner {
  readonly #cluster: Cluster
  readonly #signal: AbortSignal
  readonly #passes: Passes
  readonly #housekeeping: Housekeeping
  readonly #fromStart: boolean
  #waiters: ((next: number | undefined) => void)[] = []
  #wake: (() => void) | undefined
  #failures = 0

  constructor(cluster: Cluster, { signal, controllers = allControllers(), cursor }: LoopOptions) {
    this.#cluster = cluster
    this.#signal = signal
    const resources = kinds.map(({ resource }) => resource).filter((resource) => resource !== 'events')
    this.#passes = new Passes(cluster, controllers, resources, cursor ?? 0)
    this.#housekeeping = new Housekeeping(cluster)
    this.#fromStart = cursor === undefined
  }

  get cursor(): number {
    return this.#passes.cursor
  }

  settled(): Promise<number | undefined> {
    if (this.#signal.aborted) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      this.#waiters.push(resolve)
      this.#wake?.()
    })
  }

  /** Never rejects. */
  async run(): Promise<void> {
    const listener = this.#cluster.bell.listen({}, this.#passes.cursor)
    this.#signal.addEventListener('abort', () => this.#wake?.())
    let started = false
    let rung = true
    while (!this.#signal.aborted) {
      const waiters = this.#waiters
      this.#waiters = []
      try {
        if (!started) await this.#start()
        started = true
        await this.#settle(rung)
        this.#failures = 0
        if (waiters.length > 0) await this.#passes.told()
        for (const resolve of waiters) resolve(this.#nextAt())
      } catch (error) {
        this.#waiters.push(...waiters)
        rung = true
        await this.#backOff(error)
        continue
      }
      rung = await this.#wait((signal) => listener.next(signal))
    }
    listener.close()
    await this.#passes.told()
    for (const resolve of this.#waiters) resolve(undefined)
  }

  async #start(): Promise<void> {
    await bootstrap(this.#cluster)
    await (this.#fromStart ? this.#passes.resync(this.#signal) : this.#passes.seed())
  }

  /** Until the log shows nothing new and no key is due. */
  async #settle(rung: boolean): Promise<void> {
    const passes = this.#passes
    await this.#housekeeping.run()
    let first = rung
    // Woken by time alone there is nothing new in the log: what is due is planned without asking for it.
    let look = rung
    do {
      const waiting = look && (await passes.takeIn(this.#signal))
      if (look) this.#housekeeping.saw(passes.cursor)
      const wrote = await passes.run(this.#signal, first)
      first = false
      look = waiting || wrote
    } while ((look || this.#isDue()) && !this.#signal.aborted)
  }

  #isDue(): boolean {
    const next = this.#passes.nextAt()
    return next !== undefined && next <= this.#cluster.clock.now()
  }

  #nextAt(): number | undefined {
    const times = [this.#passes.nextAt(), this.#housekeeping.nextAt].filter((at) => at !== undefined)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  /** Answers true when something rang or asked. */
  async #wait(listen: (signal: AbortSignal) => Promise<number | undefined>): Promise<boolean> {
    if (this.#waiters.length > 0 || this.#signal.aborted) return true
    const { clock } = this.#cluster
    const stop = new AbortController()
    this.#wake = () => stop.abort(OVER)
    const next = this.#nextAt()
    const bell = listen(stop.signal)
    const ms = next === undefined ? LONGEST_SLEEP_MS : Math.min(Math.max(0, next - clock.now()), LONGEST_SLEEP_MS)
    await Promise.race(next === undefined ? [bell] : [bell, clock.sleep(ms, stop.signal)])
    stop.abort(OVER)
    // A ring that came while time was up, too, is not to be lost.
    const heard = await bell
    this.#wake = undefined
    return heard !== undefined || this.#waiters.length > 0
  }

  async #backOff(error: unknown): Promise<void> {
    if (this.#signal.aborted) return
    this.#failures++
    const wait = Math.min(FIRST_WAIT_MS * 2 ** Math.min(this.#failures - 1, 20), LONGEST_WAIT_MS)
    this.#cluster.log.error('the loop could not reach the store and tries again', { error, waitMs: wait })
    const stop = new AbortController()
    this.#wake = () => {
      if (this.#signal.aborted) stop.abort()
    }
    await this.#cluster.clock.sleep(wait, stop.signal)
    this.#wake = undefined
  }
}
