/**
 * How fast the store is, in one run on one disk: `node test/bench/store.ts [seconds per figure]`.
 * The disk's own rate of small synced appends stands beside the figures, because most of them are made of it.
 */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { openDatabase } from '../../api/platform/nodejs/database.ts'
import { openLibsqlStore } from '../../api/store/libsql.ts'
import type { Sql } from '../../api/store/sql.ts'
import type { Stored, Store } from '../../api/store/store.ts'
import { sqldProgram, startSqld } from '../suites/sqld.ts'
import { CLUSTER, create, key, newSealer, pod, put, storeOptions, update, valueOf } from '../suites/store-build.ts'
import { migrate } from '../../api/platform/migrate.ts'
import { httpSql } from '../../api/platform/http-sql.ts'
import { tempFolder } from '../tools/temp.ts'

export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
}

/** A Pod as a client stores it: about 2.1 KB. */
function podText(name: string, n: number): string {
  const env = Array.from({ length: 12 }, (_, at) => ({ name: `VARIABLE_${at}`, value: `value-${n}-${at}` }))
  return valueOf(name, {
    spec: {
      containers: [
        {
          name: 'app',
          image: 'registry.example.com/team/app:1.2.3',
          env,
          resources: { limits: { cpu: '500m', memory: '256Mi' } },
        },
        { name: 'sidecar', image: 'registry.example.com/team/sidecar:4.5.6', env: env.slice(0, 6) },
      ],
      nodeName: 'node-1',
      serviceAccountName: 'default',
      tolerations: [
        { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
      ],
    },
    status: {
      phase: 'Running',
      podIP: '10.42.0.17',
      conditions: ['Ready', 'Initialized', 'PodScheduled', 'ContainersReady'].map((type) => ({
        type,
        status: 'True',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      })),
    },
  })
}

const podIndex = {
  uid: 'd2719a2a-6c8c-4d38-9bb9-7b1f2a4c1d11',
  nodeName: 'node-1',
  owner: 'b5a6f7d8-1111-4222-8333-444455556666',
  labels: { app: 'web', 'pod-template-hash': '7d4b9c6f5' },
  facts: '{"phase":"Running","cpu":500,"memory":268435456}',
}

/** Runs `writers` closed loops for `seconds`; operations per second. */
async function rate(
  writers: number,
  seconds: number,
  one: (writer: number, count: number) => Promise<unknown>,
): Promise<number> {
  const until = performance.now() + seconds * 1000
  let done = 0
  const started = performance.now()
  await Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      for (let count = 0; performance.now() < until; count++, done++) await one(writer, count)
    }),
  )
  return done / ((performance.now() - started) / 1000)
}

function syncRate(folder: string, seconds: number): number {
  const file = openSync(join(folder, 'sync'), 'w')
  const block = new Uint8Array(4096)
  const started = performance.now()
  let done = 0
  for (; performance.now() - started < seconds * 1000; done++) {
    writeSync(file, block)
    fdatasyncSync(file)
  }
  closeSync(file)
  return done / seconds
}

async function writes(
  store: Store,
  prefix: string,
  seconds: number,
  add: (name: string, value: number, unit: string) => void,
): Promise<void> {
  for (const writers of [1, 8, 16, 64]) {
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    const creates = await rate(writers, seconds, (writer, count) => {
      const name = `c${writers}-${writer}-${count}`
      return put(store, create(pod(name, 'bench'), podText(name, count), podIndex))
    })
    add(`${prefix} create, ${writers} writers`, creates, '/s')
    const held = await Promise.all(
      Array.from({ length: writers }, (_, writer) =>
        put(store, create(key('configmaps', `u${writers}-${writer}`), podText('u', 0), podIndex)),
      ),
    )
    const updates = await rate(writers, seconds, async (writer, count) => {
      held[writer] = await put(
        store,
        update(key('configmaps', `u${writers}-${writer}`), held[writer] ?? 0, podText('u', count), podIndex),
      )
    })
    delay.disable()
    add(`${prefix} update, ${writers} writers`, updates, '/s')
    add(`${prefix} event loop delay p99, ${writers} writers`, delay.percentile(99) / 1e6, 'ms')
  }
}

