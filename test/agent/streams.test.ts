// exec, attach, logs and port-forward, dialled back by a real agent into a real container.
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { WebSocket } from 'ws'
import { aContainer, aPod, uidOf } from './pods.ts'
import type { Rig } from './rig.ts'
import { because, startRig, whyNot } from './rig.ts'
import type { Received } from './spdy-client.ts'
import { SpdyClient } from './spdy-client.ts'

const reason = await whyNot()

describe.skipIf(reason !== undefined)(`a stream into a container${because(reason)}`, { timeout: 60_000 }, () => {
  let rig: Rig
  const script =
    'echo out; echo err >&2; httpd -p 127.0.0.1:8080 -h /; trap "exit 0" TERM; while true; do sleep 0.1; done'
  const pod = aPod({ containers: [aContainer(script)] })

  beforeAll(async () => {
    rig = await startRig({ podCIDR: '10.250.6.0/24' })
    await rig.plane.until('registered', () => rig.plane.registrations.length > 0)
    rig.plane.put(pod)
    await rig.plane.until('running', () => rig.plane.status(uidOf(pod))?.phase === 'Running')
  })
  afterAll(() => rig.close())

  const order = (kind: 'exec' | 'log', query: [string, string][]): Promise<WebSocket> =>
    rig.plane.stream({ kind, namespace: 'default', pod: 'web', podUid: uidOf(pod), container: 'main', query })
  const command = (...words: string[]): [string, string][] => words.map((word) => ['command', word])

  interface Told {
    stdout: string
    stderr: string
    status: { status?: string; message?: string; details?: { causes?: { message?: string }[] } }
    close: number
  }

  async function listen(socket: WebSocket): Promise<Told> {
    const told: Told = { stdout: '', stderr: '', status: {}, close: 0 }
    socket.on('message', (data: Buffer) => {
      const body = data.subarray(1).toString('utf8')
      if (data[0] === 1) told.stdout += body
      if (data[0] === 2) told.stderr += body
      if (data[0] === 3) told.status = JSON.parse(body) as Told['status']
    })
    const [code] = (await once(socket, 'close')) as [number]
    return { ...told, close: code }
  }

  it('runs a command, keeps stdout and stderr apart and tells its exit code', async () => {
    const told = await listen(
      await order('exec', [
        ...command('sh', '-c', 'echo a; echo b >&2; exit 5'),
        ['stdout', 'true'],
        ['stderr', 'true'],
      ]),
    )
    expect(told).toMatchObject({ stdout: 'a\n', stderr: 'b\n', close: 1000 })
    expect(told.status).toMatchObject({
      status: 'Failure',
      message: 'command terminated with non-zero exit code: exit status 5',
      details: { causes: [{ message: '5' }] },
    })
  })

  it('passes stdin on, and its end alone', async () => {
    const socket = await order('exec', [
      ...command('sh', '-c', 'wc -c; echo after'),
      ['stdin', 'true'],
      ['stdout', 'true'],
    ])
    const done = listen(socket)
    const block = Buffer.alloc(60_001, 0x61)
    block[0] = 0
    for (let n = 0; n < 50; n++) socket.send(block)
    socket.send(Buffer.from([255, 0]))
    const told = await done
    expect(told.stdout).toBe('3000000\nafter\n')
    expect(told.status).toMatchObject({ status: 'Success' })
  })

  it('gives a terminal of the asked size, and resizes it', async () => {
    const socket = await order('exec', [
      ...command('sh', '-c', 'sleep 0.5; stty size'),
      ['tty', 'true'],
      ['stdin', 'true'],
      ['stdout', 'true'],
    ])
    const done = listen(socket)
    socket.send(Buffer.concat([Buffer.from([4]), Buffer.from('{"Width":132,"Height":40}')]))
    expect((await done).stdout).toBe('40 132\r\n')
  })

  it('attaches to the first process, or says that it is over, and never hangs', async () => {
    const attach = async (name: string, script: string): Promise<Told> => {
      const main = aContainer(script, { stdin: true, stdinOnce: true })
      const one = aPod({ restartPolicy: 'Never', containers: [main] }, name)
      rig.plane.put(one)
      const phase = (): string => rig.plane.status(uidOf(one))?.phase ?? 'Pending'
      await rig.plane.until('started', () => phase() !== 'Pending')
      const query: [string, string][] = [['stdin', 'true']]
      const wanted = { namespace: 'default', pod: name, podUid: uidOf(one), container: 'main', query }
      const socket = await rig.plane.stream({ kind: 'attach', ...wanted })
      const done = listen(socket)
      socket.send(Buffer.from([0, 0x61, 0x0a]))
      socket.send(Buffer.from([255, 0]))
      return done
    }
    const long = await attach('long', 'cat; exit 7')
    expect(long).toMatchObject({ stdout: 'a\n', status: { status: 'Success' }, close: 1000 })
    for (const pause of ['0', '0.01', '0.05']) {
      const told = await attach(`brief${pause}`, `sleep ${pause}; exit 7`)
      expect(told).toMatchObject({ stdout: '', close: 1000 })
      if (told.status.status !== 'Success') expect(told.status.message).toMatch(/^error attaching to container: /)
    }
  })

  it('ends the command when its client goes away', async () => {
    const socket = await order('exec', [...command('sleep', '3333'), ['stdout', 'true']])
    const id = rig.plane.status(uidOf(pod))?.containerStatuses?.[0]?.containerID?.replace('docker://', '') ?? ''
    await expect.poll(() => rig.docker('top', id), { timeout: 5000 }).toContain('sleep 3333')
    socket.terminate()
    await expect.poll(() => rig.docker('top', id), { timeout: 5000 }).not.toContain('sleep 3333')
  })

  it('says in the stream what cannot be run', async () => {
    const told = await listen(await order('exec', [...command('/no/such/program'), ['stdout', 'true']]))
    expect(told.status.status).toBe('Failure')
  })

  it('forwards a port that listens on loopback only, and says when nothing does', async () => {
    const socket = await rig.plane.stream({
      kind: 'portforward',
      namespace: 'default',
      pod: 'web',
      podUid: uidOf(pod),
      container: '',
      query: [],
    })
    const client = new SpdyClient((bytes) => socket.send(bytes))
    socket.on('message', (data: Buffer) => client.feed(data))
    client.ping(1)
    const connect = async (
      port: string,
      requestid: string,
    ): Promise<{ error: Received; data: Received; id: number }> => {
      const error = await client.open({ streamtype: 'error', port, requestid }, true)
      const id = await client.open({ streamtype: 'data', port, requestid }, false)
      const of = (stream: number): Received => client.streams.get(stream) ?? { text: '', ended: false, replied: false }
      return { error: of(error), data: of(id), id }
    }
    const good = await connect('8080', '0')
    client.send(good.id, Buffer.from('GET /etc/hostname HTTP/1.0\r\n\r\n'), false)
    await expect.poll(() => good.data.ended && good.error.ended, { timeout: 10_000 }).toBe(true)
    expect(good.data.text).toMatch(/^HTTP\/1\.[01] 200 OK/)
    expect(good).toMatchObject({ data: { replied: true }, error: { text: '', replied: true } })
    const bad = await connect('8081', '1')
    await expect.poll(() => bad.data.ended && bad.error.ended, { timeout: 10_000 }).toBe(true)
    expect(bad.error.text).toMatch(
      /^failed to connect to port 8081 inside pod: dial tcp4 127\.0\.0\.1:8081: connect: connection refused$/,
    )
    expect(client.pings).toEqual([1])
    socket.close()
  })

  it('sends logs, the last lines of them, and no more than was acknowledged', async () => {
    const read = async (query: [string, string][]): Promise<string> => {
      const socket = await order('log', query)
      let text = ''
      let total = 0
      socket.on('message', (data: Buffer) => {
        text += data.toString('utf8')
        total += data.length
        socket.send(`ack ${total}`)
      })
      await once(socket, 'close')
      return text
    }
    expect((await read([])).split('\n').toSorted()).toEqual(['', 'err', 'out'])
    expect(await read([['tailLines', '1']])).toMatch(/^(out|err)\n$/)
    expect(await read([['limitBytes', '2']])).toHaveLength(2)
    expect(
      await read([
        ['timestamps', 'true'],
        ['tailLines', '1'],
      ]),
    ).toMatch(/^\d{4}-\d\d-\d\dT.*Z (out|err)\n$/)
    expect(await read([['previous', 'true']])).toBe('error previous terminated container "main" in pod "web" not found')
  })
})
