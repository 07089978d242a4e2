/** A real kubectl through the Node server to an agent that dials back: exec, logs and port-forward, good and bad. */
import { WebSocket } from 'ws'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RunningServer, startServer } from '../../api/nodejs.ts'
import type { StreamOrder } from '../../api/platform/port.ts'
import { Agent, createObject } from '../dispatch/agent.ts'
import { eventually } from '../tools/eventually.ts'
import { hasClients, kubectl, type Kubectl } from '../tools/kubectl.ts'
import { tempFolder } from '../tools/temp.ts'

const status = (value: object): Buffer =>
  Buffer.concat([Buffer.of(3), Buffer.from(JSON.stringify({ metadata: {}, ...value }))])
const exitWith = (code: number): Buffer =>
  status({
    status: 'Failure',
    reason: 'NonZeroExitCode',
    message: `command terminated with non-zero exit code: exit status ${code}`,
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  })

describe.runIf(hasClients)('kubectl', () => {
  let folder: Awaited<ReturnType<typeof tempFolder>>
  let server: RunningServer
  let client: Kubectl
  let agent: Agent
  const stop = new AbortController()
  /** what the agent does with the next order */
  let serve: (order: StreamOrder, socket: WebSocket) => void = () => undefined

  beforeAll(async () => {
    folder = await tempFolder()
    server = await startServer({ dataDir: folder.path, host: '127.0.0.1', port: 0 })
    client = kubectl(server.kubeconfigPath)
    agent = await Agent.join(server.cluster, 'n1')
    const pod = await createObject(server.cluster, 'pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web', namespace: 'default' },
      spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'x', ports: [{ containerPort: 80 }] }] },
    })
    const running = { name: 'main', state: { running: {} }, ready: true, restartCount: 0, image: 'x', imageID: '' }
    const { name = '', uid = '' } = pod.metadata
    await agent.report({
      pods: [{ namespace: 'default', name, uid, status: { phase: 'Running', containerStatuses: [running] } }],
    })
    void polls()
  })
  afterAll(async () => {
    stop.abort()
    await server.close()
    await folder[Symbol.asyncDispose]()
  })

  async function polls(): Promise<void> {
    while (!stop.signal.aborted) {
      const { streams } = await agent.poll(1_000)
      for (const order of streams) {
        const url = `${server.url.replace('https', 'wss')}/agent/v1/streams/${order.id}`
        const headers = { authorization: `Bearer ${agent.credential}` }
        const socket = new WebSocket(url, { headers, ca: server.cluster.keys.caPem, perMessageDeflate: false })
        socket.on('error', () => undefined)
        socket.once('open', () => serve(order, socket))
      }
    }
  }

  test('exec: both outputs and the exit code', async () => {
    serve = (order, socket) => {
      expect(order).toMatchObject({ kind: 'exec', node: 'n1', pod: 'web', container: 'main' })
      expect(order.query.filter(([name]) => name === 'command').map(([, value]) => value)).toEqual(['sh', '-c', 'x'])
      socket.send(Buffer.from('\u0001out\n'))
      socket.send(Buffer.from('\u0002err\n'))
      socket.send(exitWith(7))
      socket.close(1000)
    }
    expect(await client.try('exec', 'web', '--', 'sh', '-c', 'x')).toMatchObject({
      code: 7,
      stdout: 'out\n',
      stderr: expect.stringContaining('err\n'),
    })
  })

  test('exec -i: what is read goes in, its end too', async () => {
    serve = (_order, socket) => {
      const read: Buffer[] = []
      socket.on('message', (data: Buffer) => {
        if (data[0] === 0) read.push(data.subarray(1))
        if (data[0] !== 255) return
        socket.send(Buffer.concat([Buffer.of(1), Buffer.from(String(Buffer.concat(read).length))]))
        socket.send(status({ status: 'Success' }))
        socket.close(1000)
      })
    }
    expect(await client.pipe(Buffer.alloc(3_000_000, 'x'), 'exec', '-i', 'web', '--', 'wc', '-c')).toBe('3000000')
  })

  test('exec: an agent that dies is an error, never a good end', async () => {
    serve = (_order, socket) => {
      socket.send(Buffer.from('\u0001half'))
      setTimeout(() => socket.terminate(), 50)
    }
    const { code, stdout } = await client.try('exec', 'web', '--', 'sh')
    expect(stdout).toBe('half')
    expect(code).not.toBe(0)
  })

  test('exec into a container or pod that is not there asks no agent', async () => {
    let asked = 0
    serve = () => asked++
    expect((await client.try('exec', 'web', '-c', 'none', '--', 'sh')).stderr).toContain('none')
    expect((await client.try('exec', 'nowhere', '--', 'sh')).stderr).toContain('pods "nowhere" not found')
    expect(asked).toBe(0)
  })

  test('logs: the bytes, and the reason when there are none', async () => {
    serve = (order, socket) => {
      expect(order.kind).toBe('log')
      socket.send(Buffer.from('one\ntwo\n'))
      socket.close(1000)
    }
    expect(await client.run('logs', 'web')).toBe('one\ntwo\n')
    serve = (_order, socket) => {
      socket.send('error no such file')
      socket.close(1000)
    }
    expect((await client.try('logs', 'web')).stderr).toContain('no such file')
  })

  test('logs -f: lines come as they are written, and the agent hears when nobody reads them', async () => {
    const ended = new Promise<void>((resolve) => {
      serve = (order, socket) => {
        expect(order.query).toContainEqual(['follow', 'true'])
        socket.send(Buffer.from('first\n'))
        socket.once('close', () => resolve())
      }
    })
    await using following = client.watch('logs', '-f', 'web')
    await eventually(() => expect(following.text()).toBe('first\n'))
    await following.stop()
    await ended
  })

  test('port-forward: the frames of its SPDY connection reach the agent as they are', async () => {
    const first = new Promise<Buffer>((resolve) => {
      serve = (order, socket) => {
        expect(order.kind).toBe('portforward')
        let read = Buffer.alloc(0)
        socket.on('message', (data: Buffer) => {
          read = Buffer.concat([read, data])
          if (read.length >= 4) resolve(read)
        })
      }
    })
    await using forwarding = client.watch('port-forward', 'web', ':80')
    await eventually(() => expect(forwarding.text()).toMatch(/Forwarding from 127\.0\.0\.1:(\d+)/))
    const [, port] = /127\.0\.0\.1:(\d+)/.exec(forwarding.text()) ?? []
    const { connect } = await import('node:net')
    const socket = connect(Number(port), '127.0.0.1')
    socket.on('error', () => undefined)
    // A control frame of SPDY version 3, SYN_STREAM.
    expect([...(await first).subarray(0, 4)]).toEqual([0x80, 3, 0, 1])
    socket.destroy()
  })
})
