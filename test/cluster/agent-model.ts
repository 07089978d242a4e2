/**
 * An agent as the control plane meets it: it polls for its pods, starts and stops them in its own time, and reports
 * late, twice or out of order. The door it reports to keeps the newest report of a session and drops the rest, as the
 * real one does. Its host may vanish and come back with its pods still running.
 */
import { systemAllowed } from '../../api/access/authorize.ts'
import type { Verb } from '../../api/access/request.ts'
import type { Cluster } from '../../api/platform/port.ts'
import { create } from '../../api/registry/create.ts'
import { remove } from '../../api/registry/delete.ts'
import { Item } from '../../api/registry/item.ts'
import { update } from '../../api/registry/update.ts'
import type { Node, Pod, PodStatus } from '../../schema/k8s/generated/types.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { isRefusal } from '../../schema/k8s/status.ts'
import { printTime } from '../../schema/k8s/time.ts'
import { type Chaos, strikes } from './chaos.ts'

export class AgentModel {
  readonly name: string
  #reachable = true
  readonly #chaos: Chaos
  /** the control plane an agent reaches now */
  readonly #cluster: () => Cluster
  /** by pod uid: when it is up, or down */
  readonly #running = new Map<string, { readonly ip: string; readyAt: number; stoppedAt: number | undefined }>()
  readonly #newest = new Map<string, number>()
  readonly #number: number
  #addresses = 0
  #seq = 0
  /** the control plane it has a session with */
  #session: Cluster | undefined

  constructor(name: string, number: number, chaos: Chaos, cluster: () => Cluster) {
    this.name = name
    this.#number = number
    this.#chaos = chaos
    this.#cluster = cluster
  }

