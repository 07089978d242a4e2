/**
 * Two clusters of one process, same names everywhere, asked at the same time with their own tokens and with each
 * other's. Answers what went wrong: nothing, if no answer ever held what is the other's.
 */
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { RunningServer } from '../../api/nodejs.ts'
import { seededRandom } from '../../api/platform/memory.ts'
import type { Cluster } from '../../api/platform/port.ts'
import { Agent, createObject } from '../dispatch/agent.ts'

interface Side {
  readonly cluster: Cluster
  readonly url: string
  readonly adminToken: string
  readonly agent: Agent
  readonly mark: string
}

interface Ask {
  readonly what: string
  readonly method: string
  readonly path: string
  readonly bearer: string
  readonly body?: unknown
  readonly good: (status: number, text: string) => boolean
}

const NAMES = 5

export async function crossings(
  server: RunningServer,
  { requests, seed }: { readonly requests: number; readonly seed: number },
): Promise<readonly string[]> {
  const random = seededRandom(seed)
  const pick = (most: number): number => Math.floor(random.fraction() * most)
  const team = await server.createCluster('team-1')
  const teamToken = (await server.platform.adminToken('team-1')) ?? ''
  const sides = [
    await prepare(server.cluster, server.url, server.adminToken, 'one'),
    await prepare(team.cluster, team.url, teamToken, 'two'),
  ] as const
  const pool = new HttpsAgent({ keepAlive: true, maxSockets: 16, ca: server.cluster.keys.caPem })
  const wrong: string[] = []
  let left = requests

  async function worker(): Promise<void> {
    while (left-- > 0) {
      const at = pick(2)
      const [side, other] = at === 0 ? [sides[0], sides[1]] : [sides[1], sides[0]]
      const ask = askOf(side, other, pick(7), `c${pick(NAMES)}`)
      const { status, text } = await send(pool, ask)
      if (!ask.good(status, text) || text.includes(`"mark":"${other.mark}"`)) {
        wrong.push(`${side.mark}: ${ask.what}: ${status} ${text.slice(0, 200)}`)
      }
    }
  }
  await Promise.all(Array.from({ length: 16 }, worker))
  pool.destroy()
  return wrong
}

function askOf(side: Side, other: Side, which: number, name: string): Ask {
  const configMaps = `${side.url}/api/v1/namespaces/default/configmaps`
  const poll = { have: null, wait: 'poll', waitMs: 0 }
  const mine = (status: number, text: string): boolean => status === 200 && text.includes(`"mark":"${side.mark}"`)
  const is = (code: number) => (status: number) => status === code
  const common = { method: 'GET', bearer: side.adminToken }
  switch (which) {
    case 0:
      return { ...common, what: 'get', path: `${configMaps}/${name}`, good: mine }
    case 1:
      return { ...common, what: 'list', path: configMaps, good: mine }
    case 2:
      return {
        ...common,
        what: 'get, the other’s token',
        path: `${configMaps}/${name}`,
        bearer: other.adminToken,
        good: is(401),
      }
    case 3:
      return {
        ...common,
        what: 'get, the other’s node',
        path: `${configMaps}/${name}`,
        bearer: other.agent.credential,
        good: is(401),
      }
    case 4:
      return {
        what: 'poll',
        method: 'POST',
        path: `${side.url}/agent/v1/poll`,
        bearer: side.agent.credential,
        body: { ...poll, session: side.agent.registered.session },
        // Two polls of one agent at once: the newer ends the older, and either is answered.
        good: is(200),
      }
    case 5:
      return {
        what: 'poll, the other’s credential',
        method: 'POST',
        path: `${side.url}/agent/v1/poll`,
        bearer: other.agent.credential,
        body: { ...poll, session: side.agent.registered.session },
        good: is(401),
      }
    default:
      return {
        what: 'poll, the other’s session',
        method: 'POST',
        path: `${side.url}/agent/v1/poll`,
        bearer: side.agent.credential,
        body: { ...poll, session: other.agent.registered.session },
        good: is(410),
      }
  }
}

async function prepare(cluster: Cluster, url: string, adminToken: string, mark: string): Promise<Side> {
  await waitFor(cluster, 'default')
  for (let at = 0; at < NAMES; at++) {
    const metadata = { name: `c${at}`, namespace: 'default' }
    await createObject(cluster, 'configmaps', { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { mark } })
  }
  const agent = await Agent.join(cluster, 'n1')
  const volumes = Array.from({ length: NAMES }, (_, at) => ({ name: `v${at}`, configMap: { name: `c${at}` } }))
  await createObject(cluster, 'pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default' },
    spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'x' }], volumes },
  })
  return { cluster, url, adminToken, agent, mark }
}

async function waitFor(cluster: Cluster, namespace: string): Promise<void> {
  const listener = cluster.bell.listen({ resources: ['serviceaccounts'] }, 0)
  const key = { resource: 'serviceaccounts', namespace, name: 'default' }
  while ((await cluster.store.get(key)) === undefined) await listener.next(AbortSignal.timeout(1_000))
  listener.close()
}

function send(pool: HttpsAgent, ask: Ask): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${ask.bearer}`, 'content-type': 'application/json' }
    const sent = httpsRequest(ask.path, { method: ask.method, agent: pool, headers }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('error', reject)
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString() }))
    })
    sent.on('error', reject)
    sent.end(ask.body === undefined ? undefined : JSON.stringify(ask.body))
  })
}
