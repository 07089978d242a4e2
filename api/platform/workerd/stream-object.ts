/**
 * The rendezvous of one client and the agent that was asked to dial back, one Durable Object a stream, named by the
 * order's id. It hands each side one end of the same WebSocketPair and touches neither: bytes flow natively, with
 * back-pressure, and no JavaScript runs per frame. The client's answer is held until the agent is there, so nothing
 * has to be buffered and no early frame can be reordered.
 */
import { DurableObject } from 'cloudflare:workers'

export class StreamObject extends DurableObject {
  #waiting: WebSocket | undefined
  #node: string | undefined
  #arrived: (() => void) | undefined

  /**
   * `POST-like` upgrade requests of the Worker: `/client?node=N&timeoutMs=T` parks one end and answers 101 when the
   * agent came, 504 when it did not; `/agent?node=N` takes the other end, 404 when nobody waits for this node.
   */
  override async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url)
    const node = url.searchParams.get('node') ?? ''
    if (url.pathname === '/agent') return this.#agent(node)
    const [ours, theirs] = Object.values(new WebSocketPair()) as [WebSocket, WebSocket]
    this.#waiting = theirs
    this.#node = node
    const arrived = await this.#agentWithin(Number(url.searchParams.get('timeoutMs')))
    if (!arrived) {
      this.#waiting = undefined
      return new Response(`node ${node}: agent did not answer`, { status: 504 })
    }
    const protocol = url.searchParams.get('protocol')
    return new Response(null, {
      status: 101,
      webSocket: ours,
      ...(protocol === null || protocol === '' ? {} : { headers: { 'sec-websocket-protocol': protocol } }),
    })
  }

  #agent(node: string): Response {
    const socket = this.#waiting
    if (socket === undefined || this.#node !== node)
      return new Response('no client waits for this stream', { status: 404 })
    this.#waiting = undefined
    this.#arrived?.()
    return new Response(null, { status: 101, webSocket: socket })
  }

  #agentWithin(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeoutMs)
      this.#arrived = () => {
        clearTimeout(timer)
        resolve(true)
      }
    })
  }
}
