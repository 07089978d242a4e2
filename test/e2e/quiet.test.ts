/** What a cluster with Secrets leaves on disks, and what it does when nobody asks for anything. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { image } from '../tools/docker.ts'
import { type Idle, watchIdle } from '../tools/idle.ts'
import { type RunningCluster, startCluster } from '../tools/kedge.ts'

const NODE = 'quiet-1'
const SECRETS = 100
const PER_POD = 20
const IDLE_S = 40
/** how often the watch may begin anew */
const DISTURBED = 2

let cluster: RunningCluster
const run = (...parameters: readonly string[]): Promise<string> => cluster.kubectl.run(...parameters)

/** What all values begin with, and nothing else: whoever finds one finds it. */
const MARK = 'Zq7-clear-9f2c41d7e6b05a38-'
const valueOf = (at: number): string => `${MARK}${at}-text`

/** What would betray a value: itself, and the inner part of its base64 for each of the three places it may begin at. */
function traces(value: string): readonly string[] {
  const encoded = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), Buffer.from(value)]).toString('base64')
    // The first and last characters also hold bits of the neighbours.
    return text.slice(shift === 0 ? 0 : 4, -4)
  })
  return [value, ...encoded]
}

/** Every regular file on the disk of `folder`; what is mounted in it lives in memory. */
function filesOf(folder: string, device = statSync(folder).dev): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isFile()) return [path]
    return entry.isDirectory() && statSync(path).dev === device ? filesOf(path, device) : []
  })
}

function betrayals(): { readonly files: number; readonly found: readonly string[] } {
  const files = filesOf(cluster.dataDir)
  const found: string[] = []
  const sought = traces(MARK)
  for (const path of files) {
    const bytes = readFileSync(path)
    for (const trace of sought) if (bytes.includes(trace)) found.push(`${path}: ${trace}`)
  }
  for (const trace of sought) if (cluster.output().includes(trace)) found.push(`output: ${trace}`)
  return { files: files.length, found }
}

const values = Array.from({ length: SECRETS }, (_, at) => valueOf(at))
const secret = (at: number): unknown => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: `s${at}` },
  stringData: { password: valueOf(at) },
})

/** Uses its Secrets as files and, every other one, as environment. */
function pod(at: number): unknown {
  const mine = Array.from({ length: PER_POD }, (_, index) => `s${at * PER_POD + index}`)
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `user-${at}` },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: 'main',
          image,
          command: ['sleep', '86400'],
          env: mine
            .filter((_, index) => index % 2 === 0)
            .map((name) => ({
              name: name.toUpperCase(),
              valueFrom: { secretKeyRef: { name, key: 'password' } },
            })),
          volumeMounts: mine.map((name) => ({ name, mountPath: `/secrets/${name}` })),
        },
      ],
      volumes: mine.map((name) => ({ name, secret: { secretName: name } })),
    },
  }
}

/** Other tests share the engine, and an image that comes or goes there is news of the node: then it is watched anew. */
async function watchUndisturbed(): Promise<Idle> {
  const images = (): Promise<string> => run('get', 'node', NODE, '-o', 'jsonpath={.status.images}')
  for (let left = DISTURBED; ; left--) {
    const before = await images()
    const seen = await watchIdle(cluster, IDLE_S)
    if (left === 0 || (await images()) === before) return seen
  }
}

describe('quiet', () => {
  beforeAll(async () => {
    cluster = await startCluster({ agent: true, node: NODE, env: { KEDGE_COUNT_SQL: '1', KEDGE_LOG: 'debug' } })
    const items = [
      ...values.map((_, at) => secret(at)),
      ...Array.from({ length: SECRETS / PER_POD }, (_, at) => pod(at)),
    ]
    await cluster.kubectl.pipe(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }), 'apply', '-f', '-')
    await run('wait', '--for=condition=Ready', 'pod', '--all', '--timeout=120s')
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  test('the search finds what is there', () => {
    for (const shift of ['', 'a', 'ab']) {
      const text = Buffer.from(`${shift}${valueOf(7)}`).toString('base64')
      expect(traces(MARK).some((trace) => text.includes(trace))).toBe(true)
    }
  })

  test('pods have their Secrets', async () => {
    const seen = await run('exec', 'user-4', '--', 'sh', '-c', 'cat /secrets/s99/password; echo; echo $S98')
    expect(seen).toBe(`${valueOf(99)}\n${valueOf(98)}\n`)
  })

  test('no clear or base64 trace of 100 Secrets is in any file of control plane or agent, nor in what they say', async () => {
    const { files, found } = betrayals()
    expect(files).toBeGreaterThan(5)
    expect(found).toEqual([])
    await run('delete', 'pod', 'user-0', 'user-1', '--grace-period=0', '--force')
    await run('delete', 'secret', ...values.slice(0, SECRETS / 2).map((_, at) => `s${at}`))
    expect(betrayals().found).toEqual([])
  })

  test(`${IDLE_S} s without a request: nothing is asked of the database, nothing is written`, async () => {
    // What follows the deletions is over.
    await new Promise((resolve) => setTimeout(resolve, 8_000))
    const { sql, changed, written } = await watchUndisturbed()
    expect(sql).toEqual({ reads: 0, writes: 0, statements: 0, rows: 0 })
    expect(changed).toEqual([])
    expect(written).toBe(0)
  })
})
