/**
 * The bell inside the cluster's Durable Object: listeners in this process (the loop, the agents' polls) and Workers
 * that listen through a WebSocket. A socket's interest lies in its attachment, so it survives hibernation.
 *
 * A Worker reads, then listens: what was rung in between is told when it comes. The object remembers the newest
 * revision of each resource and node since it began; whoever has seen less than that is told to look.
 */
import { memoryBell } from '../memory.ts'
import type { Bell, Interest } from '../port.ts'
import type { Touched } from '../../store/store.ts'

export interface ObjectBell extends Bell {
  /** The object's half of a Worker's listener; the query is `since`, `resources` and `node`, the last two optional. */
  accept(query: URLSearchParams): Response
}

const LISTENER = 'listener'
/** No revision: look, whatever you have seen. */
const LOOK = '0'

/** `from`: every ring after this revision will be heard here; undefined: it is not known yet. */
export function objectBell(context: DurableObjectState, from?: number): ObjectBell {
  const local = memoryBell()
  const newest = new Newest(from)
  /** what each socket was told last; lost with hibernation, and then a ring may come twice */
  const told = new WeakMap<WebSocket, number>()

  const tell = (socket: WebSocket, text: string): void => {
    try {
      socket.send(text)
    } catch {
      // It is closing; its Worker listens again or is gone.
    }
  }

  return {
    ring(touched) {
      newest.rung(touched)
      local.ring(touched)
      if (touched.resources.length === 0) return
      for (const socket of context.getWebSockets(LISTENER)) {
        if ((told.get(socket) ?? 0) >= touched.revision) continue
        if (!touches(socket.deserializeAttachment() as Interest, touched)) continue
        told.set(socket, touched.revision)
        tell(socket, String(touched.revision))
      }
    },
    listen: (interest, since) => local.listen(interest, since),
    accept(query) {
      const [theirs, ours] = Object.values(new WebSocketPair()) as [WebSocket, WebSocket]
      const interest = interestOf(query)
      const since = Number(query.get('since'))
      context.acceptWebSocket(ours, [LISTENER])
      ours.serializeAttachment(interest)
      const missed = newest.of(interest)
      if (!newest.reachesBackTo(since)) tell(ours, LOOK)
      else if (missed > since) tell(ours, String(missed))
      return new Response(null, { status: 101, webSocket: theirs })
    },
  }
}

/** Bounded by the kinds there are and the nodes that were touched in one life of the object. */
class Newest {
  readonly #resources = new Map<string, number>()
  readonly #nodes = new Map<string, number>()
  #all = 0
  #from: number | undefined

  constructor(from: number | undefined) {
    this.#from = from
  }

  rung({ revision, resources, nodes }: Touched): void {
    if (resources.length === 0) return
    this.#from ??= revision
    if (revision > this.#all) this.#all = revision
    for (const resource of resources) raise(this.#resources, resource, revision)
    for (const node of nodes) raise(this.#nodes, node, revision)
  }

  reachesBackTo(since: number): boolean {
    return this.#from !== undefined && this.#from <= since
  }

  /** At least the newest revision that touched the interest. */
  of({ node, resources }: Interest): number {
    if (node !== undefined) return this.#nodes.get(node) ?? 0
    if (resources === undefined) return this.#all
    return Math.max(0, ...resources.map((resource) => this.#resources.get(resource) ?? 0))
  }
}

function raise(map: Map<string, number>, key: string, revision: number): void {
  if (revision > (map.get(key) ?? 0)) map.set(key, revision)
}

function touches(interest: Interest, touched: Touched): boolean {
  if (interest.node !== undefined && !touched.nodes.includes(interest.node)) return false
  return interest.resources === undefined || interest.resources.some((resource) => touched.resources.includes(resource))
}

function interestOf(query: URLSearchParams): Interest {
  const resources = query.get('resources')
  const node = query.get('node')
  return {
    ...(resources === null ? {} : { resources: resources.split(',') }),
    ...(node === null ? {} : { node }),
  }
}
