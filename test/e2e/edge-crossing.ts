/**
 * Two clusters of one deployment, same names everywhere, asked at the same time with their own tokens and with each
 * other's. Answers what went wrong: nothing, if no answer ever held what is the other's.
 */
import { seededRandom } from '../../api/platform/memory.ts'
import type { Edge } from '../../cli/edge-runtime.ts'
import { eventually } from '../tools/eventually.ts'
import { type Api, type ApiAnswer, configMap, CONFIG_MAPS, type EdgeRig, pod, PODS, type Sending } from './edge-rig.ts'

interface Side {
  readonly api: Api
  readonly mark: string
  readonly adminToken: string
  readonly credential: string
  readonly session: string
}

interface Ask {
  readonly what: string
  readonly method: string
  readonly path: string
  readonly body?: unknown
  readonly token: string
  readonly good: (answer: ApiAnswer) => boolean
}

const NAMES = 5
const WIDTH = 16

export async function crossingsAtEdge(
  rig: EdgeRig,
  edge: Edge,
  { requests, seed }: { readonly requests: number; readonly seed: number },
): Promise<readonly string[]> {
  const random = seededRandom(seed)
  const pick = (most: number): number => Math.floor(random.fraction() * most)
  const sides = (await Promise.all(
    rig.clusters.map((cluster, at) => prepare(rig.api(edge, cluster), cluster.adminToken, `mark-${at}`)),
  )) as [Side, Side]
  const wrong: string[] = []
  let left = requests
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      const at = pick(2)
      const [side, other] = at === 0 ? [sides[0], sides[1]] : [sides[1], sides[0]]
      const { what, method, path, body, token, good } = askOf(side, other, pick(8), `c${pick(NAMES)}`)
      const more: Sending = { token }
      const answer = await side.api.send(method, path, body, more)
      if (!good(answer) || answer.text.includes(other.mark))
        wrong.push(`${side.mark}: ${what}: ${answer.status} ${answer.text.slice(0, 200)}`)
    }
  }
  await Promise.all(Array.from({ length: WIDTH }, worker))
  return wrong
}

function askOf(side: Side, other: Side, which: number, name: string): Ask {
  const path = `${CONFIG_MAPS}/${name}`
  const mine = ({ status, text }: ApiAnswer): boolean => status === 200 && text.includes(side.mark)
  const is = (code: number) => (answer: ApiAnswer) => answer.status === code
  const get = { method: 'GET', path, token: side.adminToken }
  const poll = { method: 'POST', path: '/agent/v1/poll', token: side.credential }
  const body = { have: null, wait: 'poll', waitMs: 0, session: side.session }
  switch (which) {
    case 0:
      return { ...get, what: 'get', good: mine }
    case 1:
      return { ...get, what: 'list', path: CONFIG_MAPS, good: mine }
    case 2:
      return { ...get, what: 'get, the other’s token', token: other.adminToken, good: is(401) }
    case 3:
      return { ...get, what: 'get, the other’s node', token: other.credential, good: is(401) }
    case 4:
      // Two polls of one agent at once: the newer ends the older, and either is answered.
      return { ...poll, what: 'poll', body, good: is(200) }
    case 5:
      return { ...poll, what: 'poll, the other’s credential', body, token: other.credential, good: is(401) }
    case 6:
      return { ...poll, what: 'poll, the other’s session', body: { ...body, session: other.session }, good: is(410) }
    default:
      return {
        ...get,
        what: 'update',
        method: 'PUT',
        body: configMap(name, { mark: side.mark }),
        good: ({ status, text }) => status === 409 || (status === 200 && text.includes(side.mark)),
      }
  }
}

async function prepare(api: Api, adminToken: string, mark: string): Promise<Side> {
  await eventually(
    async () => (await api.send('GET', '/api/v1/namespaces/default/serviceaccounts/default')).status === 200,
    { deadlineMs: 15_000 },
  )
  for (let at = 0; at < NAMES; at++) await must(api.send('POST', CONFIG_MAPS, configMap(`c${at}`, { mark })), 201)
  const { token } = (await must(api.send('POST', '/agent/v1/tokens', { ttlSeconds: 600 }), 201)).body
  const registration = { version: 1, node: 'n1', instance: 'i1', labels: {}, status: STATUS }
  const registered = (await must(api.send('POST', '/agent/v1/register', registration, { token }), 200)).body
  const template = pod('web') as { readonly spec: object }
  const volumes = Array.from({ length: NAMES }, (_, at) => ({ name: `v${at}`, configMap: { name: `c${at}` } }))
  await must(api.send('POST', PODS, { ...template, spec: { ...template.spec, nodeName: 'n1', volumes } }), 201)
  return { api, mark, adminToken, credential: registered.credential, session: registered.session }
}

const STATUS = {
  capacity: { cpu: '4', memory: '8Gi', pods: '110' },
  allocatable: { cpu: '4', memory: '8Gi', pods: '110' },
  nodeInfo: { kubeletVersion: 'v1.35.0' },
  addresses: [{ type: 'InternalIP', address: '192.0.2.1' }],
  conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'ready' }],
}

async function must(sent: Promise<ApiAnswer>, status: number): Promise<ApiAnswer> {
  const answer = await sent
  if (answer.status !== status) throw new Error(`${answer.status}: ${answer.text}`)
  return answer
}
