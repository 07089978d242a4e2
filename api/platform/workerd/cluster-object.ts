/**
 * One Durable Object per cluster, named by the cluster's uid: it owns the bell, the liveness of nodes, the orders of
 * streams, and the pass. Agents' polls and reports are served in it, so what they share is its memory.
 *
 * Nothing here is the truth: an object that is moved or evicted loses its memory, and its successor reads the log from
 * the cursor it left in its storage. Passes are fenced by the epoch that the loop takes when it plans.
 *
 * What makes sure of a pass, in the order in which it would come: the ring starts the loop; the alarm, a moment after
 * a ring, settles what the ring began, in whatever object lives then; agents that come back, and a Worker that starts
 * and sees a newer log, do the same; cron is the floor. An idle object writes nothing, here or to the database.
 */
import { DurableObject } from 'cloudflare:workers'
import type { Clock, Cluster, StreamOrder } from '../port.ts'
import type { Touched } from '../../store/store.ts'
import { clock, headOf, log, openCluster } from './cluster.ts'
import { clusterSettings, type Environment } from './environment.ts'
import { objectBell } from './object-bell.ts'
import { Orders } from './orders.ts'
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

/** What an object leaves to its successor. */
interface Kept {
  /** everything up to this revision had its pass */
  readonly cursor: number
  /** Something is due, and no alarm says when: connected agents kept the object, and so its timers, alive. */
  readonly timed: boolean
}

const KEPT = 'kept'
/**
 * Late enough that writes which follow each other share one, early enough that a cluster whose runtime died has its
 * pass within two seconds, its start included. It costs a write of the object's storage, none of the database.
 */
const ALARM_AFTER_RING_MS = 250
/** A loop that cannot reach its database is asked again. */
const ALARM_AFTER_FAILURE_MS = 10_000
const SETTLE_MS = 20_000
/** A timer keeps the object in memory, and on the bill; what is further off is the alarm's. */
const LONGEST_TIMER_MS = 60_000
/** A connected agent polls again within this time. */
const CONNECTED_MS = 40_000

export abstract class ClusterObjectBase extends DurableObject<Environment> {
  readonly #bell = objectBell(this.ctx)
  readonly #orders = new Orders()
  readonly #seen = new Map<string, number>()
  readonly #since = Date.now()
  #cluster: Promise<Cluster> | undefined
  #loop: Promise<ObjectLoop> | undefined
  #settling: Promise<void> | undefined
  #again = false
  #kept: Kept | undefined
  /** when the alarm goes off, as far as this object has set it */
  #alarmAt: number | undefined

  abstract readonly wiring: ObjectWiring

  /** After each commit of a Worker. The alarm stays until the pass is through. */
  async ring(touched: Touched): Promise<void> {
    this.#start()
    const armed = this.#arm(Date.now() + ALARM_AFTER_RING_MS)
    this.#bell.ring(touched)
    await armed
  }

  /** A client waits for the agent of `order.node`: the order goes out with the node's next poll, at once if one hangs. */
  async order(order: StreamOrder, timeoutMs: number): Promise<void> {
    this.#orders.add(order, Date.now(), timeoutMs)
    // Without resources it is not about the log: it wakes the node's poll at any revision.
    this.#bell.ring({ revision: 0, resources: [], nodes: [order.node] })
  }

