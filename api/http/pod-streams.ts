/**
 * exec, attach, port-forward and logs: checks that the pod is there, bound and has the container, then hands the
 * client over to the rendezvous with the node's agent. kubectl hides an answer that refuses its WebSocket, asks
 * again with a POST and prints that answer, so both are checked the same way and say the same.
 */
import type { ContainerState, Pod } from '../../schema/k8s/generated/types.ts'
import {
  badRequest,
  type FieldError,
  fieldForbidden,
  fieldInvalid,
  invalid,
  methodNotSupported,
  serviceUnavailable,
} from '../../schema/k8s/status.ts'
import { WHOLE } from '../../schema/k8s/field-error.ts'
import { authorizeRequest } from '../access/authorize.ts'
import type { Allowed } from '../access/request.ts'
import type { StreamOrder } from '../platform/port.ts'
import { get } from '../registry/get.ts'
import type { Call } from './call.ts'
import { flag, integer } from './query.ts'

/** How long the node's agent may take to dial back. */
const AGENT_MS = 10_000
/** The protocols a client may offer, best first. */
const PROTOCOLS: Readonly<Record<string, readonly string[]>> = {
  exec: ['v5.channel.k8s.io', 'v4.channel.k8s.io'],
  attach: ['v5.channel.k8s.io', 'v4.channel.k8s.io'],
  portforward: ['SPDY/3.1+portforward.k8s.io'],
}

export async function connect(call: Call): Promise<Response> {
  const { allowed, query } = call
  const kind = allowed.subresource as StreamOrder['kind']
  const pod = (await get(allowed)).object as unknown as Pod
  if (kind === 'log') {
    if (allowed.verb !== 'get') throw methodNotSupported('pods/log', '', allowed.verb)
    return logs(call, pod)
  }
  if (allowed.verb !== 'get' && allowed.verb !== 'create') throw methodNotSupported(`pods/${kind}`, '', allowed.verb)
  // A WebSocket begins with a GET, but what it does is no reading.
  if (allowed.verb === 'get') await authorizeRequest({ ...allowed, verb: 'create' })
  const container = kind === 'portforward' ? '' : containerOf(pod, query.get('container') ?? '')
  if (kind === 'exec' && query.getAll('command').length === 0)
    throw badRequest('you must specify at least 1 command for the container')
  const node = nodeOf(pod)
  if (node === '') throw badRequest(`pod ${pod.metadata?.name ?? ''} does not have a host assigned`)
  return upgrade(call, orderFor(allowed, kind, pod, node, container, query))
}

function upgrade(call: Call, order: StreamOrder): Promise<Response> {
  const { headers } = call.request
  if ((headers.get('upgrade') ?? '').toLowerCase() !== 'websocket') {
    throw badRequest(`${order.kind} needs a WebSocket: use kubectl 1.31 or newer (SPDY upgrades are not served)`)
  }
  const offered = (headers.get('sec-websocket-protocol') ?? '').split(',').map((one) => one.trim())
  const served = PROTOCOLS[order.kind] ?? []
  const protocol = served.find((one) => offered.includes(one))
  if (protocol === undefined) {
    throw badRequest(
      `none of the WebSocket protocols ${JSON.stringify(offered.join(', '))} is served for ${order.kind}: ${served.join(', ')}`,
    )
  }
  return call.allowed.cluster.streams.splice(order, call.request, { timeoutMs: AGENT_MS, protocol })
}

async function logs(call: Call, pod: Pod): Promise<Response> {
  const { allowed, query, request } = call
  const problems = logProblems(query)
  if (problems.length > 0) throw invalid('PodLogOptions', '', pod.metadata?.name ?? '', problems)
  const container = containerOf(pod, query.get('container') ?? '')
  const node = nodeOf(pod)
  // A pod that is nowhere has said nothing yet.
  if (node === '') return plain(null)
  checkStarted(pod, container, query.has('previous') && flag('previous', query.get('previous') ?? ''))
  const order = orderFor(allowed, 'log', pod, node, container, query)
  const read = await allowed.cluster.streams.read(order, { timeoutMs: AGENT_MS, signal: request.signal })
  if ('error' in read) throw serviceUnavailable(read.error)
  return plain(read)
}

function plain(body: ReadableStream<Uint8Array> | null): Response {
  return new Response(body, {
    status: 200,
    headers: { 'content-type': 'text/plain', 'cache-control': 'no-cache, private', 'content-encoding': 'identity' },
  })
}

