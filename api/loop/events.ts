/**
 * Events about objects, with upstream's fields. The same thing said again about the same object counts up the Event
 * that is there; one source may say at most 25 things about one object, and then one every five minutes, as upstream
 * limits it. Events matter least: they are written last, nothing waits for them, and what cannot be written is dropped.
 */
import { isRefusal } from '../../schema/k8s/status.ts'
import { printTime } from '../../schema/k8s/time.ts'
import type { Action } from '../plan/plan.ts'
import type { Cluster } from '../platform/port.ts'
import { create } from '../registry/create.ts'
import { patch } from '../registry/patch.ts'
import type { Guard } from '../store/store.ts'
import { requestOf } from './requests.ts'

export type EventAction = Extract<Action, { do: 'event' }>

const BURST = 25
const REFILL_MS = 300_000
/** Things remembered for counting, and objects remembered for their rate; the oldest are forgotten first. */
const MOST_REMEMBERED = 4096
/** Events on their way; beyond, they are dropped. */
const MOST_PENDING = 5_000
/** An Event this old is not counted up: a new one is made. */
const SAME_FOR_MS = 600_000

interface Said {
  readonly namespace: string
  readonly name: string
  readonly count: number
  readonly at: number
}

interface Bucket {
  readonly tokens: number
  readonly at: number
}

export class EventWriter {
  readonly #cluster: Cluster
  readonly #said = new Map<string, Said>()
  readonly #buckets = new Map<string, Bucket>()
  /** what is on its way, by what is said, so that the same thing is counted one by one */
  readonly #pending = new Map<string, Promise<void>>()
  #count = 0
  #serial = 0

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** Returns at once. An Event that cannot be written is a line in the log. */
  write(action: EventAction, user: string, guards: readonly Guard[]): void {
    const now = this.#cluster.clock.now()
    const { target, source, type, reason, message } = action
    const about = `${source} ${target.resource} ${target.uid}`
    if (!this.#mayWrite(about, now)) return
    if (this.#count >= MOST_PENDING) {
      this.#cluster.log.warn('an Event was dropped: too many are on their way', { reason, object: target.name })
      return
    }
    const thing = `${about} ${type} ${reason} ${message}`
    this.#count++
    const before = this.#pending.get(thing)
    const writing = (before ?? Promise.resolve()).then(() => this.#write(thing, action, user, guards))
    const done = writing.finally(() => {
      this.#count--
      if (this.#pending.get(thing) === done) this.#pending.delete(thing)
    })
    this.#pending.set(thing, done)
  }

  /** What was said until now is written. */
  async written(): Promise<void> {
    await Promise.all(this.#pending.values())
  }

  /** Never rejects. */
  async #write(thing: string, action: EventAction, user: string, guards: readonly Guard[]): Promise<void> {
    const now = this.#cluster.clock.now()
    const said = this.#said.get(thing)
    const { target, reason } = action
    try {
      if (said === undefined || now - said.at > SAME_FOR_MS || !(await this.#again(said, user, guards, now))) {
        const name = await this.#create(action, user, guards, now)
        remember(this.#said, thing, { namespace: namespaceOf(action), name, count: 1, at: now })
      } else {
        remember(this.#said, thing, { ...said, count: said.count + 1, at: now })
      }
    } catch (error) {
      // In a namespace that is going away, or with a newer pass at work, nobody misses it.
      if (isRefusal(error, 'Forbidden') || isRefusal(error, 'NotFound') || isRefusal(error, 'Conflict')) return
      this.#cluster.log.warn('an Event was dropped', { reason, object: `${target.namespace}/${target.name}`, error })
    }
  }

  /** false when the Event is gone. */
  async #again(said: Said, user: string, guards: readonly Guard[], now: number): Promise<boolean> {
    const key = { resource: 'events', namespace: said.namespace, name: said.name }
    const value = { count: said.count + 1, lastTimestamp: printTime(now) }
    try {
      const body = { type: 'merge', value, duplicates: [] } as const
      await patch(requestOf(this.#cluster, user, 'patch', key), body, { guards, lane: 'last' })
      return true
    } catch (error) {
      if (isRefusal(error, 'NotFound')) return false
      throw error
    }
  }

  async #create(action: EventAction, user: string, guards: readonly Guard[], now: number): Promise<string> {
    const { target, source, type, reason, message } = action
    const namespace = namespaceOf(action)
    // Upstream's suffix is the time in nanoseconds; a counter keeps names of the same millisecond apart.
    const stamp = BigInt(now) * 1_000_000n + BigInt(this.#serial++ % 1_000_000)
    const name = `${target.name}.${stamp.toString(16)}`
    const at = printTime(now)
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace },
      involvedObject: {
        kind: target.kind,
        ...(target.namespace === '' ? {} : { namespace: target.namespace }),
        name: target.name,
        uid: target.uid,
        apiVersion: target.apiVersion,
        resourceVersion: String(target.atRevision),
      },
      reason,
      message,
      source: { component: source },
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
      type,
      reportingComponent: source,
      reportingInstance: '',
    }
    const key = { resource: 'events', namespace, name }
    await create(requestOf(this.#cluster, user, 'create', key), event, { guards, lane: 'last' })
    return name
  }

  #mayWrite(about: string, now: number): boolean {
    const bucket = this.#buckets.get(about) ?? { tokens: BURST, at: now }
    const tokens = Math.min(BURST, bucket.tokens + (now - bucket.at) / REFILL_MS)
    if (tokens < 1) return false
    remember(this.#buckets, about, { tokens: tokens - 1, at: now })
    return true
  }
}

/** Events about objects at cluster scope live in `default`. */
function namespaceOf({ target }: EventAction): string {
  return target.namespace === '' ? 'default' : target.namespace
}

function remember<T>(memory: Map<string, T>, key: string, value: T): void {
  memory.delete(key)
  memory.set(key, value)
  if (memory.size <= MOST_REMEMBERED) return
  for (const oldest of memory.keys()) {
    memory.delete(oldest)
    return
  }
}
