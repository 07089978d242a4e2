/**
 * One pass: what changed since the cursor becomes keys, keys become plans, plans become writes. Controllers are run in
 * the order they are listed, a bounded number of keys at a time; what a pass writes is a change like any other and is
 * seen by the next. A controller that throws on one object never stops the others.
 */
import { Refusal } from '../../schema/k8s/status.ts'
import type { Cluster } from '../platform/port.ts'
import type { Change, ListQuery } from '../store/store.ts'
import { applyPlan } from './apply.ts'
import { type Changed, changedBy, type Planned, type Watch } from './controller.ts'
import { Epoch } from './epoch.ts'
import { EventWriter } from './events.ts'
import { KeyQueue } from './key-queue.ts'
import { Reading } from './reading.ts'
import { Width } from './width.ts'

/** Changes read at once, and keys of one controller planned at once. */
const CHANGES = 500
const KEYS = 256
/** Writes of a pass under way at once: a few flushes' worth, so that others find room beside them. */
const WRITES = 512
/** Pages of changes taken in before planning goes on. */
const PAGES = 20
/** How long to leave the field to whoever took the epoch, when nothing rings meanwhile. */
const STAND_BACK_MS = 5_000

export class Passes {
  readonly #cluster: Cluster
  readonly #controllers: readonly Planned[]
  readonly #queues: readonly KeyQueue[]
  readonly #resources: readonly string[]
  readonly #epoch: Epoch
  readonly #events: EventWriter
  #cursor: number
  /** nothing is planned before, unless something rings */
  #standBackUntil = 0

  /** `resources`: every kind there is, for controllers that watch all of them. */
  constructor(cluster: Cluster, controllers: readonly Planned[], resources: readonly string[], cursor: number) {
    this.#cluster = cluster
    this.#controllers = controllers
    this.#queues = controllers.map(() => new KeyQueue())
    const named = controllers.flatMap(({ watches }) => Object.keys(watches))
    this.#resources = named.includes('*') ? resources : [...new Set(named)]
    this.#epoch = new Epoch(cluster)
    this.#events = new EventWriter(cluster)
    this.#cursor = cursor
  }

  get cursor(): number {
    return this.#cursor
  }

