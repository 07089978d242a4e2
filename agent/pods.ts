// All pods of this node: one worker each, fed by the assignment and by what the engine shows. The engine's events
// are opened first and the containers listed after, so nothing falls between; a list every 10 s repairs what a
// lost event missed.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Pod } from '../schema/k8s/generated/types.ts'
import { EngineHealth } from './engine-health.ts'
import type { Ground } from './ground.ts'
import type { ObservedContainer } from './plan/observed.ts'
import { LABEL, SANDBOX } from './plan/observed.ts'
import { PodWorker } from './worker.ts'

const RELIST_MS = 10_000
const RECONNECT_MS = 1000

export class Pods {
  readonly #ground: Ground
  readonly #workers = new Map<string, PodWorker>()
  /** containers of this cluster and node whose pod is not assigned; kept until the control plane has spoken */
  readonly #strays = new Map<string, ObservedContainer>()
  readonly #looking = new Map<string, boolean>()
  #listed = false
  #live = false
  #assigned: ReadonlyMap<string, Pod> | undefined

  constructor(ground: Ground) {
    this.#ground = ground
  }

  get(uid: string): PodWorker | undefined {
    return this.#workers.get(uid)
  }

  all(): PodWorker[] {
    return [...this.#workers.values()]
  }

  /**
   * What this node should run. `live`: the control plane said so just now, so what is not in it is to end;
   * else it is what the disk remembered, and nothing ends for missing in it.
   */
  assign(pods: ReadonlyMap<string, Pod>, live: boolean, touched?: ReadonlySet<string>): void {
    this.#assigned = pods
    this.#live ||= live
    // Before the first list nobody knows what runs already.
    if (!this.#listed) return
    for (const [uid, pod] of pods) {
      const worker = this.#workers.get(uid)
      if (worker === undefined) this.#add(uid, pod)
      else if (touched === undefined || touched.has(uid)) worker.assign(pod)
    }
    if (!this.#live) return
    for (const [uid, worker] of this.#workers) if (!pods.has(uid)) worker.forget()
    for (const uid of new Set([...this.#strays.values()].map((one) => one.labels[LABEL.podUid] ?? '')))
      this.#adoptStray(uid)
  }

  /** A pod's last container is gone and that is settled: its worker may go. */
  settled(uid: string): void {
    this.#workers.get(uid)?.close()
    this.#workers.delete(uid)
  }

  /** The control plane answered that it does not know this pod. */
  forget(uid: string): void {
    this.#workers.get(uid)?.forget()
  }

  /** Runs until aborted; the engine going away and coming back is part of it. */
  async run(signal: AbortSignal): Promise<void> {
    const relisting = this.#relist(signal)
    const health = new EngineHealth(this.#ground)
    while (!signal.aborted) {
      let why = 'it closed the connection'
      try {
        await this.#follow(() => health.answers(), signal)
      } catch (error) {
        why = String(error)
      }
      if (signal.aborted) break
      if (health.silent()) this.#ground.log('warn', 'the engine went away', { error: why })
      await sleep(RECONNECT_MS, undefined, { signal }).catch(() => {})
    }
    health.close()
    for (const worker of this.#workers.values()) worker.close()
    await relisting
  }

  async #follow(answers: () => void, signal: AbortSignal): Promise<void> {
    let first = Promise.resolve()
    const opened = (): void => {
      answers()
      first = this.#list(signal)
      first.catch(() => {})
    }
    const ended = new AbortController()
    const both = AbortSignal.any([signal, ended.signal])
    for await (const event of this.#ground.driver.events({ sinceMs: undefined, opened }, both)) {
      if (this.#mine(event.labels)) this.#look(event.id, both)
    }
    await first
  }

  #mine(labels: { readonly [key: string]: string }): boolean {
    return labels[LABEL.cluster] === this.#ground.node.clusterUid && labels[LABEL.node] === this.#ground.node.name
  }

  async #list(signal: AbortSignal): Promise<void> {
    const found = await this.#ground.driver.list({ key: LABEL.cluster, value: this.#ground.node.clusterUid }, signal)
    const mine = found.filter((one) => this.#mine(one.labels))
    for (const one of mine) {
      const ip = one.labels[LABEL.ip]
      if (ip !== undefined && one.labels[LABEL.container] === SANDBOX) this.#ground.addresses.keep(ip)
    }
    const ids = new Set(mine.map((one) => one.id))
    if (!this.#listed) {
      await this.#sweep(mine, signal)
      this.#ground.health.keep(ids)
    }
    this.#listed = true
    for (const worker of this.#workers.values()) for (const id of worker.ids()) if (!ids.has(id)) worker.vanished(id)
    for (const one of mine) this.#see(one)
    if (this.#assigned !== undefined) this.assign(this.#assigned, this.#live)
  }

  /** Interfaces this node made for sandboxes that are no more. */
  async #sweep(mine: readonly ObservedContainer[], signal: AbortSignal): Promise<void> {
    const used = new Set(mine.filter((one) => one.state === 'running').map((one) => one.labels[LABEL.veth]))
    for (const veth of await this.#ground.network.attached(signal)) {
      if (!used.has(veth)) await this.#ground.network.detach(veth, signal)
    }
  }

  async #relist(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(RELIST_MS, undefined, { signal }).catch(() => {})
      if (signal.aborted || !this.#listed) continue
      try {
        await this.#compare(signal)
      } catch (error) {
        if (!signal.aborted) this.#ground.log('debug', 'relist failed', { error: String(error) })
      }
    }
  }

  /** Ids and states only; what differs is looked at. */
  async #compare(signal: AbortSignal): Promise<void> {
    const states = await this.#ground.driver.states({ key: LABEL.cluster, value: this.#ground.node.clusterUid }, signal)
    const now = new Map(states.map(({ id, state }) => [id, state]))
    const known = new Map<string, string>()
    for (const worker of this.#workers.values()) for (const one of worker.seen()) known.set(one.id, one.state)
    for (const [id, state] of known) {
      const shown = now.get(id)
      if (shown === undefined || (state === 'running') !== (shown === 'running')) this.#look(id, signal)
    }
    for (const id of now.keys()) if (!known.has(id) && !this.#strays.has(id)) this.#look(id, signal)
  }

  /** One look at a time per container; one more when something happened during it. */
  #look(id: string, signal: AbortSignal): void {
    if (this.#looking.has(id)) {
      this.#looking.set(id, true)
      return
    }
    this.#looking.set(id, false)
    const look = async (): Promise<void> => {
      for (;;) {
        const found = await this.#ground.driver.inspect(id, signal)
        if (found === undefined) for (const worker of this.#workers.values()) worker.vanished(id)
        else if (this.#mine(found.labels)) this.#see(found)
        if (this.#looking.get(id) !== true) return
        this.#looking.set(id, false)
      }
    }
    look()
      .catch((error: unknown) => {
        if (!signal.aborted) this.#ground.log('debug', 'inspect failed', { id, error: String(error) })
      })
      .finally(() => this.#looking.delete(id))
  }

  #see(container: ObservedContainer): void {
    const uid = container.labels[LABEL.podUid] ?? ''
    const worker = this.#workers.get(uid)
    if (worker !== undefined) return worker.observe(container)
    this.#strays.set(container.id, container)
    if (this.#live && this.#assigned !== undefined && !this.#assigned.has(uid)) this.#adoptStray(uid)
  }

  #add(uid: string, pod: Pod): void {
    const worker = new PodWorker(this.#ground, pod)
    this.#workers.set(uid, worker)
    for (const [id, one] of this.#strays) {
      if (one.labels[LABEL.podUid] !== uid) continue
      this.#strays.delete(id)
      worker.observe(one)
    }
    worker.wake()
  }

  /** Containers of a pod nobody knows any more: ended with the grace period their labels remember. */
  #adoptStray(uid: string): void {
    const one = [...this.#strays.values()].find((stray) => stray.labels[LABEL.podUid] === uid)
    if (one === undefined || this.#workers.has(uid)) return
    const { labels } = one
    const pod: Pod = {
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: { name: labels[LABEL.podName] ?? '', namespace: labels[LABEL.podNamespace] ?? '', uid },
      spec: { containers: [], terminationGracePeriodSeconds: Number(labels[LABEL.graceSeconds] ?? 30) },
    }
    this.#add(uid, pod)
    this.#workers.get(uid)?.forget()
  }
}