  take(node: string): Promise<readonly StreamOrder[]> {
    return Promise.resolve(this.#orders.take(node, Date.now()))
  }

  liveness(): Promise<{ readonly since: number; readonly nodes: ReadonlyMap<string, number> }> {
    return Promise.resolve({ since: this.#since, nodes: new Map(this.#seen) })
  }

  override async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url)
    if (url.pathname === '/listen') return this.#bell.accept(url.searchParams)
    // Whatever was written while nobody was here gets its pass, and nodes are watched over.
    this.#start()
    return this.wiring.serve(request, await this.#opened())
  }

  override async alarm(): Promise<void> {
    this.#alarmAt = undefined
    await this.#settle()
  }

  /** One read of one row, whether the loop runs or not. */
  async tick(): Promise<void> {
    if (this.#loop !== undefined) return this.#settle()
    const { timed } = await this.#left()
    if (timed) return this.#settle()
    await this.saw(await headOf(this.#settings()[1]))
  }

  async saw(head: number): Promise<void> {
    const cursor = this.#loop === undefined ? (await this.#left()).cursor : (await this.#loop).cursor()
    if (head > cursor) await this.#settle()
  }

  /** Resolves when what was heard before this call had its pass, or after 20 s; then the alarm goes on. Never rejects. */
  #settle(): Promise<void> {
    this.#again = true
    this.#settling ??= this.#settleAll().finally(() => {
      this.#settling = undefined
    })
    return this.#settling
  }

  async #settleAll(): Promise<void> {
    while (this.#again) {
      this.#again = false
      try {
        const loop = await this.#started()
        const settled = await Promise.race([loop.settled().then((next) => ({ next })), clock.sleep(SETTLE_MS)])
        if (settled === undefined) throw new Error(`the loop did not settle within ${SETTLE_MS / 1000} s`)
        await this.#keep(loop.cursor(), settled.next)
      } catch (error) {
        log.warn('passes are late', { cluster: this.ctx.id.name, error: String(error) })
        return await this.#arm(Date.now() + ALARM_AFTER_FAILURE_MS)
      }
    }
  }

  /** Storage is written when what it holds is no longer true, and only then. */
  async #keep(cursor: number, next: number | undefined): Promise<void> {
    const now = Date.now()
    // While agents poll, the object lives, and its timers with it.
    const timed = next !== undefined && next - now <= LONGEST_TIMER_MS && this.#isConnected(now)
    const left = await this.#left()
    if (left.cursor !== cursor || left.timed !== timed) {
      this.#kept = { cursor, timed }
      await this.ctx.storage.put(KEPT, this.#kept)
    }
    if (next !== undefined && !timed) await this.#arm(next)
  }

  #isConnected(now: number): boolean {
    for (const at of this.#seen.values()) if (now - at < CONNECTED_MS) return true
    return false
  }

  /** The alarm goes off at this time at the latest. It is never taken back: an alarm in vain costs less than a write. */
  async #arm(at: number): Promise<void> {
    if (this.#alarmAt !== undefined && this.#alarmAt <= at) return
    this.#alarmAt = at
    await this.ctx.storage.setAlarm(at)
  }

  #heard(touched: Touched): void {
    void this.#arm(Date.now() + ALARM_AFTER_RING_MS)
    this.#bell.ring(touched)
  }

  async #left(): Promise<Kept> {
    this.#kept ??= (await this.ctx.storage.get<Kept>(KEPT)) ?? { cursor: -1, timed: false }
    return this.#kept
  }

  /** A failure is logged, and tried again by whoever calls next. */
  #start(): void {
    void this.#started().catch((error: unknown) =>
      log.error('the loop did not start', { cluster: this.ctx.id.name, error: String(error) }),
    )
  }

  #started(): Promise<ObjectLoop> {
    this.#loop ??= this.#startLoop().catch((error: unknown) => {
      this.#loop = undefined
      throw error
    })
    return this.#loop
  }

  async #startLoop(): Promise<ObjectLoop> {
    const cluster = await this.#opened()
    const { cursor } = await this.#left()
    const { signal } = new AbortController()
    return this.wiring.loop({ ...cluster, clock: loopClock }, cursor < 0 ? { signal } : { signal, cursor })
  }

  #opened(): Promise<Cluster> {
    this.#cluster ??= this.#open().catch((error: unknown) => {
      this.#cluster = undefined
      throw error
    })
    return this.#cluster
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
      onCommit: (touched) => this.#heard(touched),
    })
  }

  #settings(): readonly [string, ClusterSettings] {
    for (const entry of clusterSettings(this.env)) if (entry[1].uid === this.ctx.id.name) return entry
    throw new Error(`no cluster with uid ${this.ctx.id.name} in the secrets of this deployment`)
  }
}

/** For far-off times there is the alarm. */
const loopClock: Clock = {
  now: clock.now,
  sleep: (ms, signal) => (ms > LONGEST_TIMER_MS ? untilAborted(signal) : clock.sleep(ms, signal)),
}

function untilAborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) resolve()
    else signal?.addEventListener('abort', () => resolve(), { once: true })
  })
}
