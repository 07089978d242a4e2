// What the control plane still has to be told: the newest status of each pod, pods that are gone, events, the node.
// Sent at once, one report at a time; what comes up meanwhile goes with the next. Nothing is dropped but events
// beyond a bound, and what a report carried stays until it was answered.
import type { PodStatus } from '../schema/k8s/generated/types.ts'
import type { ReportRequest, ReportResponse } from '../schema/wire/report.ts'
import type { PodEvent, PodIdentity } from './ground.ts'

const MAX_PER_REPORT = 500
const MAX_EVENTS = 1000
const MAX_MESSAGE = 1024

export type ReportedEvent = ReportRequest['events'][number]

export interface Pending {
  readonly pods: Map<string, { readonly id: PodIdentity; readonly status: PodStatus }>
  readonly stopped: Map<string, PodIdentity>
  node: { readonly [field: string]: unknown } | undefined
  events: ReportedEvent[]
}

export class Reports {
  readonly #pending: Pending = { pods: new Map(), stopped: new Map(), node: undefined, events: [] }
  #seq = 0
  #wake: () => void = () => {}

  status(id: PodIdentity, status: PodStatus): void {
    this.#pending.pods.set(id.uid, { id, status })
    this.#wake()
  }

  stopped(id: PodIdentity): void {
    this.#pending.stopped.set(id.uid, id)
    this.#wake()
  }

  node(status: { readonly [field: string]: unknown }): void {
    this.#pending.node = status
    this.#wake()
  }

  event(pod: PodIdentity, event: PodEvent): void {
    const { container } = event
    const list = container?.init === true ? 'initContainers' : 'containers'
    this.#pending.events.push({
      namespace: pod.namespace,
      pod: pod.name,
      podUid: pod.uid,
      ...(container === undefined ? {} : { fieldPath: `spec.${list}{${container.name}}` }),
      type: event.type,
      reason: event.reason,
      message: event.message.slice(0, MAX_MESSAGE),
    })
    if (this.#pending.events.length > MAX_EVENTS) this.#pending.events.shift()
    this.#wake()
  }

  /** A new session counts from the start. */
  restart(): void {
    this.#seq = 0
  }

  get empty(): boolean {
    const { pods, stopped, node, events } = this.#pending
    return pods.size === 0 && stopped.size === 0 && node === undefined && events.length === 0
  }

  /** Resolves when there is something to send. */
  async ready(signal: AbortSignal): Promise<void> {
    while (this.empty && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          signal.removeEventListener('abort', done)
          resolve()
        }
        this.#wake = done
        signal.addEventListener('abort', done)
      })
    }
  }

  /** Sends one report; throws what `send` throws, having lost nothing. */
  async send(session: string, send: (report: ReportRequest) => Promise<ReportResponse>): Promise<ReportResponse> {
    const { pods, stopped, node, events } = this.#pending
    // A pod's last status goes before its end is told.
    const statuses = [...pods].slice(0, MAX_PER_REPORT)
    const gone = statuses.length < pods.size ? [] : [...stopped].slice(0, MAX_PER_REPORT)
    const told = events.slice(0, MAX_PER_REPORT)
    const answer = await send({
      session,
      seq: ++this.#seq,
      pods: statuses.map(([, { id, status }]) => ({ ...id, status: status as { [field: string]: unknown } })),
      stopped: gone.map(([, id]) => id),
      ...(node === undefined ? {} : { node: { ...node } }),
      events: told,
    })
    for (const [uid, sent] of statuses) if (pods.get(uid) === sent) pods.delete(uid)
    for (const [uid] of gone) stopped.delete(uid)
    if (this.#pending.node === node) this.#pending.node = undefined
    const sent = new Set(told)
    this.#pending.events = this.#pending.events.filter((event) => !sent.has(event))
    return answer
  }
}
