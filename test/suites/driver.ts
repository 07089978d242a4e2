// What being a container engine's driver means. Run on the in-memory engine and on a real Docker.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Chunk, Driver } from '../../agent/driver/driver.ts'
import { EngineError } from '../../agent/driver/driver.ts'
import type { ContainerDescription } from '../../agent/plan/description.ts'

export interface DriverUnderTest {
  readonly driver: Driver
  /** an image with sh */
  readonly image: string
}

const LABEL = 'io.kedge.cluster'

export function driverSuite(name: string, open: () => Promise<DriverUnderTest>): void {
  describe(`${name} as a driver`, { timeout: 30_000 }, () => {
    const cluster = randomUUID()
    const signal = AbortSignal.timeout(120_000)
    let driver: Driver
    let image: string

    beforeAll(async () => {
      ;({ driver, image } = await open())
    })
    afterAll(async () => {
      for (const { id } of await driver.list({ key: LABEL, value: cluster }, signal)) await driver.remove(id, signal)
    })

    const describeOne = (script: string, more: Partial<ContainerDescription> = {}): ContainerDescription => ({
      name: `kedge-suite-${randomUUID()}`,
      image,
      labels: { [LABEL]: cluster },
      command: ['sh', '-c', script],
      env: ['COLOUR=blue'],
      tty: false,
      stdin: false,
      stdinOnce: false,
      groups: [],
      mounts: [],
      network: 'none',
      ipc: 'shareable',
      pidNamespace: 'own',
      sysctls: {},
      cpuShares: 2,
      cpuQuota: 0,
      memoryBytes: 0,
      oomScoreAdj: 0,
      cgroupParent: '/kedge-suite',
      privileged: false,
      readOnlyRoot: false,
      noNewPrivileges: false,
      capAdd: [],
      capDrop: [],
      seccomp: 'default',
      unmaskedProc: false,
      logMaxBytes: 1 << 20,
      logMaxFiles: 1,
      ...more,
    })
    const started = async (script: string, more: Partial<ContainerDescription> = {}): Promise<string> => {
      const id = await driver.create(describeOne(script, more), signal)
      await driver.start(id, signal)
      return id
    }
    const state = async (id: string): Promise<string | undefined> => (await driver.inspect(id, signal))?.state
    const ended = async (id: string): Promise<void> => {
      await expect.poll(() => state(id), { timeout: 10_000 }).toBe('exited')
    }
    const read = async (chunks: AsyncIterable<Chunk>): Promise<string> => {
      let text = ''
      for await (const { stream, bytes } of chunks)
        text += `${stream === 'stdout' ? '' : '!'}${Buffer.from(bytes).toString('utf8')}`
      return text
    }
    const everything = { follow: false, timestamps: false, tail: undefined, sinceMs: undefined }

    it('shows a container grow from created through running to exited, with its code and times', async () => {
      const id = await driver.create(describeOne('exit 7'), signal)
      expect(await driver.inspect(id, signal)).toMatchObject({
        id,
        state: 'created',
        pid: 0,
        startedAtMs: 0,
        labels: { [LABEL]: cluster },
      })
      await driver.start(id, signal)
      await ended(id)
      const seen = await driver.inspect(id, signal)
      expect(seen).toMatchObject({ state: 'exited', exitCode: 7, oomKilled: false, error: '', image })
      expect(seen?.finishedAtMs).toBeGreaterThanOrEqual(seen?.startedAtMs ?? Number.NaN)
    })

    it('lists what carries a label, dead ones too, and nothing else', async () => {
      const mine = randomUUID()
      const one = await driver.create(describeOne('exit 0', { labels: { [LABEL]: cluster, suite: mine } }), signal)
      expect((await driver.list({ key: 'suite', value: mine }, signal)).map(({ id }) => id)).toEqual([one])
      expect(await driver.states({ key: 'suite', value: mine }, signal)).toEqual([{ id: one, state: 'created' }])
      expect(await driver.labelled('suite', signal)).toContain(mine)
      expect(await driver.list({ key: 'suite', value: randomUUID() }, signal)).toEqual([])
    })

    it('answers the container that is there when the same one is created again', async () => {
      const description = describeOne('exit 0')
      const id = await driver.create(description, signal)
      expect(await driver.create(description, signal)).toBe(id)
      const other = { ...description, labels: { ...description.labels, other: 'yes' } }
      await expect(driver.create(other, signal)).rejects.toMatchObject({ name: 'EngineError', fault: 'conflict' })
    })

    it('asks with a signal and kills with one', async () => {
      const polite = await started('trap "exit 4" TERM; echo ready; while true; do sleep 0.1; done')
      const deaf = await started('trap "" TERM; echo ready; while true; do sleep 0.1; done')
      for (const id of [polite, deaf])
        await expect.poll(() => read(driver.logs(id, everything, signal))).toBe('ready\n')
      await driver.signal(polite, 'SIGTERM', signal)
      await driver.signal(deaf, 'SIGTERM', signal)
      await ended(polite)
      expect((await driver.inspect(polite, signal))?.exitCode).toBe(4)
      expect(await state(deaf)).toBe('running')
      await driver.signal(deaf, 'SIGKILL', signal)
      await ended(deaf)
      expect((await driver.inspect(deaf, signal))?.exitCode).toBe(137)
      await driver.signal(deaf, 'SIGTERM', signal)
    })

    it('removes what runs, and twice does no harm', async () => {
      const id = await started('while true; do sleep 1; done')
      await driver.remove(id, signal)
      expect(await driver.inspect(id, signal)).toBeUndefined()
      await driver.remove(id, signal)
    })

    it('keeps why a container could not be started', async () => {
      const id = await driver.create(describeOne('', { command: ['/no/such/program'] }), signal)
      await expect(driver.start(id, signal)).rejects.toThrow(EngineError)
      const seen = await driver.inspect(id, signal)
      expect(seen).toMatchObject({ state: 'created', startedAtMs: 0, error: expect.stringContaining('no such file') })
    })

    it('tells of starts and ends as they happen', async () => {
      const seen: string[] = []
      const stop = new AbortController()
      let opened: () => void = () => {}
      const ready = new Promise<void>((resolve) => {
        opened = resolve
      })
      const mine = new Set<string>()
      const listening = (async () => {
        for await (const event of driver.events({ sinceMs: undefined, opened }, stop.signal)) {
          if (event.labels[LABEL] === cluster && event.action !== 'other') seen.push(`${event.action} ${event.id}`)
        }
      })().catch(() => {})
      await ready
      const id = await started('exit 0')
      mine.add(id)
      await expect
        .poll(() => seen.filter((line) => line.endsWith(id)), { timeout: 5000 })
        .toEqual([`create ${id}`, `start ${id}`, `die ${id}`])
      await driver.remove(id, signal)
      await expect.poll(() => seen.at(-1), { timeout: 5000 }).toBe(`destroy ${id}`)
      stop.abort()
      await listening
    })

    it('keeps a log with both streams, after the end as well', async () => {
      const id = await started('echo one; echo two >&2; echo three')
      await ended(id)
      expect((await read(driver.logs(id, everything, signal))).split('\n').toSorted()).toEqual([
        '',
        '!two',
        'one',
        'three',
      ])
      expect(await read(driver.logs(id, { ...everything, tail: 0 }, signal))).toBe('')
      const stamped = await read(driver.logs(id, { ...everything, timestamps: true }, signal))
      expect(stamped).toMatch(/^!?\d{4}-\d\d-\d\dT[\d:.]+Z (one|two)\n/)
      expect(await read(driver.logs(id, { ...everything, sinceMs: Date.now() + 60_000 }, signal))).toBe('')
    })

    it('follows a log to the end of the container', async () => {
      const id = await started('echo first; sleep 0.3; echo last')
      expect(await read(driver.logs(id, { ...everything, follow: true }, signal))).toBe('first\nlast\n')
    })

    it('runs a command in a container: streams apart, its environment, its exit code', async () => {
      const id = await started('while true; do sleep 1; done')
      const session = await driver.exec(
        id,
        { command: ['sh', '-c', 'echo out; echo err >&2; env; exit 9'], tty: false, stdin: false },
        signal,
      )
      const text = await read(session.output)
      expect(text).toContain('out\n')
      expect(text).toContain('!err\n')
      expect(text).toContain('COLOUR=blue')
      expect(await session.exitCode()).toBe(9)
    })

    it('passes stdin on and its end alone', async () => {
      const id = await started('while true; do sleep 1; done')
      const session = await driver.exec(
        id,
        { command: ['sh', '-c', 'cat; echo after'], tty: false, stdin: true },
        signal,
      )
      session.input.write('typed\n')
      session.input.end()
      expect(await read(session.output)).toBe('typed\nafter\n')
      expect(await session.exitCode()).toBe(0)
    })

    it('ends a command that is not wanted any more', async () => {
      const id = await started('while true; do sleep 1; done')
      const session = await driver.exec(id, { command: ['sleep', '600'], tty: false, stdin: false }, signal)
      await session.kill()
      expect(await read(session.output).catch(() => '')).toBe('')
    })

    it('refuses a command in a container that does not run', async () => {
      const id = await started('exit 0')
      await ended(id)
      await expect(driver.exec(id, { command: ['true'], tty: false, stdin: false }, signal)).rejects.toMatchObject({
        fault: 'conflict',
      })
    })

    it('refuses to attach to a container that does not run', async () => {
      const id = await started('echo lost; exit 7', { stdin: true })
      await ended(id)
      await expect(driver.attach(id, { tty: false, stdin: true }, signal)).rejects.toMatchObject({ fault: 'conflict' })
    })

    it('passes on the output of the first process, to its end and its code', async () => {
      const id = await started('cat; sleep 0.3; echo out; echo err >&2; exit 7', { stdin: true, stdinOnce: true })
      const session = await driver.attach(id, { tty: false, stdin: true }, signal)
      session.input.end()
      expect((await read(session.output)).split('\n').toSorted()).toEqual(['', '!err', 'out'])
      expect(await session.exitCode()).toBe(7)
    })

    it('ends an attach whenever the container exits about as it connects: with output, or refused', async () => {
      const tries = Array.from({ length: 12 }, async (_, at) => {
        const id = await started(`sleep ${at / 100}; exit 7`, { stdin: true })
        const session = await driver.attach(id, { tty: false, stdin: true }, signal)
        expect(await read(session.output)).toBe('')
        expect(await session.exitCode()).toBe(7)
      })
      for (const tried of await Promise.allSettled(tries)) {
        if (tried.status === 'rejected') expect(tried.reason).toMatchObject({ fault: 'conflict' })
      }
    })

    it('knows which images are there', async () => {
      expect(await driver.image(image, signal)).toMatchObject({
        id: expect.stringMatching(/^sha256:/),
        names: expect.arrayContaining([image]),
      })
      expect(await driver.image('kedge.test/none:0', signal)).toBeUndefined()
      expect((await driver.images(signal)).flatMap(({ names }) => names)).toContain(image)
      const missing = describeOne('exit 0', { image: 'kedge.test/none:0' })
      await expect(driver.create(missing, signal)).rejects.toMatchObject({ fault: 'not-found' })
    })

    it('says what a pull failed of', async () => {
      await expect(driver.pull('127.0.0.1:9/none:0', undefined, signal)).rejects.toThrow(EngineError)
    })
  })
}
