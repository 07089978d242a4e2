/**
 * watch: the state there is (when asked for), then every change after it, in the order of revisions, until the
 * timeout, the client or the server ends it. A watcher first reads the log on its own, as fast as its reader
 * takes it, until it has caught up with the feed; then the feed pushes. A reader that leaves more than 1 MB
 * unread while changes are pushed is cut off: it resumes from the last revision it saw.
 */
import { expired, invalid, isRefusal, resourceVersionTooLarge } from '../../schema/k8s/status.ts'
import type { Allowed } from '../access/request.ts'
import type { Kind } from '../kinds/kind.ts'
import type { After } from '../store/store.ts'
import { storeRefusal } from './commit.ts'
import { Compacted, feedOf, SharedChange, type Watcher } from './feed.ts'
import type { Item } from './item.ts'
import { kindOf } from './kind-of.ts'
import { listFor, type Listing } from './list.ts'
import { parseRevision, watchOptionProblems } from './list-options.ts'
import type { WatchOptions } from './options.ts'
import { type Selection, selectionOf } from './selection.ts'

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly item: Item
  /** where encodings of this item are shared between watchers */
  readonly shared: SharedChange | undefined
}

/** Where events go. */
export interface WatchSink {
  send(event: WatchEvent): void
  /** `initialEnd`: everything that existed was sent */
  bookmark(revision: number, initialEnd: boolean): void
  /** the watch cannot go on: an ERROR event */
  error(error: unknown): void
  /** undefined when there is room now */
  room(): Promise<void> | undefined
  /** bytes nobody has read yet */
  readonly pending: number
}

export interface Watch {
  readonly kind: Kind
  /** Sends events until the watch is over; the caller closes the sink then. */
  run(sink: WatchSink, signal: AbortSignal): Promise<void>
}

const PAGE = 500
const MAX_PENDING_BYTES = 1_048_576
/** Default and longest time a watch lives; a random point in between when the client names none. */
const SHORTEST_MS = 300_000
const LONGEST_MS = 600_000
const MAX_TIMEOUT_MS = 86_400_000

/** Checks the options and reads the first page, so that what is wrong is answered before the stream begins. */
export async function watch(request: Allowed, options: WatchOptions): Promise<Watch> {
  const kind = kindOf(request)
  const problems = watchOptionProblems(options)
  if (problems.length > 0) throw invalid('ListOptions', 'meta.k8s.io', '', problems)
  const selection = selectionOf(kind, request, options)
  const asked = parseRevision(options.resourceVersion, 'resourceVersion')
  const initial = options.sendInitialEvents ?? (asked === undefined || asked === 0)
  try {
    const start = initial
      ? await initialState(request, kind, selection, asked ?? 0)
      : await changesFrom(request, kind, selection, asked ?? 0)
    return {
      kind,
      run: (sink, signal) => new Running(request, kind, selection, options, sink, signal).run(start),
    }
  } catch (error) {
    const refusal = storeRefusal(error)
    // A revision that was understood is answered with a stream, whatever became of it: some clients try an error at
    // the opening of a watch again and again, and list anew only for an event (upstream's cacher says the same).
    if (isRefusal(refusal, 'Expired')) return { kind, run: async (sink) => sink.error(refusal) }
    throw refusal
  }
}

interface Start {
  readonly at: number
  readonly listing?: Listing
  readonly page?: After & { readonly ok: true }
}

async function initialState(request: Allowed, kind: Kind, selection: Selection, atLeast: number): Promise<Start> {
  const listing = await listFor(request, kind, selection, {})
  if (listing.revision < atLeast) throw resourceVersionTooLarge(atLeast, listing.revision)
  return { at: listing.revision, listing }
}

async function changesFrom(request: Allowed, kind: Kind, selection: Selection, since: number): Promise<Start> {
  // `sendInitialEvents=false` without a revision: from now on.
  const at = since === 0 ? (await request.cluster.store.head()).head : since
  const page = await read(request, kind, selection, at)
  return { at, page }
}

async function read(
  request: Allowed,
  kind: Kind,
  selection: Selection,
  since: number,
): Promise<After & { readonly ok: true }> {
  const { namespace, filters } = selection
  const query = { since, resources: [kind.resource], namespace, limit: PAGE, previous: filters }
  const page = await request.cluster.store.after(query)
  if (!page.ok) throw expired(`too old resource version: ${since} (${page.compacted})`)
  return page
}

class Running implements Watcher {
  readonly #request: Allowed
  readonly #kind: Kind
  readonly #selection: Selection
  readonly #options: WatchOptions
  readonly #sink: WatchSink
  readonly #signal: AbortSignal
  readonly #over = new AbortController()
  #at = 0
  /** the feed pushes changes; before, this watch pulls them */
  #pushed = false

  constructor(
    request: Allowed,
    kind: Kind,
    selection: Selection,
    options: WatchOptions,
    sink: WatchSink,
    signal: AbortSignal,
  ) {
    this.#request = request
    this.#kind = kind
    this.#selection = selection
    this.#options = options
    this.#sink = sink
    this.#signal = signal
  }