  set reachable(reachable: boolean) {
    this.#reachable = reachable
    // A session that could not poll for a while ends; the next one registers anew.
    if (!reachable) this.#session = undefined
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { clock } = this.#cluster()
      try {
        if (this.#reachable) await this.#turn(signal)
      } catch (error) {
        if (!isRefusal(error)) throw error
      }
      const wait = this.#chaos.calm ? 2000 : 300 + Math.floor(this.#chaos.random.fraction() * 6000)
      await clock.sleep(wait, signal)
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const cluster = this.#cluster()
    // A control plane that started again does not know the session.
    if (this.#session !== cluster) await this.#register(cluster)
    cluster.live.seen(this.name, cluster.clock.now())
    const page = await cluster.store.list({ resource: 'pods', where: { nodeName: this.name }, limit: 1000 })
    if ('expired' in page || signal.aborted) return
    const items = page.items.map(Item.of)
    const here = new Set(items.map(({ object }) => object.metadata.uid ?? ''))
    for (const uid of this.#running.keys()) if (!here.has(uid)) this.#running.delete(uid)
    await Promise.all(items.map((item) => this.#tend(cluster, item)))
  }

  async #tend(cluster: Cluster, item: Item): Promise<void> {
    const pod = item.object as unknown as Pod
    const { uid = '', deletionTimestamp } = pod.metadata
    const now = cluster.clock.now()
    const state = this.#running.get(uid) ?? this.#started(uid, now)
    if (deletionTimestamp !== undefined) {
      state.stoppedAt ??= now + Math.floor(this.#chaos.random.fraction() * 8000)
      if (now >= state.stoppedAt) await this.#stopped(cluster, pod)
      return
    }
    const status = statusOf(pod, state.ip, now >= state.readyAt, now)
    if (status === undefined) return
    const seq = ++this.#seq
    // A report may be on its way for a while, and may arrive twice.
    const copies = strikes(this.#chaos, 10) ? 2 : 1
    for (let copy = 0; copy < copies; copy++) {
      if (strikes(this.#chaos, 6)) void this.#late(cluster, pod, status, seq)
      else await this.#report(cluster, pod, status, seq)
    }
  }

  #started(uid: string, now: number): { readonly ip: string; readyAt: number; stoppedAt: number | undefined } {
    const ip = `10.${64 + this.#number}.${this.#addresses >> 8}.${this.#addresses & 255}`
    this.#addresses++
    const state = { ip, readyAt: now + Math.floor(this.#chaos.random.fraction() * 5000), stoppedAt: undefined }
    this.#running.set(uid, state)
    return state
  }

  async #late(cluster: Cluster, pod: Pod, status: PodStatus, seq: number): Promise<void> {
    await cluster.clock.sleep(Math.floor(this.#chaos.random.fraction() * 20_000))
    if (this.#reachable) await this.#report(cluster, pod, status, seq).catch(refusalsOnly)
  }

  async #report(cluster: Cluster, pod: Pod, status: PodStatus, seq: number): Promise<void> {
    const { namespace = '', name = '', uid = '' } = pod.metadata
    if ((this.#newest.get(uid) ?? 0) > seq) return
    this.#newest.set(uid, seq)
    const stored = await cluster.store.get({ resource: 'pods', namespace, name })
    if (stored === undefined) return
    const held = Item.of(stored)
    if (held.object.metadata.uid !== uid) return
    const next = { ...held.object, status: { ...(held.object['status'] as object), ...status } }
    await update(this.#allowed(cluster, 'update', 'pods', namespace, name, 'status'), next, { held, lane: 'first' })
  }

  async #stopped(cluster: Cluster, pod: Pod): Promise<void> {
    const { namespace = '', name = '', uid = '' } = pod.metadata
    const allowed = this.#allowed(cluster, 'delete', 'pods', namespace, name)
    await remove(allowed, { gracePeriodSeconds: 0, preconditions: { uid }, lane: 'first' }).catch(refusalsOnly)
  }

  async #register(cluster: Cluster): Promise<void> {
    const stored = await cluster.store.get({ resource: 'nodes', namespace: '', name: this.name })
    const at = printTime(cluster.clock.now())
    cluster.live.seen(this.name, cluster.clock.now())
    if (stored === undefined) {
      await create(this.#allowed(cluster, 'create', 'nodes', undefined, this.name), this.#node(at))
    } else {
      const held = Item.of(stored)
      const { conditions: _, ...kept } = held.object['status'] as NonNullable<Node['status']>
      const status = { ...kept, conditions: readyConditions(at) }
      await update(
        this.#allowed(cluster, 'update', 'nodes', undefined, this.name, 'status'),
        { ...held.object, status },
        { held },
      )
    }
    this.#session = cluster
  }

  #node(at: string): K8sObject {
    // The first is small, so that room matters; all together hold whatever a story wants.
    const give = { cpu: this.#number === 0 ? '500m' : '8', memory: '8Gi', pods: this.#number === 1 ? '5' : '30' }
    const node: Node = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: this.name, labels: { 'kubernetes.io/hostname': this.name } },
      status: { capacity: give, allocatable: give, conditions: readyConditions(at) },
    }
    return node
  }

  #allowed(
    cluster: Cluster,
    verb: Verb,
    resource: string,
    namespace: string | undefined,
    name: string,
    subresource?: string,
  ): ReturnType<typeof systemAllowed> {
    return systemAllowed(cluster, `system:node:${this.name}`, {
      verb,
      group: '',
      version: 'v1',
      resource,
      namespace,
      name,
      subresource,
    })
  }
}

function readyConditions(at: string): NonNullable<NonNullable<Node['status']>['conditions']> {
  const message = 'kubelet is posting ready status'
  return [
    { type: 'Ready', status: 'True', reason: 'KubeletReady', message, lastTransitionTime: at, lastHeartbeatTime: at },
  ]
}

/** undefined: there is nothing new to say. */
function statusOf(pod: Pod, ip: string, ready: boolean, now: number): PodStatus | undefined {
  const old = pod.status?.conditions ?? []
  const was = old.find(({ type }) => type === 'Ready')
  const status = ready ? 'True' : 'False'
  if (pod.status?.podIP === ip && was?.status === status) return undefined
  const conditions = [
    ...old.filter(({ type }) => type !== 'Ready'),
    { type: 'Ready', status, lastTransitionTime: printTime(now) },
  ]
  return { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions }
}

function refusalsOnly(error: unknown): void {
  if (!isRefusal(error)) throw error
}
