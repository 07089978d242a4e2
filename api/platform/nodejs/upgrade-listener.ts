/**
 * WebSocket requests on Node, through the same pipeline as every other: the handler's answer is either a ticket, which
 * is redeemed, or an ordinary answer, which ends the connection, so nothing that follows can slip through it.
 */
import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Log } from '../port.ts'
import { pathRefusal } from './raw-path.ts'
import type { Upgrades } from './upgrades.ts'

type Fetch = (request: Request) => Response | Promise<Response>

export function upgradeListener(
  fetch: Fetch,
  upgrades: Upgrades,
  log: Log,
): (incoming: IncomingMessage, socket: Duplex, head: Buffer) => void {
  return (incoming, socket, head) => {
    const gone = new AbortController()
    const leave = (): void => gone.abort()
    socket.on('error', () => socket.destroy())
    socket.once('close', leave)
    answer(incoming, socket, head, gone.signal).catch((error: unknown) => {
      log.error('an upgrade ended in an error', { error })
      socket.destroy()
    })
  }

  async function answer(incoming: IncomingMessage, socket: Duplex, head: Buffer, signal: AbortSignal): Promise<void> {
    const request = requestOf(incoming, signal)
    const response = request === undefined ? new Response(null, { status: 400 }) : await fetch(request)
    const upgrade = upgrades.redeem(response)
    if (upgrade === undefined) return refuse(socket, response)
    await upgrades.complete(upgrade, incoming, socket, head)
  }
}

function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request | undefined {
  if (pathRefusal(incoming.url ?? '') !== undefined) return undefined
  const url = `https://${incoming.headers.host ?? 'localhost'}${incoming.url ?? '/'}`
  if (!URL.canParse(url)) return undefined
  const headers = new Headers()
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (typeof value === 'string') headers.set(name, value)
    else for (const one of value ?? []) headers.append(name, one)
  }
  return new Request(url, { headers, signal })
}

const LONGEST_REFUSAL = 65_536

async function refuse(socket: Duplex, response: Response): Promise<void> {
  const body = Buffer.from(await response.arrayBuffer()).subarray(0, LONGEST_REFUSAL)
  const lines = [`HTTP/1.1 ${response.status} ${STATUS_CODES[response.status] ?? ''}`]
  response.headers.forEach((value, name) => {
    if (!['connection', 'content-length', 'transfer-encoding'].includes(name)) lines.push(`${name}: ${value}`)
  })
  lines.push('connection: close', `content-length: ${body.length}`, '', '')
  socket.end(Buffer.concat([Buffer.from(lines.join('\r\n')), body]))
}
