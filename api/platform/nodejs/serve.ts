/**
 * HTTPS on Node: one listener for the API and the agents, with limits that keep slow or idle strangers from holding
 * what others need. Nothing is served without TLS: kubectl would send no token.
 */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { getRequestListener } from '@hono/node-server'
import type { Refusal } from '../../../schema/k8s/status.ts'
import type { Signed } from '../../access/ca.ts'
import type { Log } from '../port.ts'
import { codeOf } from './files.ts'
import { pathRefusal } from './raw-path.ts'
import { StartError } from './start-error.ts'
import { upgradeListener } from './upgrade-listener.ts'
import type { Upgrades } from './upgrades.ts'

export interface ServeOptions {
  readonly host: string
  readonly port: number
  readonly serving: Signed
  readonly fetch: (request: Request) => Response | Promise<Response>
  readonly upgrades: Upgrades
  readonly log: Log
  readonly limits?: Partial<typeof LIMITS>
}

export interface Serving {
  readonly port: number
  /** Rejects when the listener breaks. */
  readonly failed: Promise<never>
  /** New connections are shown this certificate; those that are open stay. */
  renew(serving: Signed): void
  /** No new requests; those under way get a moment, watches and polls are cut. */
  close(): Promise<void>
}

/** Headers must be there within ten seconds, the whole request within a minute. */
const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  connectionsCheckingInterval: 5_000,
  // Longer than Go's clients keep an idle connection: it is theirs to close, so none is cut while it is being used.
  keepAliveTimeout: 120_000,
  // When thousands of agents come back at once, each handshake waits for the others: cutting them off begins them anew.
  handshakeTimeout: 60_000,
  maxHeaderSize: 65_536,
}
const CONNECTIONS = 20_000
const CLOSE_MS = 1_000

export async function serveHttps(options: ServeOptions): Promise<Serving> {
  const { serving, log } = options
  const server = createServer(
    {
      ...LIMITS,
      ...options.limits,
      key: serving.keyPem,
      cert: serving.certificatePem,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
      // Old clients ask for SPDY and curl for h2c: they get an ordinary answer.
      shouldUpgradeCallback: (request: IncomingMessage) => isWebSocket(request),
    },
    requestListener(options.fetch, log),
  )
  server.maxConnections = CONNECTIONS
  const upgraded = new Set<Duplex>()
  const upgrade = upgradeListener(options.fetch, options.upgrades, log)
  server.on('upgrade', (request, socket, head) => {
    upgraded.add(socket)
    socket.once('close', () => upgraded.delete(socket))
    upgrade(request, socket, head)
  })
  await listen(server, options.host, options.port)
  const failed = once(server, 'error').then(([error]) => Promise.reject(error as Error))
  failed.catch(() => undefined)
  return {
    port: (server.address() as AddressInfo).port,
    failed,
    renew: ({ keyPem, certificatePem }) =>
      server.setSecureContext({ key: keyPem, cert: certificatePem, minVersion: 'TLSv1.2' }),
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeIdleConnections()
      const timer = setTimeout(() => {
        for (const socket of upgraded) socket.destroy()
        server.closeAllConnections()
      }, CLOSE_MS)
      await closed
      clearTimeout(timer)
    },
  }
}

type Listener = (request: IncomingMessage, response: ServerResponse) => void

function requestListener(fetch: ServeOptions['fetch'], log: Log): Listener {
  const listener = getRequestListener(fetch, {
    hostname: 'localhost',
    errorHandler(error) {
      log.error('a request ended in an error', { error })
      return new Response('internal error\n', { status: 500 })
    },
  })
  return (request, response) => {
    const refusal = pathRefusal(request.url ?? '')
    if (refusal !== undefined) {
      refuse(request, response, refusal)
      return
    }
    listener(request, response).catch((error: unknown) => {
      log.error('a response could not be written', { error })
      response.destroy()
    })
  }
}

/** Before the app and without it; what the client still sends is not waited for. */
function refuse(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
  response.writeHead(refusal.code, { 'content-type': 'application/json', connection: 'close' })
  response.end(`${JSON.stringify(refusal.status())}\n`)
  request.resume()
}

const isWebSocket = (request: IncomingMessage): boolean =>
  request.method === 'GET' && request.headers.upgrade?.toLowerCase() === 'websocket'

async function listen(server: Server, host: string, port: number): Promise<void> {
  const listening = once(server, 'listening')
  server.listen({ host, port, backlog: 1_024 })
  try {
    await listening
  } catch (cause) {
    throw new StartError(listenError(codeOf(cause), host, port, cause), { cause })
  }
}

function listenError(code: string | undefined, host: string, port: number, cause: unknown): string {
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} of ${host} is in use: stop what listens there, or choose another with --port`
    case 'EACCES':
      return `no permission to listen on port ${port}: choose one above 1023 with --port, or start as root`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `--host ${host} is no address of this machine`
    default:
      return `cannot listen on ${host}:${port}: ${cause instanceof Error ? cause.message : String(cause)}`
  }
}
