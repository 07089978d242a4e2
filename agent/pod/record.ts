// What an agent knows of one pod: its newest version, what the engine shows of it, and what was tried, said and found
// out meanwhile. The steps read it and write what they did; only the worker decides from it.
import type { Container, Pod, PodStatus } from '../../schema/k8s/generated/types.ts'
import type { Ground, PodEvent, PodIdentity } from '../ground.ts'
import type { ObservedContainer } from '../plan/observed.ts'
import { LABEL, newestFirst, SANDBOX } from '../plan/observed.ts'
import type { Fate, Hold } from '../plan/pod.ts'
import type { VolumeDescription } from '../plan/volumes.ts'

/** states only grow: an answer that was overtaken says less than what is known */
const RANK: { readonly [state in ObservedContainer['state']]: number } = { created: 0, running: 1, exited: 2 }

export class PodRecord {
  readonly ground: Ground
  pod: Pod
  fate: Fate
  status: PodStatus | undefined
  /** by id, the pause containers among them */
  readonly seen = new Map<string, ObservedContainer>()
  /** by container name; '' for the sandbox and the volumes */
  readonly holds = new Map<string, Hold>()
  /** when containers were asked to end, by id; under '' when the pod began to */
  readonly asked = new Map<string, number>()
  /** last words of ended containers, by id */
  readonly messages = new Map<string, string>()
  /** the engine's name of an image with its digest, by image id */
  readonly imageRefs = new Map<string, string>()
  /** events that are said once */
  readonly told = new Set<string>()
  /** sandboxes somebody else removed: their interface and address are still to be given back */
  readonly lost: ObservedContainer[] = []
  volumes: readonly VolumeDescription[] = []
  volumesReady = false
  tornDown = false
  ip = ''

  constructor(ground: Ground, pod: Pod) {
    this.ground = ground
    this.pod = pod
    this.status = pod.status
    this.fate = pod.metadata.deletionTimestamp === undefined ? 'run' : 'delete'
  }

  get id(): PodIdentity {
    const { namespace = '', name = '', uid = '' } = this.pod.metadata
    return { namespace, name, uid }
  }

  sandbox(): ObservedContainer | undefined {
    return this.sandboxes().find((one) => one.state === 'running')
  }

  sandboxes(): ObservedContainer[] {
    return newestFirst([...this.seen.values()].filter((one) => one.labels[LABEL.container] === SANDBOX))
  }

  containers(): ObservedContainer[] {
    return [...this.seen.values()].filter((one) => one.labels[LABEL.container] !== SANDBOX)
  }

  attempts(name: string): ObservedContainer[] {
    return newestFirst(this.containers().filter((one) => one.labels[LABEL.container] === name))
  }

  specs(): Container[] {
    return [...(this.pod.spec?.initContainers ?? []), ...(this.pod.spec?.containers ?? [])]
  }

  specOf(one: ObservedContainer): Container | undefined {
    return this.specs().find(({ name }) => name === one.labels[LABEL.container])
  }

  /** false: it is known to be further already. */
  observe(container: ObservedContainer): boolean {
    const before = this.seen.get(container.id)
    if (before !== undefined && RANK[container.state] < RANK[before.state]) return false
    this.seen.set(container.id, container)
    return true
  }

  /** false: it was not known. */
  vanished(id: string): boolean {
    const one = this.seen.get(id)
    if (one === undefined) return false
    this.seen.delete(id)
    if (one.labels[LABEL.container] === SANDBOX) this.lost.push(one)
    return true
  }

  hold(name: string, reason: string, message: string, untilMs: number): void {
    this.holds.set(name, { reason, message, untilMs })
  }

  event(event: PodEvent): void {
    this.ground.event(this.id, event)
  }

  /** The same words only once in the life of the pod. */
  eventOnce(event: PodEvent): void {
    const key = `${event.reason} ${event.message}`
    if (this.told.has(key)) return
    this.told.add(key)
    this.event(event)
  }

  containerEvent(name: string, type: PodEvent['type'], reason: string, message: string): void {
    const init = (this.pod.spec?.initContainers ?? []).some((one) => one.name === name)
    this.event({ type, reason, message, container: { name, init } })
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
