/**
 * A closed-loop load client, a process of its own so that it can be pinned to a core: each of `clients` sends its next
 * request when the last was answered. Speaks to kedge over TLS with a token, or to etcd's JSON gateway. Prints one line of
 * JSON: `{ ok, failed, answered, seconds, perSecond, p50, p99 }`, latencies in milliseconds; `answered` counts the warm-up
 * too. Loopback only.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Pool } from 'undici'

const { values } = parseArgs({
  options: {
    peer: { type: 'string' },
    url: { type: 'string' },
    ca: { type: 'string' },
    token: { type: 'string' },
    clients: { type: 'string' },
    seconds: { type: 'string' },
    run: { type: 'string' },
  },
})
const must = (name: keyof typeof values): string => {
  const value = values[name]
  if (value === undefined) throw new Error(`--${name} is required`)
  return value
}
const url = new URL(must('url'))
if (!['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname))
  throw new Error(`${url.hostname}: load goes to loopback only`)

const clients = Number(must('clients'))
const seconds = Number(must('seconds'))
const run = must('run')
const filler = 'x'.repeat(1024)

interface Call {
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: string
  readonly good: (status: number, text: string) => boolean
}

/** a ConfigMap of 1 KB that must not exist yet, on either side */
function call(name: string): Call {
  if (values.peer === 'etcd') {
    const key = Buffer.from(`/registry/configmaps/default/${name}`).toString('base64')
    const value = Buffer.from(filler).toString('base64')
    return {
      path: '/v3/kv/txn',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        compare: [{ key, target: 'CREATE', result: 'EQUAL', create_revision: '0' }],
        success: [{ request_put: { key, value } }],
      }),
      good: (status, text) => status === 200 && text.includes('"succeeded":true'),
    }
  }
  return {
    path: '/api/v1/namespaces/default/configmaps',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${must('token')}` },
    body: JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { filler } }),
    good: (status) => status === 201,
  }
}

const ca = values.ca === undefined ? undefined : readFileSync(values.ca, 'utf8')
const pool = new Pool(url.origin, {
  connections: clients,
  pipelining: 1,
  ...(ca === undefined ? {} : { connect: { ca } }),
})
const latencies: number[] = []
let failed = 0
let answered = 0
let firstFailure = ''

async function client(number: number, until: number, record: boolean): Promise<void> {
  for (let count = 0; performance.now() < until; count += 1) {
    const { path, headers, body, good } = call(`${run}-${record ? 'r' : 'w'}-${number}-${count}`)
    const began = performance.now()
    const answer = await pool.request({ path, method: 'POST', headers, body })
    const text = await answer.body.text()
    answered += 1
    if (!good(answer.statusCode, text)) {
      failed += 1
      firstFailure ||= `${answer.statusCode} ${text.slice(0, 200)}`
    } else if (record) latencies.push(performance.now() - began)
  }
}

async function all(forSeconds: number, record: boolean): Promise<number> {
  const began = performance.now()
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number, began + forSeconds * 1000, record)))
  return (performance.now() - began) / 1000
}

await all(Math.min(1, seconds / 3), false)
const took = await all(seconds, true)
await pool.close()
latencies.sort((one, other) => one - other)
const at = (share: number): number => Number((latencies[Math.floor(latencies.length * share)] ?? Number.NaN).toFixed(2))
process.stdout.write(
  `${JSON.stringify({ ok: latencies.length, failed, answered, seconds: took, perSecond: Math.round(latencies.length / took), p50: at(0.5), p99: at(0.99), ...(failed > 0 ? { firstFailure } : {}) })}\n`,
)