function orderFor(
  allowed: Allowed,
  kind: StreamOrder['kind'],
  pod: Pod,
  node: string,
  container: string,
  query: URLSearchParams,
): StreamOrder {
  return {
    id: allowed.cluster.random.uuid(),
    kind,
    node,
    namespace: allowed.namespace ?? '',
    pod: allowed.name ?? '',
    podUid: pod.metadata?.uid ?? '',
    container,
    query: [...query],
  }
}

function nodeOf(pod: Pod): string {
  return pod.spec?.nodeName ?? ''
}

function namesOf(pod: Pod): readonly string[] {
  const { initContainers = [], containers = [], ephemeralContainers = [] } = pod.spec ?? {}
  return [...initContainers, ...containers, ...ephemeralContainers].map((one) => one.name ?? '')
}

/** The container asked for, or the only one. */
function containerOf(pod: Pod, asked: string): string {
  const name = pod.metadata?.name ?? ''
  const names = namesOf(pod)
  if (asked !== '') {
    if (!names.includes(asked)) throw badRequest(`container ${asked} is not valid for pod ${name}`)
    return asked
  }
  const containers = pod.spec?.containers ?? []
  if (containers.length === 1) return containers[0]?.name ?? ''
  if (containers.length === 0) throw badRequest(`a container name must be specified for pod ${name}`)
  throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${names.join(' ')}]`)
}

/** Logs of a container that never ran: upstream's kubelet says why, and so do we without asking the node. */
function checkStarted(pod: Pod, container: string, previous: boolean): void {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = pod.status ?? {}
  const status = [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses].find(
    (one) => one.name === container,
  )
  const what = `container "${container}" in pod "${pod.metadata?.name ?? ''}"`
  if (status === undefined) throw badRequest(`${what} is not available`)
  const state: ContainerState = status.state ?? {}
  const last = status.lastState?.terminated
  if (previous) {
    if (last === undefined)
      throw badRequest(`previous terminated container "${container}" in pod "${pod.metadata?.name ?? ''}" not found`)
    return
  }
  if (state.running !== undefined || state.terminated !== undefined || last !== undefined) return
  const { reason = '' } = state.waiting ?? {}
  if (reason === 'ErrImagePull') throw badRequest(`${what} is waiting to start: image can't be pulled`)
  if (reason === 'ImagePullBackOff') throw badRequest(`${what} is waiting to start: trying and failing to pull image`)
  if (reason !== '') throw badRequest(`${what} is waiting to start: ${reason}`)
  throw badRequest(`${what} is waiting to start - no logs yet`)
}

function logProblems(query: URLSearchParams): readonly FieldError[] {
  const problems: FieldError[] = []
  const number = (name: string): number | undefined => {
    const value = query.get(name)
    return value === null || value === '' ? undefined : integer(name, value)
  }
  const [tail, limit, since] = [number('tailLines'), number('limitBytes'), number('sinceSeconds')]
  if (tail !== undefined && tail < 0)
    problems.push(fieldInvalid('tailLines', tail, 'must be greater than or equal to 0'))
  if (limit !== undefined && limit < 1) problems.push(fieldInvalid('limitBytes', limit, 'must be greater than 0'))
  const time = query.get('sinceTime') ?? ''
  if (since !== undefined && time !== '') {
    problems.push(fieldForbidden(WHOLE, 'at most one of `sinceTime` or `sinceSeconds` may be specified'))
  } else if (since !== undefined && since < 1) {
    problems.push(fieldInvalid('sinceSeconds', since, 'must be greater than 0'))
  }
  if (time !== '' && Number.isNaN(Date.parse(time)))
    problems.push(fieldInvalid('sinceTime', time, 'must be an RFC 3339 time'))
  for (const name of ['follow', 'previous', 'timestamps']) {
    const value = query.get(name)
    if (value !== null) flag(name, value)
  }
  const stream = query.get('stream') ?? ''
  if (stream !== '' && stream !== 'All' && stream !== 'Stdout' && stream !== 'Stderr') {
    problems.push({
      type: 'FieldValueNotSupported',
      field: 'stream',
      value: stream,
      detail: 'supported values: "All", "Stderr", "Stdout"',
    })
  } else if (stream !== '' && stream !== 'All' && tail !== undefined) {
    problems.push(fieldForbidden(WHOLE, '`tailLines` and specific `stream` are mutually exclusive for now'))
  }
  return problems
}
