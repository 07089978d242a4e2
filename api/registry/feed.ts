/**
 * One feed per cluster, process and resource: reads the log once per ring and hands each change to every
 * watcher of that resource. A ring about other resources wakes nobody here and costs no read. What a change
 * looks like on the wire is built once, when the first watcher needs it, and shared.
 *
 * A watcher is `at` a revision when it has seen everything up to it. It joins the feed only when it is at the
 * feed's revision or beyond; before that it reads the log on its own (`watch.ts`). Joining is synchronous with
 * that comparison, so nothing falls between the two.
 */
import type { Cluster, Listener } from '../platform/port.ts'
import type { Change, Store } from '../store/store.ts'
import { Item } from './item.ts'

/** Changes read at once. */
const PAGE = 500
/** Watchers hear about the newest revision this often, also when nothing happens. */
const BOOKMARK_MS = 60_000

export interface Watcher {
  /** the revision this watcher has seen everything up to */
  readonly at: number
  change(change: SharedChange): void
  /** Everything up to `revision` was handed over. */
  bookmark(revision: number): void
  /** The feed cannot go on; the watcher must be told and will not hear more. */
  fail(error: unknown): void
}

/** A change and, made when first asked for, its objects and encodings. */
export class SharedChange {
  readonly change: Change
  #now: Item | undefined
  #before: Item | undefined
  readonly #made = new Map<string, unknown>()

  constructor(change: Change) {
    this.change = change
  }

  get revision(): number {
    return this.change.revision
  }

  /** The object after the change; for a delete its last state, with the revision of the deletion. */
  get now(): Item {
    this.#now ??= new Item(this.change.value, this.change.revision)
    return this.#now
  }

  get before(): Item | undefined {
    if (this.change.previous === undefined) return undefined
    this.#before ??= new Item(this.change.previous, this.change.revision)
    return this.#before
  }

  /** One value per key for all watchers: `make` runs once. */
  shared<T>(key: string, make: () => T): T {
    if (!this.#made.has(key)) this.#made.set(key, make())
    return this.#made.get(key) as T
  }
}

export class Feed {
  readonly #cluster: Cluster
  readonly #resource: string
  readonly #watchers = new Set<Watcher>()
  readonly #stop = new AbortController()
  readonly #listener: Listener
  readonly #ended: () => void
  /** everything up to here was handed over */
  #at: number
  #needPrevious = 0
  /** the watcher this feed is made for has not joined yet when the first read begins */
  #firstNeedsPrevious: boolean

  constructor(cluster: Cluster, resource: string, at: number, previous: boolean, ended: () => void) {
    this.#cluster = cluster
    this.#resource = resource
    this.#at = at
    this.#ended = ended
    this.#firstNeedsPrevious = previous
    this.#listener = cluster.bell.listen({ resources: [resource] }, at)
    void this.#run()
    void this.#tick()
  }

  get at(): number {
    return this.#at
  }

  /**
   * May a watcher at this revision join now? One that needs the state before a change may not while a read
   * without such states is under way: wait for `settled` and ask again.
   */
  mayJoin(at: number, previous: boolean): boolean {
    return at >= this.#at && (!previous || this.#reading === undefined || this.#readsPrevious)
  }

  /** The read under way, if any, is over. */
  async settled(): Promise<void> {
    await this.#reading?.catch(() => undefined)
  }

  /** Only after `mayJoin`; answers how to leave. `previous`: it needs the state before a change. */
  join(watcher: Watcher, previous: boolean): () => void {
    this.#watchers.add(watcher)
    if (previous) this.#needPrevious++
    return () => {
      if (!this.#watchers.delete(watcher)) return
      if (previous) this.#needPrevious--
      if (this.#watchers.size === 0) this.#end()
    }
  }

  #end(): void {
    this.#stop.abort()
    this.#listener.close()
    this.#ended()
  }

  async #run(): Promise<void> {
    try {
      // What was written between the revision we start at and the listener's first moment rings nobody.
      await this.#read()
      this.#firstNeedsPrevious = false
      while (!this.#stop.signal.aborted) {
        const rung = await this.#listener.next(this.#stop.signal)
        if (rung === undefined) break
        if (rung > this.#at) await this.#read()
      }
    } catch (error) {
      this.#fail(error)
    }
  }

  #reading: Promise<void> | undefined
  #readsPrevious = false
  #again = false

  /** At most one read at a time; a call during one is answered by another after it. */
  #read(): Promise<void> {
    if (this.#reading !== undefined) this.#again = true
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async #readAll(): Promise<void> {
    do {
      this.#again = false
      for (let more = true; more && !this.#stop.signal.aborted;) {
        this.#readsPrevious = this.#needPrevious > 0 || this.#firstNeedsPrevious
        const query = { since: this.#at, resources: [this.#resource], limit: PAGE, previous: this.#readsPrevious }
        const after = await this.#cluster.store.after(query)
        if (!after.ok) throw new Compacted(this.#at, after.compacted)
        for (const change of after.changes) this.#hand(new SharedChange(change))
        this.#at = Math.max(this.#at, after.upTo)
        more = after.more
      }
    } while (this.#again && !this.#stop.signal.aborted)
  }

  #hand(change: SharedChange): void {
    this.#at = change.revision
    for (const watcher of this.#watchers) if (change.revision > watcher.at) watcher.change(change)
  }

  async #tick(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#cluster.clock.sleep(BOOKMARK_MS, this.#stop.signal)
      if (this.#stop.signal.aborted) return
      try {
        await this.#read()
        for (const watcher of this.#watchers) watcher.bookmark(this.#at)
      } catch (error) {
        this.#fail(error)
      }
    }
  }

  #fail(error: unknown): void {
    if (this.#stop.signal.aborted) return
    const watchers = [...this.#watchers]
    this.#watchers.clear()
    this.#end()
    for (const watcher of watchers) watcher.fail(error)
  }
}

/** The log no longer holds everything after `since`. */
export class Compacted extends Error {
  readonly since: number
  readonly compacted: number
  constructor(since: number, compacted: number) {
    super(`too old resource version: ${since} (${compacted})`)
    this.name = 'Compacted'
    this.since = since
    this.compacted = compacted
  }
}

const feeds = new WeakMap<Store, Map<string, Feed>>()

/** The running feed of a resource, or a new one that starts at `at`, which the caller joins at once. */
export function feedOf(cluster: Cluster, resource: string, at: number, previous: boolean): Feed {
  let byResource = feeds.get(cluster.store)
  if (byResource === undefined) feeds.set(cluster.store, (byResource = new Map()))
  const running = byResource.get(resource)
  if (running !== undefined) return running
  const owned = byResource
  const feed: Feed = new Feed(cluster, resource, at, previous, () => {
    if (owned.get(resource) === feed) owned.delete(resource)
  })
  owned.set(resource, feed)
  return feed
}
