/** What workerd asks of its database: counted between the two, by the request. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Edge } from '../../cli/edge-runtime.ts'
import { hasLibsqlServer } from '../../cli/libsql-server.ts'
import { eventually } from '../tools/eventually.ts'
import type { SqlCount, SqlRequest } from './counting-proxy.ts'
import { type Api, CONFIG_MAPS, configMap, type EdgeRig, edgeRig, type Lines, MERGE, pod, PODS } from './edge-rig.ts'

const why = hasLibsqlServer() ? '' : ': skipped, npm has no libSQL server for this platform'

describe.runIf(hasLibsqlServer())(`the cost of workerd${why}`, () => {
  let rig: EdgeRig
  let edge: Edge
  let api: Api
  const take = (of?: (request: SqlRequest) => boolean): SqlCount => rig.cluster('default').database.take(of)

  beforeAll(async () => {
    rig = await edgeRig()
    edge = await rig.start()
    api = rig.api(edge)
    const account = '/api/v1/namespaces/default/serviceaccounts/default'
    await eventually(async () => (await api.send('GET', account)).status === 200)
    await quiet()
  })
  afterAll(() => rig[Symbol.asyncDispose]())

  /** Nothing was asked for two seconds: passes and the alarms behind them are over. */
  async function quiet(): Promise<void> {
    take()
    await eventually(
      async () => {
        await sleep(2_000)
        const { reads, writes } = take()
        return reads + writes === 0
      },
      { deadlineMs: 60_000 },
    )
  }

  const postPods = async (prefix: string, count: number): Promise<void> => {
    for (let at = 0; at < count; at++) expect((await api.send('POST', PODS, pod(`${prefix}-${at}`))).status).toBe(201)
  }

  /** A watch asks for the changes of its resource alone. */
  const ofWatch = ({ kind, statements }: SqlRequest): boolean =>
    kind === 'read' && statements.every((text) => text.endsWith(' | configmaps'))
  /** Passes ask for the changes of every kind they plan. */
  const ofPass = ({ statements }: SqlRequest): boolean =>
    statements.some((text) => text.includes('["configmaps","namespaces","nodes","pods"'))

  test('a request costs the round trips of its budget', async () => {
    /** The passes that follow are not the request's own. */
    const cost = async (method: string, path: string, body?: unknown, more = {}): Promise<SqlCount> => {
      take()
      const { status, text } = await api.send(method, path, body, more)
      if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`)
      return take((request) => !ofPass(request))
    }
    const path = `${CONFIG_MAPS}/costs`
    await quiet()
    const rows: readonly (readonly [string, () => Promise<SqlCount>, { reads: number; writes: number }])[] = [
      ['create', () => cost('POST', CONFIG_MAPS, configMap('costs')), { reads: 0, writes: 1 }],
      ['get', () => cost('GET', path), { reads: 1, writes: 0 }],
      ['list', () => cost('GET', CONFIG_MAPS), { reads: 1, writes: 0 }],
      ['list a page', () => cost('GET', `${CONFIG_MAPS}?limit=1`), { reads: 1, writes: 0 }],
      ['update', () => cost('PUT', path, configMap('costs', { a: '1' })), { reads: 1, writes: 1 }],
      ['patch', () => cost('PATCH', path, { data: { b: '2' } }, MERGE), { reads: 1, writes: 1 }],
      ['delete', () => cost('DELETE', path), { reads: 1, writes: 1 }],
    ]
    const seen: Record<string, SqlCount> = {}
    for (const [name, work] of rows) seen[name] = await work()
    for (const [name, , { reads, writes }] of rows) expect([name, seen[name]]).toMatchObject([name, { reads, writes }])
  })

  test('fifty idle watches cost no read while a hundred pods are written', async () => {
    const watches: Lines[] = []
    for (let at = 0; at < 50; at++) watches.push(await api.stream(`${CONFIG_MAPS}?watch=1`))
    await quiet()
    const began = performance.now()
    await postPods('watched', 100)
    await sleep(2_000)
    expect(take(ofWatch)).toEqual({ reads: 0, writes: 0, statements: 0 })
    // A watch looks once a minute on its own, for its bookmark: that must not fall into the measured time.
    expect(performance.now() - began).toBeLessThan(45_000)
    // They are awake: a ConfigMap reaches all of them.
    expect((await api.send('POST', CONFIG_MAPS, configMap('seen'))).status).toBe(201)
    await eventually(() => {
      for (const { lines } of watches) expect(lines.some((line) => line.includes('"name":"seen"'))).toBe(true)
    })
    expect(take(ofWatch).reads).toBe(50)
    for (const watch of watches) watch.stop()
  })

  test('cron on an idle cluster is one read of one row, and writes nothing', async () => {
    await quiet()
    for (let at = 0; at < 3; at++) {
      await edge.scheduled()
      expect(take()).toEqual({ reads: 1, writes: 0, statements: 1 })
    }
    // Also when the object has to begin anew: it compares the head with the cursor it kept.
    const port = Number(new URL(edge.url).port)
    await edge.close()
    edge = await rig.start('objects', port)
    await edge.scheduled()
    expect(take()).toEqual({ reads: 1, writes: 0, statements: 1 })
  })
})
