import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { json, text } from 'node:stream/consumers'
import { connect as tlsConnect, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAuthority, issueServing, type Signed } from '../../api/access/ca.ts'
import { silentLog } from '../../api/platform/memory.ts'
import { serveHttps, type Serving } from '../../api/platform/nodejs/serve.ts'
import { createUpgrades } from '../../api/platform/nodejs/upgrades.ts'

/** The server's own, made short. */
const limits = { headersTimeout: 400, requestTimeout: 800, connectionsCheckingInterval: 100, keepAliveTimeout: 1_000 }
const names = { dns: ['localhost'], ips: ['127.0.0.1'] }
let authority: Signed
let server: Serving
let seen: { cancelled: Promise<void>; aborted: Promise<void> } | undefined

/** A stream that never ends by itself, and tells when nobody reads it any more. */
function endless(request: Request): Response {
  let cancelled: () => void = () => undefined
  const aborted = new Promise<void>((resolve) => {
    request.signal.addEventListener('abort', () => resolve())
  })
  seen = {
    aborted,
    cancelled: new Promise((resolve) => {
      cancelled = resolve
    }),
  }
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode('first\n')),
    pull: () => new Promise(() => undefined),
    cancel: () => cancelled(),
  })
  return new Response(body, { headers: { 'content-encoding': 'identity' } })
}

beforeAll(async () => {
  authority = await createAuthority('test', Date.now())
  const serving = await issueServing(authority, names, Date.now())
  const fetch = (request: Request): Response => {
    const { pathname } = new URL(request.url)
    if (pathname === '/endless') return endless(request)
    if (pathname === '/throws') throw new Error('a secret of the inside')
    return new Response(pathname)
  }
  server = await serveHttps({
    host: '127.0.0.1',
    port: 0,
    serving,
    upgrades: createUpgrades(),
    log: silentLog,
    fetch,
    limits,
  })
})
afterAll(() => server.close())

async function open(ca = authority.certificatePem): Promise<TLSSocket> {
  const socket = tlsConnect({ port: server.port, host: '127.0.0.1', ca, servername: 'localhost' })
  await once(socket, 'secureConnect')
  socket.on('error', () => undefined)
  return socket
}

test('a client that goes away ends the stream it read, at once', async () => {
  const sent = httpsRequest({
    port: server.port,
    host: '127.0.0.1',
    path: '/endless',
    ca: authority.certificatePem,
  }).end()
  const [answer] = (await once(sent, 'response')) as [NodeJS.ReadableStream]
  await once(answer, 'data')
  answer.on('error', () => undefined)
  sent.on('error', () => undefined)
  sent.destroy()
  await expect(seen?.cancelled).resolves.toBeUndefined()
  await expect(seen?.aborted).resolves.toBeUndefined()
})

test('the first bytes of a stream go out before there are more', async () => {
  const socket = await open()
  socket.write('GET /endless HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n')
  let heard = ''
  while (!heard.includes('first')) heard += String((await once(socket, 'data'))[0])
  expect(heard).toContain('content-encoding: identity')
  socket.destroy()
})

test('an error inside is not told to the outside', async () => {
  const socket = await open()
  socket.write('GET /throws HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  let heard = ''
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString()
  })
  await once(socket, 'close')
  expect(heard).toMatch(/^HTTP\/1\.1 500 /)
  expect(heard).not.toContain('secret')
})

test.each([
  [
    'headers that are large, but not over 64 KiB',
    `GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: ${'x'.repeat(60_000)}\r\n\r\n`,
    200,
  ],
  ['what is no HTTP', 'hello\r\n\r\n', 400],
  ['no host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
])('%s', async (_what, text, status) => {
  const socket = await open()
  let heard = ''
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString()
  })
  socket.write(text)
  await once(socket, 'close')
  expect(heard).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
})

test.each([
  ['/api/v1/namespaces/x/pods/..', '..'],
  ['/api/v1/namespaces/x/pods/%2e%2E/secrets?watch=true', '%2e%2E'],
  ['/a/.%2e/../etc/passwd', '.%2e'],
  ['/a/./b', '.'],
  ['/a/%2e#b', '%2e'],
  ['/a\\..\\b', 'a\\..\\b'],
])('the path %s is refused as it came', async (path, segment) => {
  const sent = httpsRequest({ port: server.port, host: '127.0.0.1', path, ca: authority.certificatePem }).end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  expect([answer.statusCode, await json(answer)]).toMatchObject([
    400,
    { kind: 'Status', reason: 'BadRequest', message: `the path has an invalid segment: ${JSON.stringify(segment)}` },
  ])
})

test.each(['/', '/a/.b/c..d/...?x=/../', '/a/%2efoo/%2f', '/a%20b/%e2%82%ac'])(
  'the path %s reaches the app as it is',
  async (path) => {
    const sent = httpsRequest({ port: server.port, host: '127.0.0.1', path, ca: authority.certificatePem }).end()
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    expect([answer.statusCode, await text(answer)]).toEqual([200, path.split('?')[0]])
  },
)

test('an upgrade of a path with dot segments is refused too', async () => {
  const socket = await open()
  socket.write(
    'GET /a/../exec HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  let heard = ''
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString()
  })
  await once(socket, 'close')
  expect(heard).toMatch(/^HTTP\/1\.1 400 /)
})

test('headers over 64 KiB are not read', async () => {
  const socket = await open()
  let heard = ''
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString()
  })
  socket.write(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`)
  await once(socket, 'close')
  // The answer may be lost when the connection is reset.
  expect(heard).not.toMatch(/^HTTP\/1\.1 2/)
})

test('a connection that says nothing, or too little, is ended', async () => {
  const [silent, slow] = [await open(), await open()]
  slow.write('GET / HTTP/1.1\r\nHost: ')
  const began = performance.now()
  for (const socket of [silent, slow]) socket.resume()
  await Promise.all([once(slow, 'close'), once(silent, 'close')])
  expect(performance.now() - began).toBeLessThan(5_000)
})

test('a renewed certificate is shown to new connections, and the old ones stay', async () => {
  const old = await open()
  const before = old.getPeerCertificate().serialNumber
  server.renew(await issueServing(authority, names, Date.now()))
  const fresh = await open()
  expect(fresh.getPeerCertificate().serialNumber).not.toBe(before)
  old.write('GET /still HTTP/1.1\r\nHost: localhost\r\n\r\n')
  expect(String((await once(old, 'data'))[0])).toMatch(/^HTTP\/1\.1 200 /)
  for (const socket of [old, fresh]) socket.destroy()
})
