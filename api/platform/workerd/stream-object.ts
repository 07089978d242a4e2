/**
 * The rendezvous of one client and the agent that was asked to dial back, one Durable Object a stream, named by the
 * order's id. It hands each side one end of the same WebSocketPair and touches neither: bytes flow natively, with
 * back-pressure, and no JavaScript runs per frame. Whoever comes first is held until the other is there, so nothing has
 * to be buffered and no early frame can be reordered.
 */
import { DurableObject } from 'cloudflare:workers'

interface Waiting {
  readonly side: string
  readonly node: string
  readonly take: (socket: WebSocket) => void
}

/** An agent answers an order at once; it waits no longer than this for a client that is late. */
const AGENT_WAITS_MS = 5_000

export class StreamObject extends DurableObject {
  #waiting: Waiting | undefined
  /** One client and one agent, once. */
  #over = false

  /**
   * Upgrade requests of Workers: `/client?node=N&timeoutMs=T&protocol=P` and `/agent?node=N`. 101 with one end of the
   * pair, 504 when the other side did not come, 404 for an agent nobody waits for, or of another node.
   */
  override async fetch(request: Request): Promise<Response> {
    const { pathname: side, searchParams: query } = new URL(request.url)
    const node = query.get('node') ?? ''
    const other = this.#waiting
    if (this.#over || other?.side === side) return nobody()
    if (other !== undefined) {
      if (other.node !== node) return nobody()
      this.#over = true
      this.#waiting = undefined
      const [ours, theirs] = Object.values(new WebSocketPair()) as [WebSocket, WebSocket]
      other.take(theirs)
      return upgraded(ours, query.get('protocol'))
    }
    const ms = side === '/agent' ? AGENT_WAITS_MS : Number(query.get('timeoutMs'))
    const socket = await this.#wait(side, node, ms)
    if (socket !== undefined) return upgraded(socket, query.get('protocol'))
    if (side === '/agent') return nobody()
    this.#over = true
    const why = `error dialing backend: the agent of node ${node} did not answer within ${ms / 1000}s`
    return new Response(why, { status: 504 })
  }

  #wait(side: string, node: string, timeoutMs: number): Promise<WebSocket | undefined> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting = undefined
        resolve(undefined)
      }, timeoutMs)
      const take = (socket: WebSocket): void => {
        clearTimeout(timer)
        resolve(socket)
      }
      this.#waiting = { side, node, take }
    })
  }
}

function nobody(): Response {
  return new Response('no client waits for this stream', { status: 404 })
}

function upgraded(webSocket: WebSocket, protocol: string | null): Response {
  const headers = protocol === null || protocol === '' ? undefined : { 'sec-websocket-protocol': protocol }
  return new Response(null, headers === undefined ? { status: 101, webSocket } : { status: 101, webSocket, headers })
}
