// The probers of a pod: one for each running container that has probes, and what they found.
import type { Container } from '../../schema/k8s/generated/types.ts'
import type { ObservedContainer } from '../plan/observed.ts'
import { LABEL } from '../plan/observed.ts'
import type { Sick } from '../plan/pod.ts'
import { restarts } from '../plan/restart-policy.ts'
import type { ProbeKind } from '../probe/prober.ts'
import { hasProbes, Prober } from '../probe/prober.ts'
import type { PodRecord } from './record.ts'

export class Probing {
  readonly #record: PodRecord
  readonly #changed: () => void
  readonly #probers = new Map<string, Prober>()
  readonly #sick = new Map<string, Sick>()

  /** `changed`: what is ready, started or sick is different now. */
  constructor(record: PodRecord, changed: () => void) {
    this.#record = record
    this.#changed = changed
  }

  /** running containers that must end, by id */
  get sick(): ReadonlyMap<string, Sick> {
    return this.#sick
  }

  ready(one: ObservedContainer): boolean {
    return this.#probers.get(one.id)?.ready ?? !this.#probed(one)
  }

  started(one: ObservedContainer): boolean {
    return this.#probers.get(one.id)?.started ?? this.#record.specOf(one)?.startupProbe === undefined
  }

  /** Probers for what runs; none for what is to end. */
  sync(): void {
    const { seen, fate } = this.#record
    for (const [id, prober] of this.#probers) {
      if (seen.get(id)?.state === 'running' && fate === 'run') continue
      prober.close()
      this.#record.ground.health.forget(id)
      this.#probers.delete(id)
      this.#sick.delete(id)
    }
    if (fate !== 'run') return
    for (const one of this.#record.containers())
      if (one.state === 'running' && this.#probed(one) && !this.#probers.has(one.id)) this.#begin(one)
  }

  close(): void {
    for (const prober of this.#probers.values()) prober.close()
  }

  #probed(one: ObservedContainer): boolean {
    const spec = this.#record.specOf(one)
    return spec !== undefined && hasProbes(spec)
  }

  #begin(one: ObservedContainer): void {
    const container = this.#record.specOf(one)
    if (container === undefined) return
    const { clock, health, node, probe: look } = this.#record.ground
    const podIP = this.#record.sandbox()?.labels[LABEL.ip] ?? node.ip
    const target = { containerId: one.id, container, podIP }
    const prober: Prober = new Prober({
      container,
      startedAtMs: one.startedAtMs,
      before: health.of(one.id),
      now: () => clock.now(),
      at: (atMs, then) => clock.at(atMs, then),
      look: (probe, signal) => look(probe, target, signal),
      changed: () => {
        health.note(one.id, prober)
        this.#changed()
      },
      unhealthy: (kind, message) =>
        this.#record.containerEvent(container.name, 'Warning', 'Unhealthy', `${kind} probe failed: ${message}`),
      fatal: (kind) => {
        this.#sick.set(one.id, this.#sickness(container, kind))
        this.#changed()
      },
    })
    this.#probers.set(one.id, prober)
  }

  #sickness(container: Container, kind: ProbeKind): Sick {
    const { pod } = this.#record
    const probe = kind === 'Startup' ? container.startupProbe : container.livenessProbe
    const seconds = probe?.terminationGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? 30
    const again = restarts(pod, container, 1) ? ', will be restarted' : ''
    const message = `Container ${container.name} failed ${kind.toLowerCase()} probe${again}`
    return { message, graceMs: seconds * 1000 }
  }
}
