/**
 * WebSockets on Node. A handler cannot answer 101 there: it answers with a ticket, a header naming what is to happen
 * once the socket is open, and the server's `upgrade` listener redeems it. A header survives whatever the pipeline does
 * to the answer on its way out, and it never leaves the process.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { WebSocket, WebSocketServer } from 'ws'

const TICKET = 'x-kedge-upgrade'
/** kubectl sends 32 KiB at once, an agent at most 64 KiB; a port-forward's chunk may be larger. */
const LONGEST_MESSAGE = 4 * 1_048_576
/** A ticket is redeemed at once, or the client went away. */
const TICKET_MS = 10_000

export interface Upgrade {
  /** subprotocol to answer with; '' for none */
  readonly protocol: string
  opened(socket: WebSocket): void
  /** the client was gone before the socket was open */
  abandoned(): void
}

export interface Upgrades {
  /** The answer of a handler that wants the connection. */
  ticket(upgrade: Upgrade): Response
  /** The upgrade behind an answer, once. undefined: it is an ordinary answer. */
  redeem(response: Response): Upgrade | undefined
  complete(upgrade: Upgrade, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>
}

export function createUpgrades(): Upgrades {
  const waiting = new Map<string, { readonly upgrade: Upgrade; readonly timer: NodeJS.Timeout }>()
  const chosen = new WeakMap<IncomingMessage, string>()
  let accepting: ReturnType<typeof accept> | undefined

  /** Loaded with the first stream: a control plane without any starts faster. */
  async function accept(): Promise<WebSocketServer> {
    const { WebSocketServer } = await import('ws')
    const sockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: LONGEST_MESSAGE,
    })
    sockets.on('headers', (lines, request) => {
      const protocol = chosen.get(request) ?? ''
      if (protocol !== '') lines.push(`Sec-WebSocket-Protocol: ${protocol}`)
    })
    return sockets
  }

  return {
    ticket(upgrade) {
      const id = randomUUID()
      const timer = setTimeout(() => {
        waiting.delete(id)
        upgrade.abandoned()
      }, TICKET_MS)
      timer.unref()
      waiting.set(id, { upgrade, timer })
      return new Response(null, { status: 200, headers: { [TICKET]: id } })
    },
    redeem(response) {
      const id = response.headers.get(TICKET) ?? ''
      const held = waiting.get(id)
      if (held === undefined) return undefined
      clearTimeout(held.timer)
      waiting.delete(id)
      return held.upgrade
    },
    async complete(upgrade, request, socket, head) {
      const sockets = await (accepting ??= accept())
      if (socket.destroyed) return upgrade.abandoned()
      // `SPDY/3.1+portforward.k8s.io` is no token by RFC 6455, and ws refuses it: it is answered by hand.
      delete request.headers['sec-websocket-protocol']
      chosen.set(request, upgrade.protocol)
      let open = false
      socket.once('close', () => {
        if (!open) upgrade.abandoned()
      })
      sockets.handleUpgrade(request, socket, head, (opened) => {
        open = true
        upgrade.opened(opened)
      })
    },
  }
}