async function reads(
  store: Store,
  prefix: string,
  seconds: number,
  add: (name: string, value: number, unit: string) => void,
): Promise<void> {
  const total = 10_000
  for (let at = 0; at < total; at += 100) {
    await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        put(store, create(pod(`p${String(at + n).padStart(6, '0')}`, 'list'), podText(`p${at + n}`, n), podIndex)),
      ),
    )
  }
  add(
    `${prefix} get`,
    await rate(1, seconds, (_, count) => store.get(pod(`p${String((count * 7919) % total).padStart(6, '0')}`, 'list'))),
    '/s',
  )
  const pages = await timed(10, () => store.list({ resource: 'pods', namespace: 'list', limit: 500 }))
  add(`${prefix} first page of 500 of 10,000`, pages, 'ms')
  add(`${prefix} list 10,000`, await timed(5, () => listAll(store)), 'ms')
  const { head } = await store.head()
  for (let n = 0; n < 1000; n++) await put(store, create(key('events', `e${n}`), valueOf('e')))
  const old = {
    resource: 'pods',
    namespace: 'list',
    limit: 500,
    at: head,
    after: { namespace: 'list', name: 'p005000' },
  }
  add(`${prefix} page of 500 at a revision 1,000 changes old`, await timed(10, () => store.list(old)), 'ms')
  const now = (await store.head()).head
  add(
    `${prefix} nothing new`,
    await rate(1, seconds, () => store.after({ since: now, limit: 500, previous: true })),
    '/s',
  )
  add(
    `${prefix} 500 changes with previous values`,
    await timed(10, () => store.after({ since: now - 500, limit: 500, previous: true })),
    'ms',
  )
  add(
    `${prefix} index of one node, 500 rows`,
    await timed(10, () => store.index({ resource: 'pods', limit: 500, where: { nodeName: 'node-1' } })),
    'ms',
  )
  add(`${prefix} compaction step of 500`, await timed(10, () => store.compact(now, 1)), 'ms')
}

async function listAll(store: Store): Promise<number> {
  let page = await store.list({ resource: 'pods', namespace: 'list', limit: 10_000 })
  let count = 0
  for (;;) {
    if ('expired' in page) throw new Error('expired')
    count += page.items.length
    const last: Stored | undefined = page.items.at(-1)
    if (!page.more || last === undefined) return count
    page = await store.list({ resource: 'pods', namespace: 'list', limit: 10_000, at: page.revision, after: last.key })
  }
}

/** Median of `times` in milliseconds. */
async function timed(times: number, work: () => Promise<unknown>): Promise<number> {
  const took: number[] = []
  for (let n = 0; n < times; n++) {
    const started = performance.now()
    await work()
    took.push(performance.now() - started)
  }
  return took.toSorted((a, b) => a - b)[Math.floor(times / 2)] ?? 0
}

export async function benchStore(seconds: number, tell: (figure: Figure) => void): Promise<void> {
  await using folder = await tempFolder()
  const add = (name: string, value: number, unit: string): void => tell({ name, value, unit })
  add('disk: synced 4 KB appends', syncRate(folder.path, seconds), '/s')
  const sql = await openDatabase(join(folder.path, 'data'), { clusterUid: CLUSTER })
  const inFlight = Number(process.env['KEDGE_IN_FLIGHT'] ?? 2)
  const store = await openLibsqlStore(sql, { ...storeOptions(await newSealer()), inFlight })
  await writes(store, 'file:', seconds, add)
  await reads(store, 'file:', seconds, add)
  await store.close()
  add('disk: synced 4 KB appends, again', syncRate(folder.path, seconds), '/s')
  if (process.env['KEDGE_FILE_ONLY']) return
  const program = sqldProgram()
  if ('missing' in program) return
  await using server = await startSqld(program.path)
  const remote: Sql = httpSql({ url: server.url })
  await migrate(remote, CLUSTER)
  const served = await openLibsqlStore(remote, { ...storeOptions(await newSealer()), inFlight })
  await writes(served, 'server:', seconds, add)
  await reads(served, 'server:', seconds, add)
  await served.close()
}

if (import.meta.main) {
  await benchStore(Number(process.argv[2] ?? 2), ({ name, value, unit }) => {
    console.log(
      `${name.padEnd(52)} ${value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(2)} ${unit}`,
    )
  })
}
