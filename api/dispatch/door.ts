/**
 * The agents' door: `/agent/v1/...` of a cluster. Everything here is for nodes and their credentials; refusals are
 * Status objects like everywhere else.
 */
import { methodNotAllowed, unknownPath } from '../../schema/k8s/status.ts'
import type { Cluster } from '../platform/port.ts'
import { poll } from './poll.ts'
import { register } from './register.ts'
import { report } from './report.ts'
import { stream } from './stream.ts'
import { tokens } from './tokens.ts'

const PREFIX = '/agent/v1/'
const STREAMS = 'streams/'

type Call = (cluster: Cluster, request: Request) => Promise<Response>

const CALLS = new Map<string, Call>([
  ['register', register],
  ['poll', poll],
  ['report', report],
  ['tokens', tokens],
])

/** undefined: not one of its paths. Throws `Refusal`. `path` is that within the cluster. */
export function agentsDoor(cluster: Cluster, request: Request, path: string): Promise<Response> | undefined {
  if (!path.startsWith(PREFIX)) return undefined
  const rest = path.slice(PREFIX.length)
  const call = CALLS.get(rest)
  if (call !== undefined) {
    if (request.method !== 'POST') throw methodNotAllowed()
    return call(cluster, request)
  }
  const id = rest.startsWith(STREAMS) ? rest.slice(STREAMS.length) : ''
  if (!/^[A-Za-z0-9-]{1,64}$/.test(id)) throw unknownPath()
  if (request.method !== 'GET') throw methodNotAllowed()
  return stream(cluster, request, id)
}
