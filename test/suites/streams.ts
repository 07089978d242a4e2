/**
 * What the rendezvous of a client and a dialling agent has to do, on every platform: a server that splices, seen through
 * real WebSockets. The client asks for `/client?order=<json>&protocol=..&timeoutMs=..`, or `/log?order=..`; the agent
 * dials `/agent?id=..&node=..`.
 */
import { WebSocket } from 'ws'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { StreamOrder } from '../../api/platform/port.ts'

export interface StreamServer {
  /** `wss://host:port` */
  readonly url: string
  readonly caPem: string | undefined
  /** the node's orders, as its poll would take them */
  take(node: string): Promise<readonly StreamOrder[]>
  close(): Promise<void>
}

export function streamsSuite(name: string, open: () => Promise<StreamServer>): void {
  describe(`streams: ${name}`, () => {
    let server: StreamServer
    let count = 0

    beforeAll(async () => {
      server = await open()
    })
    afterAll(() => server.close())

    const anOrder = (kind: StreamOrder['kind'] = 'exec'): StreamOrder => ({
      id: `order-${++count}`,
      kind,
      node: `n${count}`,
      namespace: 'ns',
      pod: 'web',
      podUid: 'uid',
      container: 'main',
      query: [['command', 'sh']],
    })

    const clientUrl = (order: StreamOrder, protocol: string, timeoutMs = 5_000): string =>
      `${server.url}/client?${new URLSearchParams({ order: JSON.stringify(order), protocol, timeoutMs: String(timeoutMs) })}`
    const connect = (url: string, protocols: readonly string[] = []): Peer =>
      new Peer(
        new WebSocket(url, [...protocols], {
          ...(server.caPem === undefined ? {} : { ca: server.caPem }),
          perMessageDeflate: false,
        }),
      )

    async function taken(node: string): Promise<readonly StreamOrder[]> {
      for (;;) {
        const orders = await server.take(node)
        if (orders.length > 0) return orders
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }

    async function pair(
      protocol = 'v5.channel.k8s.io',
    ): Promise<{ readonly client: Peer; readonly agent: Peer; readonly order: StreamOrder }> {
      const order = anOrder()
      const client = connect(clientUrl(order, protocol), protocol.includes('/') ? [] : [protocol])
      const orders = await taken(order.node)
      expect(orders).toEqual([order])
      const agent = connect(`${server.url}/agent?id=${order.id}&node=${order.node}`)
      await Promise.all([client.opened, agent.opened])
      return { client, agent, order }
    }

    test('frames go both ways, in order and unchanged, text and binary apart', async () => {
      const { client, agent } = await pair()
      expect(client.socket.protocol).toBe('v5.channel.k8s.io')
      client.socket.send(Buffer.of(0, 1, 2))
      client.socket.send(Buffer.of(0))
      agent.socket.send(Buffer.of(1, 255))
      agent.socket.send('text')
      expect([await agent.next(), await agent.next()]).toEqual([Buffer.of(0, 1, 2), Buffer.of(0)])
      expect([await client.next(), await client.next()]).toEqual([Buffer.of(1, 255), 'text'])
      agent.socket.close(1000)
      expect(await client.closed).toBe(1000)
    })

    test('what the agent says before the client is there is not lost', async () => {
      const order = anOrder()
      const client = connect(clientUrl(order, 'v5.channel.k8s.io'), ['v5.channel.k8s.io'])
      await taken(order.node)
      const agent = connect(`${server.url}/agent?id=${order.id}&node=${order.node}`)
      agent.socket.once('open', () => {
        for (let at = 0; at < 100; at++) agent.socket.send(Buffer.of(1, at))
      })
      for (let at = 0; at < 100; at++) expect(await client.next()).toEqual(Buffer.of(1, at))
      client.socket.close()
      await agent.closed
    })

    test('an agent that vanishes is no good end', async () => {
      const { client, agent } = await pair()
      agent.socket.terminate()
      expect(await client.closed).toBe(1011)
    })

    test('a client that vanishes ends the agent’s side', async () => {
      const { client, agent } = await pair()
      client.socket.terminate()
      expect(await agent.closed).toBe(1011)
    })

    test('an agent that does not come is told inside the stream, where kubectl shows it', async () => {
      const order = anOrder()
      const client = connect(clientUrl(order, 'v5.channel.k8s.io', 50), ['v5.channel.k8s.io'])
      const frame = (await client.next()) as Buffer
      expect(frame[0]).toBe(3)
      expect(JSON.parse(frame.subarray(1).toString())).toMatchObject({
        status: 'Failure',
        message: expect.stringContaining(order.node),
      })
      expect(await client.closed).toBe(1000)
      // Too late.
      expect(await connect(`${server.url}/agent?id=${order.id}&node=${order.node}`).refused).toBe(404)
      expect(await server.take(order.node)).toEqual([])
    })

    test('an order is good once, and only for its node', async () => {
      const order = anOrder()
      const client = connect(clientUrl(order, 'v5.channel.k8s.io'), ['v5.channel.k8s.io'])
      await taken(order.node)
      expect(await connect(`${server.url}/agent?id=${order.id}&node=other`).refused).toBe(404)
      expect(await connect(`${server.url}/agent?id=unknown&node=${order.node}`).refused).toBe(404)
      const agent = connect(`${server.url}/agent?id=${order.id}&node=${order.node}`)
      await Promise.all([client.opened, agent.opened])
      expect(await connect(`${server.url}/agent?id=${order.id}&node=${order.node}`).refused).toBe(404)
      client.socket.close()
    })

    test('64 MiB arrive whole at a reader that is slow', async () => {
      const { client, agent } = await pair()
      const chunk = Buffer.alloc(65_536, 7)
      let received = 0
      client.socket.pause()
      setTimeout(() => client.socket.resume(), 300)
      client.socket.on('message', (data: Buffer) => {
        received += data.length
      })
      for (let at = 0; at < 1_024; at++) {
        await new Promise((resolve) => {
          agent.socket.send(chunk, resolve)
        })
      }
      agent.socket.close(1000)
      expect(await client.closed).toBe(1000)
      expect(received).toBe(64 * 1_048_576)
    })

    test('a log is streamed as bytes, with credit, and ends when the agent ends it', async () => {
      const order = anOrder('log')
      const answer = fetchText(server, `/log?order=${encodeURIComponent(JSON.stringify(order))}&timeoutMs=5000`)
      await taken(order.node)
      const agent = connect(`${server.url}/agent?id=${order.id}&node=${order.node}`)
      await agent.opened
      let acknowledged = 0
      agent.socket.on('message', (data: Buffer) => {
        acknowledged = Number(data.toString().replace('ack ', ''))
      })
      const line = Buffer.from(`${'x'.repeat(1_023)}\n`)
      let sent = 0
      while (sent < 2 * 1_048_576) {
        while (sent - acknowledged > 262_144 - line.length) await new Promise((resolve) => setTimeout(resolve, 1))
        agent.socket.send(line)
        sent += line.length
      }
      agent.socket.close(1000)
      const { status, text } = await answer
      expect(status).toBe(200)
      expect(text.length).toBe(2 * 1_048_576)
    })

    test('a log that cannot be read says why', async () => {
      const order = anOrder('log')
      const answer = fetchText(server, `/log?order=${encodeURIComponent(JSON.stringify(order))}&timeoutMs=5000`)
      await taken(order.node)
      const agent = connect(`${server.url}/agent?id=${order.id}&node=${order.node}`)
      await agent.opened
      agent.socket.send('error container "main" is waiting to start')
      agent.socket.close(1000)
      expect(await answer).toEqual({ status: 400, text: 'container "main" is waiting to start' })
      const late = anOrder('log')
      const { status, text } = await fetchText(
        server,
        `/log?order=${encodeURIComponent(JSON.stringify(late))}&timeoutMs=30`,
      )
      expect([status, text]).toEqual([400, expect.stringContaining(late.node)])
    })
  })
}

async function fetchText(
  server: StreamServer,
  path: string,
): Promise<{ readonly status: number; readonly text: string }> {
  const { request } = await import('node:https')
  return new Promise((resolve, reject) => {
    const url = `${server.url.replace('wss:', 'https:')}${path}`
    request(url, server.caPem === undefined ? {} : { ca: server.caPem }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('error', reject)
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString() }))
    })
      .on('error', reject)
      .end()
  })
}

/** One end of a WebSocket, with what it received kept until it is asked for. */
class Peer {
  readonly socket: WebSocket
  readonly opened: Promise<void>
  /** the close code */
  readonly closed: Promise<number>
  /** the status of an answer that is no upgrade */
  readonly refused: Promise<number>
  readonly #received: (Buffer | string)[] = []
  #wake: (() => void) | undefined

  constructor(socket: WebSocket) {
    this.socket = socket
    this.opened = new Promise((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    this.closed = new Promise((resolve) => {
      socket.once('close', resolve)
    })
    this.refused = new Promise((resolve) => {
      socket.once('unexpected-response', (_request, answer) => {
        resolve(answer.statusCode ?? 0)
        answer.resume()
        socket.terminate()
      })
    })
    this.opened.catch(() => undefined)
    socket.on('error', () => undefined)
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      this.#received.push(isBinary ? data : data.toString())
      this.#wake?.()
    })
  }

  async next(): Promise<Buffer | string> {
    while (this.#received.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.#received.shift() ?? ''
  }
}
