/** Several runtimes over one database, a runtime that dies, and several clusters in one runtime. */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { hasLibsqlServer } from '../../cli/libsql-server.ts'
import { eventually } from '../tools/eventually.ts'
import type { SqlRequest } from './counting-proxy.ts'
import { crossingsAtEdge } from './edge-crossing.ts'
import { type Api, configMap, CONFIG_MAPS, edgeRig, pod, PODS, readyNode } from './edge-rig.ts'

const why = hasLibsqlServer() ? '' : ': skipped, npm has no libSQL server for this platform'

describe.runIf(hasLibsqlServer())(`workerd, more than once${why}`, () => {
  test('two runtimes with Durable Objects of their own bind 1,000 pods once each', async () => {
    await using rig = await edgeRig()
    const edges = [await rig.start('one'), await rig.start('two')]
    const [one, two] = edges.map((edge) => rig.api(edge)) as [Api, Api]
    await ready(one)
    for (let at = 0; at < 8; at++) await readyNode(at % 2 === 0 ? one : two, `n${at}`)
    const began = performance.now()
    const half = async (api: Api, name: string): Promise<void> => {
      for (let at = 0; at < 500; at += 20) {
        const some = Array.from({ length: 20 }, (_, n) => api.send('POST', PODS, pod(`${name}-${at + n}`)))
        for (const { status, text } of await Promise.all(some)) if (status !== 201) throw new Error(text)
      }
    }
    await Promise.all([half(one, 'one'), half(two, 'two')])
    const written = performance.now()
    interface Bound {
      readonly metadata: { readonly name: string }
      readonly spec: { readonly nodeName?: string }
    }
    const all = async (api: Api): Promise<readonly Bound[]> => (await api.send('GET', PODS)).body.items as Bound[]
    await eventually(
      async () => expect((await all(one)).filter(({ spec }) => spec.nodeName === undefined)).toHaveLength(0),
      { deadlineMs: 120_000, everyMs: 500 },
    )
    process.stdout.write(
      `written in ${Math.round(written - began)} ms, bound after ${Math.round(performance.now() - written)} ms\n`,
    )
    // Both serve, and both see the same.
    expect(await all(two)).toEqual(await all(one))
    expect(await all(two)).toHaveLength(1_000)
    const steps = await logOf(rig.cluster('default').server.url)
    const bindings = new Map<string, number>()
    let epochs = 0
    const nodeOf = new Map<string, string>()
    for (const { resource, name, nodeName } of steps) {
      if (resource === '~pass') epochs++
      if (resource !== 'pods' || nodeName === '' || nodeOf.get(name) === nodeName) continue
      nodeOf.set(name, nodeName)
      bindings.set(name, (bindings.get(name) ?? 0) + 1)
    }
    expect(bindings.size).toBe(1_000)
    expect([...bindings.values()].filter((times) => times !== 1)).toEqual([])
    process.stdout.write(`${epochs} epochs over ${steps.length} revisions\n`)
    expect(epochs).toBeLessThan(1_000)
  })

  test('a runtime that dies right after a write gives it its pass within 2 s of its return', async () => {
    await using rig = await edgeRig()
    let edge = await rig.start()
    let api = rig.api(edge)
    await ready(api)
    const port = Number(new URL(edge.url).port)
    for (let round = 0; round < 3; round++) {
      const name = `team-${round}`
      const made = await api.send('POST', '/api/v1/namespaces', {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name },
      })
      expect(made.status).toBe(201)
      await edge.close()
      edge = await rig.start('objects', port)
      api = rig.api(edge)
      // No agent, no cron, and in the first rounds no request: the alarm alone.
      if (round < 2) {
        const url = rig.cluster('default').server.url
        await eventually(async () => expect(await accountsOf(url)).toContain(name), { deadlineMs: 2_000 })
      } else {
        const path = `/api/v1/namespaces/${name}/serviceaccounts/default`
        await eventually(async () => expect((await api.send('GET', path)).status).toBe(200), { deadlineMs: 2_000 })
      }
    }
  })

  test('two clusters of one deployment never see each other', { timeout: 60_000 }, async () => {
    await using rig = await edgeRig(['default', 'team-1'])
    const edge = await rig.start()
    expect(await crossingsAtEdge(rig, edge, { requests: 300, seed: 7 })).toEqual([])
  })

  test('a watch at the edge: not packed, bookmarks, ends in time, and a client that leaves is forgotten', async () => {
    await using rig = await edgeRig()
    const edge = await rig.start()
    const api = rig.api(edge)
    await ready(api)
    const gzip = { headers: { 'accept-encoding': 'gzip' } }
    const timed = await api.stream(`${CONFIG_MAPS}?watch=1&timeoutSeconds=2&allowWatchBookmarks=true`, gzip)
    expect(timed.status).toBe(200)
    expect(timed.headers['content-encoding'] ?? 'identity').toBe('identity')
    await api.send('POST', CONFIG_MAPS, configMap('shown'))
    await eventually(() => expect(timed.lines.some((line) => line.includes('"name":"shown"'))).toBe(true), {
      deadlineMs: 1_500,
      everyMs: 10,
    })
    await timed.ended
    expect(JSON.parse(timed.lines.at(-1) ?? '{}')).toMatchObject({ type: 'BOOKMARK' })

    const { database } = rig.cluster('default')
    const left = await api.stream(`${CONFIG_MAPS}?watch=1`)
    await eventually(() => left.lines.length > 0)
    left.stop()
    // The object hears of it before long; from then on a write wakes nobody.
    let round = 0
    await eventually(
      async () => {
        database.take()
        await api.send('POST', CONFIG_MAPS, configMap(`unseen-${round++}`))
        await sleep(300)
        const ofWatch = ({ kind, statements }: SqlRequest): boolean =>
          kind === 'read' && statements.every((text) => text.endsWith(' | configmaps'))
        return database.take(ofWatch).reads === 0
      },
      { deadlineMs: 5_000 },
    )
  })
})

async function ready(api: Api): Promise<void> {
  await eventually(
    async () => expect((await api.send('GET', '/api/v1/namespaces/default/serviceaccounts/default')).status).toBe(200),
    { deadlineMs: 15_000 },
  )
}

interface Step {
  readonly resource: string
  readonly name: string
  readonly nodeName: string
}

async function logOf(url: string): Promise<readonly Step[]> {
  const rows = await ask(
    url,
    "SELECT resource, name, coalesce(json_extract(value, '$.spec.nodeName'), '') FROM log WHERE enc IS NULL ORDER BY rev",
  )
  return rows.map(([resource = '', name = '', nodeName = '']) => ({ resource, name, nodeName }))
}

async function accountsOf(url: string): Promise<readonly string[]> {
  const rows = await ask(url, "SELECT namespace FROM keys WHERE resource = 'serviceaccounts'")
  return rows.map(([namespace = '']) => namespace)
}

/** Past every store: what lies in the database. */
async function ask(url: string, sql: string): Promise<readonly (readonly string[])[]> {
  const { createClient } = await import('@libsql/client/web')
  const client = createClient({ url })
  const { rows } = await client.execute(sql)
  client.close()
  return rows.map((row) => Array.from(row as unknown as ArrayLike<unknown>, String))
}