  get at(): number {
    return this.#at
  }

  async run(start: Start): Promise<void> {
    const { cluster } = this.#request
    const stop = (): void => this.#over.abort()
    this.#signal.addEventListener('abort', stop, { once: true })
    if (this.#signal.aborted) return
    let leave: (() => void) | undefined
    void cluster.clock.sleep(this.#timeoutMs(), this.#over.signal).then(() => this.#timeUp())
    try {
      await this.#existing(start)
      leave = await this.#catchUp(start)
      if (leave !== undefined) await this.#ended()
    } catch (error) {
      if (!this.#over.signal.aborted) this.#sink.error(storeRefusal(error))
    } finally {
      leave?.()
      this.#over.abort()
      this.#signal.removeEventListener('abort', stop)
    }
  }

  #timeUp(): void {
    if (this.#over.signal.aborted) return
    if (this.#options.allowWatchBookmarks === true && this.#pushed) this.#sink.bookmark(this.#at, false)
    this.#over.abort()
  }

  #timeoutMs(): number {
    const seconds = this.#options.timeoutSeconds ?? 0
    if (seconds > 0) return Math.min(seconds * 1000, MAX_TIMEOUT_MS)
    return SHORTEST_MS + this.#request.cluster.random.fraction() * (LONGEST_MS - SHORTEST_MS)
  }

  async #existing(start: Start): Promise<void> {
    this.#at = start.at
    if (start.listing === undefined) return
    for await (const items of start.listing.pages()) {
      for (const item of items) {
        await this.#room()
        if (this.#over.signal.aborted) return
        this.#sink.send({ type: 'ADDED', item, shared: undefined })
      }
    }
    if (this.#options.sendInitialEvents === true && this.#options.allowWatchBookmarks === true) {
      this.#sink.bookmark(this.#at, true)
    }
  }

  /** Reads the log until the feed takes over; answers how to leave it, undefined when the watch ended before. */
  async #catchUp(start: Start): Promise<(() => void) | undefined> {
    const { filters } = this.#selection
    let page = start.page
    while (!this.#over.signal.aborted) {
      for (const change of page?.changes ?? []) {
        await this.#room()
        if (this.#over.signal.aborted) return undefined
        this.change(new SharedChange(change))
      }
      this.#at = Math.max(this.#at, page?.upTo ?? 0)
      if (page?.more !== true) {
        const feed = feedOf(this.#request.cluster, this.#kind.resource, this.#at, filters)
        // Nothing may be awaited between the question and the joining.
        if (feed.mayJoin(this.#at, filters)) {
          this.#pushed = true
          return feed.join(this, filters)
        }
        await feed.settled()
      }
      page = await read(this.#request, this.#kind, this.#selection, this.#at)
    }
    return undefined
  }

  /** Waits for the reader, at most until the watch is over. */
  async #room(): Promise<void> {
    const drained = this.#sink.room()
    if (drained !== undefined) await Promise.race([drained, this.#ended()])
  }

  #end: Promise<void> | undefined

  #ended(): Promise<void> {
    this.#end ??= new Promise<void>((done) => {
      if (this.#over.signal.aborted) done()
      else this.#over.signal.addEventListener('abort', () => done(), { once: true })
    })
    return this.#end
  }

  change(shared: SharedChange): void {
    const { change } = shared
    const selection = this.#selection
    this.#at = change.revision
    if (!selection.key(change.key)) return
    if (!selection.filters) {
      const type = change.op === 'create' ? 'ADDED' : change.op === 'update' ? 'MODIFIED' : 'DELETED'
      this.#send({ type, item: shared.now, shared })
      return
    }
    const is = selection.matches(shared.now)
    if (change.op === 'create') {
      if (is) this.#send({ type: 'ADDED', item: shared.now, shared })
    } else if (change.op === 'delete') {
      if (is) this.#send({ type: 'DELETED', item: shared.now, shared })
    } else {
      const before = shared.before
      const was = before !== undefined && selection.matches(before)
      if (is) this.#send({ type: was ? 'MODIFIED' : 'ADDED', item: shared.now, shared })
      // Gone from this watcher's view: the last state it matched, with the revision at which it stopped.
      else if (was) this.#send({ type: 'DELETED', item: before, shared: undefined })
    }
  }

  #send(event: WatchEvent): void {
    if (this.#over.signal.aborted) return
    this.#sink.send(event)
    if (this.#pushed && this.#sink.pending > MAX_PENDING_BYTES) this.#over.abort()
  }

  bookmark(revision: number): void {
    this.#at = Math.max(this.#at, revision)
    if (this.#options.allowWatchBookmarks === true) this.#sink.bookmark(this.#at, false)
  }

  fail(error: unknown): void {
    if (this.#over.signal.aborted) return
    this.#sink.error(error instanceof Compacted ? expired(error.message) : storeRefusal(error))
    this.#over.abort()
  }
}
