/**
 * One Durable Object per cluster, named by the cluster's uid: it owns the bell, the liveness of nodes, the orders of
 * streams, and the pass. Agents' polls and reports are served in it, so what they share is its memory.
 *
 * Nothing here is the truth: an object that is moved or evicted loses its memory, and its successor reads the log from
 * the cursor it left in its storage. Passes are fenced by the epoch that the loop takes when it starts.
 */
import { DurableObject } from 'cloudflare:workers'
import type { Cluster, StreamOrder } from '../port.ts'
import type { Touched } from '../../store/store.ts'
import { openCluster } from './cluster.ts'
import { clusterSettings, type Environment } from './environment.ts'
import { type ObjectBell, objectBell } from './object-bell.ts'
import type { ClusterSettings } from './settings.ts'
import { remoteStreams } from './streams.ts'

/** What the entry wires in: rooms that a platform may not know. */
export interface ObjectWiring {
  serve(request: Request, cluster: Cluster): Promise<Response>
  /** Runs passes until aborted, from `cursor` on; without one it begins with everything there is. */
  loop(cluster: Cluster, options: { readonly signal: AbortSignal; readonly cursor?: number }): ObjectLoop
}

export interface ObjectLoop {
  /** Everything written so far has had its pass; answers when the next one is due (ms since the epoch). */
  settled(): Promise<number | undefined>
  /** everything up to this revision had its pass */
  cursor(): number
}

const CURSOR = 'cursor'

/** A ring that finds the object dead between a write and its pass is made good by this alarm. */
const ALARM_AFTER_RING_MS = 1_000
/** orders per node that wait for a poll; a client beyond that gets an error at once */
const MOST_ORDERS = 100

export abstract class ClusterObjectBase extends DurableObject<Environment> {
  readonly #bell: ObjectBell
  readonly #orders = new Map<string, StreamOrder[]>()
  readonly #seen = new Map<string, number>()
  readonly #since = Date.now()
  readonly #cluster: Promise<Cluster>
  readonly #loop: Promise<ObjectLoop>
  #armed = false
  #kept: number | undefined

  abstract readonly wiring: ObjectWiring

  constructor(context: DurableObjectState, environment: Environment) {
    super(context, environment)
    this.#bell = objectBell(context)
    this.#cluster = this.#open()
    // Whatever was written while nobody was here gets its pass now.
    this.#loop = this.#start()
    void this.#loop.then(
      () => this.#arm(),
      (error: unknown) =>
        console.error(JSON.stringify({ level: 'error', message: 'the loop did not start', error: String(error) })),
    )
  }

  /** After each commit of a Worker. Resolves at once; the alarm stays until the pass is through. */
  async ring(touched: Touched): Promise<void> {
    await this.#arm(Date.now() + ALARM_AFTER_RING_MS)
    this.#bell.ring(touched)
    this.ctx.waitUntil(this.#settle())
  }

  /** A client waits for the agent of `order.node`: the order goes out with the node's next poll, at once if one hangs. */
  // oxlint-disable-next-line typescript/require-await -- so that a throw becomes a rejection
  async order(order: StreamOrder): Promise<void> {
    const orders = this.#orders.get(order.node) ?? []
    if (orders.length >= MOST_ORDERS) throw new Error(`node ${order.node}: ${MOST_ORDERS} streams wait for it already`)
    this.#orders.set(order.node, [...orders, order])
    // Without resources it is not about the log: it wakes the node's poll at any revision.
    this.#bell.ring({ revision: 0, resources: [], nodes: [order.node] })
  }

  take(node: string): Promise<readonly StreamOrder[]> {
    const orders = this.#orders.get(node) ?? []
    this.#orders.delete(node)
    return Promise.resolve(orders)
  }

  liveness(): Promise<{ readonly since: number; readonly nodes: ReadonlyMap<string, number> }> {
    return Promise.resolve({ since: this.#since, nodes: new Map(this.#seen) })
  }

  override async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url)
    if (url.pathname === '/listen') return this.#bell.accept(url.searchParams)
    return this.wiring.serve(request, await this.#cluster)
  }

  override async alarm(): Promise<void> {
    this.#armed = false
    await this.#settle()
  }

  /** Cron: the floor under everything. */
  async tick(): Promise<void> {
    await this.#settle()
  }

  async #start(): Promise<ObjectLoop> {
    const cluster = await this.#cluster
    const cursor = await this.ctx.storage.get<number>(CURSOR)
    const { signal } = new AbortController()
    return this.wiring.loop(cluster, cursor === undefined ? { signal } : { signal, cursor })
  }

  async #settle(): Promise<void> {
    const loop = await this.#loop
    const next = await loop.settled()
    const cursor = loop.cursor()
    if (cursor !== this.#kept) await this.ctx.storage.put(CURSOR, cursor)
    this.#kept = cursor
    await this.ctx.storage.deleteAlarm()
    this.#armed = false
    if (next !== undefined) await this.#arm(next)
  }

  async #arm(at?: number): Promise<void> {
    if (at === undefined) return this.#settle()
    if (this.#armed) return
    this.#armed = true
    await this.ctx.storage.setAlarm(at)
  }

  async #open(): Promise<Cluster> {
    const [name, settings] = this.#settings()
    return openCluster(name, settings, {
      bell: this.#bell,
      live: {
        seen: (node, at) => void this.#seen.set(node, at),
        snapshot: () => this.liveness(),
      },
      streams: remoteStreams(this.env, this),
      defer: (work) => this.ctx.waitUntil(work),
      onCommit: (touched) => this.#bell.ring(touched),
    })
  }

  #settings(): readonly [string, ClusterSettings] {
    for (const entry of clusterSettings(this.env)) if (entry[1].uid === this.ctx.id.name) return entry
    throw new Error(`no cluster with uid ${this.ctx.id.name} in the secrets of this deployment`)
  }
}
