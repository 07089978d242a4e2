// The probes of one running container: startup first, then liveness and readiness, each at its period. Their state
// begins anew with each container, so a restart is never judged by what was before it.
import type { Container, Probe } from '../../schema/k8s/generated/types.ts'
import type { ProbeResult } from './probe.ts'

export type ProbeKind = 'Startup' | 'Liveness' | 'Readiness'

export interface ProberOptions {
  readonly container: Container
  readonly startedAtMs: number
  /** what was known of it before this prober; undefined: nothing */
  readonly before: { readonly started: boolean; readonly ready: boolean } | undefined
  readonly now: () => number
  readonly at: (atMs: number, then: () => void) => () => void
  readonly look: (probe: Probe, signal: AbortSignal) => Promise<ProbeResult>
  /** readiness or startup changed */
  readonly changed: () => void
  /** one look failed */
  readonly unhealthy: (kind: ProbeKind, message: string) => void
  /** so often in a row that the container must end */
  readonly fatal: (kind: ProbeKind) => void
}

export function hasProbes(container: Container): boolean {
  return (
    container.startupProbe !== undefined ||
    container.livenessProbe !== undefined ||
    container.readinessProbe !== undefined
  )
}

export class Prober {
  readonly #options: ProberOptions
  readonly #stop = new AbortController()
  readonly #timers = new Set<() => void>()
  #started: boolean
  #ready: boolean

  constructor(options: ProberOptions) {
    const { container, before } = options
    this.#options = options
    this.#started = container.startupProbe === undefined || before?.started === true
    this.#ready = container.readinessProbe === undefined || before?.ready === true
    if (this.#started || container.startupProbe === undefined) this.#begin()
    else this.#watch('Startup', container.startupProbe, 0, 0)
  }

  get started(): boolean {
    return this.#started
  }

  get ready(): boolean {
    return this.#started && this.#ready
  }

  close(): void {
    this.#stop.abort()
    for (const cancel of this.#timers) cancel()
  }

  #begin(): void {
    const { livenessProbe, readinessProbe } = this.#options.container
    if (livenessProbe !== undefined) this.#watch('Liveness', livenessProbe, 0, 0)
    if (readinessProbe !== undefined) this.#watch('Readiness', readinessProbe, 0, 0)
  }

  /** The next look; `good` and `bad` count those in a row. */
  #watch(kind: ProbeKind, probe: Probe, good: number, bad: number): void {
    const { now, at, startedAtMs } = this.#options
    const first = good === 0 && bad === 0
    const dueMs = first
      ? startedAtMs + (probe.initialDelaySeconds ?? 0) * 1000
      : now() + (probe.periodSeconds ?? 10) * 1000
    const cancel = at(dueMs, () => {
      this.#timers.delete(cancel)
      void this.#look(kind, probe, good, bad)
    })
    this.#timers.add(cancel)
  }

  async #look(kind: ProbeKind, probe: Probe, good: number, bad: number): Promise<void> {
    const result = await this.#options.look(probe, this.#stop.signal)
    if (this.#stop.signal.aborted) return
    if (result.ok) {
      if (good + 1 >= (probe.successThreshold ?? 1) && this.#pass(kind)) return
      return this.#watch(kind, probe, good + 1, 0)
    }
    this.#options.unhealthy(kind, result.message)
    if (bad + 1 >= (probe.failureThreshold ?? 3)) {
      if (kind !== 'Readiness') return this.#options.fatal(kind)
      this.#turn(false)
    }
    this.#watch(kind, probe, 0, bad + 1)
  }

  /** true: this probe has done its work */
  #pass(kind: ProbeKind): boolean {
    if (kind === 'Readiness') this.#turn(true)
    if (kind !== 'Startup') return false
    this.#started = true
    this.#begin()
    this.#options.changed()
    return true
  }

  #turn(ready: boolean): void {
    if (this.#ready === ready) return
    this.#ready = ready
    this.#options.changed()
  }
}