  /** Names the keys of every object there is. Changes since then come through `takeIn`. */
  async resync(signal: AbortSignal): Promise<void> {
    const { head } = await this.#cluster.store.head()
    for (const resource of this.#resources) {
      let after: ListQuery['after']
      do {
        const page = await this.#cluster.store.list({
          resource,
          limit: CHANGES,
          stream: true,
          ...(after === undefined ? {} : { after }),
        })
        if ('expired' in page) throw new Error(`a list of ${resource} at the present answered "expired"`)
        const view = new Reading(this.#cluster)
        const changes = page.items.map(({ key, revision, value }): Change => ({
          op: 'create',
          key,
          revision,
          value,
          previous: undefined,
        }))
        await this.#nameKeys(changes, view)
        after = page.more ? page.items.at(-1)?.key : undefined
      } while (after !== undefined && !signal.aborted)
    }
    this.#cursor = head
  }

  /** Reads the log since the cursor. Answers whether more is waiting there. */
  async takeIn(signal: AbortSignal): Promise<boolean> {
    for (let page = 0; page < PAGES && !signal.aborted; page++) {
      const after = await this.#cluster.store.after({
        since: this.#cursor,
        resources: this.#resources,
        limit: CHANGES,
        previous: true,
      })
      if (!after.ok) {
        this.#cluster.log.warn('the log was compacted beyond the cursor of the passes: everything is looked at again')
        await this.resync(signal)
        return true
      }
      await this.#nameKeys(after.changes, new Reading(this.#cluster))
      this.#cursor = after.upTo
      if (!after.more) return false
    }
    return true
  }

  /** Plans what is due, a bounded amount of it. Answers whether anything was to be written. */
  async run(signal: AbortSignal, rung: boolean): Promise<boolean> {
    const { clock } = this.#cluster
    if (rung) this.#standBackUntil = 0
    if (clock.now() < this.#standBackUntil) return false
    let wrote = false
    for (const [at, controller] of this.#controllers.entries()) {
      const queue = this.#queues[at]
      if (queue === undefined || signal.aborted || clock.now() < this.#standBackUntil) continue
      const keys = queue.take(clock.now(), KEYS)
      if (keys.length === 0) continue
      if (await this.#plan(controller, queue, keys, signal)) wrote = true
    }
    return wrote
  }

  /** What others wrote under their epoch is in the log: what controllers remember must know it before they plan. */
  async #catchUp(signal: AbortSignal): Promise<void> {
    while (await this.takeIn(signal)) if (signal.aborted) throw new Error('stopped before the log was read')
  }

  /** Everything that was said about it is written, too. */
  told(): Promise<void> {
    return this.#events.written()
  }

  /** When the next key is to be planned: undefined is never. */
  nextAt(): number | undefined {
    let next: number | undefined
    for (const queue of this.#queues) {
      const at = queue.nextAt()
      if (at !== undefined && (next === undefined || at < next)) next = at
    }
    return next === undefined ? undefined : Math.max(next, this.#standBackUntil)
  }

  async #plan(controller: Planned, queue: KeyQueue, keys: readonly string[], signal: AbortSignal): Promise<boolean> {
    const { clock, log } = this.#cluster
    let epoch
    try {
      // Before anything is read: what is read under this epoch is newer than all that others wrote before it.
      epoch = await this.#epoch.hold(() => this.#catchUp(signal))
    } catch (error) {
      if (!signal.aborted) log.warn('the pass epoch could not be taken', { error })
      for (const key of keys) queue.failed(key, clock.now(), 'no epoch')
      return false
    }
    const view = new Reading(this.#cluster)
    const width = new Width(WRITES)
    const context = { cluster: this.#cluster, user: controller.user, view, epoch, events: this.#events, width }
    const lost: string[] = []
    let wrote = false
    await Promise.all(
      keys.map(async (key) => {
        try {
          const plan = await controller.plan(view, key, queue.tries(key), clock.now())
          if (plan.again !== undefined) queue.addAt(key, plan.again)
          if (plan.actions.length > 0) wrote = true
          const applied = await applyPlan(context, plan)
          if (applied.result === 'done') queue.succeeded(key)
          else if (applied.result === 'lost') lost.push(key)
          else queue.failed(key, clock.now(), applied.why)
        } catch (error) {
          log.error(`${controller.name} failed on ${key}`, { error })
          queue.failed(key, clock.now(), error instanceof Refusal ? error.message : String(error))
        }
      }),
    )
    if (lost.length === 0) return wrote
    await this.#isOvertaken()
    // Counted also when another control plane was the reason: a reader that takes pods off a list must know of the loss.
    for (const key of lost) queue.failed(key, clock.now())
    return wrote
  }

  /** For a loop that starts where another ended: what controllers remember is read, and what waits for time. */
  async seed(): Promise<void> {
    const view = new Reading(this.#cluster)
    for (const [at, controller] of this.#controllers.entries()) {
      for (const key of await controller.seed(view)) this.#queues[at]?.add(key)
    }
  }

  async #isOvertaken(): Promise<boolean> {
    try {
      if (!(await this.#epoch.isLost())) return false
    } catch {
      return false
    }
    this.#cluster.log.info('another control plane runs passes on this cluster: standing back')
    this.#standBackUntil = this.#cluster.clock.now() + STAND_BACK_MS
    return true
  }

  /** Every controller is told of every change in the order of the log; what they look up for it runs side by side. */
  async #nameKeys(changes: readonly Change[], view: Reading): Promise<void> {
    const named: Promise<void>[] = []
    for (const change of changes) {
      const changed = changedBy(change)
      for (const [at, controller] of this.#controllers.entries()) {
        const watch = controller.watches[changed.resource] ?? controller.watches['*']
        const queue = this.#queues[at]
        if (watch === undefined || queue === undefined) continue
        const telling = this.#tell(controller.name, watch, queue, changed, view)
        if (telling !== undefined) named.push(telling)
      }
    }
    await Promise.all(named)
  }

  /** Most controllers know at once, and are not waited for. */
  #tell(name: string, watch: Watch, queue: KeyQueue, changed: Changed, view: Reading): Promise<void> | undefined {
    const failed = (error: unknown): void => {
      const object = `${changed.resource} ${changed.namespace}/${changed.name}`
      this.#cluster.log.error(`${name} could not tell what a change concerns`, { object, error })
    }
    const add = (keys: Iterable<string>): void => {
      for (const key of keys) queue.add(key)
    }
    try {
      const keys = watch(changed, view)
      if (keys instanceof Promise) return keys.then(add).catch(failed)
      add(keys)
    } catch (error) {
      failed(error)
    }
    return undefined
  }
}
