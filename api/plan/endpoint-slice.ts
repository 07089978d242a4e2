/**
 * EndpointSlices of a Service: exactly the pods its selector matches and that have an address, with whether they are
 * ready, serving or terminating. At most 100 in a slice; a pod stays in the slice it is in, so that a change of one
 * pod rewrites one slice.
 */
import type {
  DiscoveryEndpointPort,
  Endpoint,
  EndpointSlice,
  Pod,
  Service,
  ServicePort,
} from '../../schema/k8s/generated/types.ts'
import { canonical, derivedName } from './hash.ts'
import type { Action, Plan } from './plan.ts'
import { isFinished, isReady } from './pods.ts'
import { asObject, compare, difference, equal, isBeingDeleted, ownedBy, type Row, targetOf } from './seen.ts'

export interface EndpointSliceSeen {
  readonly service: Row<Service>
  /** pods of its namespace that its selector matches */
  readonly pods: readonly Row<Pod>[]
  /** slices of this controller for the Service */
  readonly slices: readonly Row<EndpointSlice>[]
}

const MOST_PER_SLICE = 100
export const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by'
export const SERVICE_NAME = 'kubernetes.io/service-name'
export const MANAGER = 'endpointslice-controller.k8s.io'
const HEADLESS = 'service.kubernetes.io/headless'
const TRIGGER = 'endpoints.kubernetes.io/last-change-trigger-time'

export function planEndpointSlices(seen: EndpointSliceSeen): Plan {
  const { service, slices } = seen
  if (isBeingDeleted(service.object) || !wantsSlices(service.object)) {
    return { actions: slices.map((slice) => drop(slice, 'the Service has no selector')) }
  }
  const groups = groupsOf(seen).map((group) => ({
    group,
    own: slices.filter(({ object }) => canonical(object.ports) === canonical(group.ports)),
  }))
  const outdated = slices.filter((slice) => !groups.some(({ own }) => own.includes(slice)))
  // One that would go takes the place of one that would be made: whoever watches sees no gap (upstream's finalize).
  for (const { own } of groups) if (own.length === 0) own.push(...outdated.splice(0, 1))
  return {
    actions: [
      ...groups.flatMap(({ group, own }) => fitted(seen, group, own)),
      ...outdated.map((slice) => drop(slice, 'no pod has its ports any more')),
    ],
  }
}

/** Services without a selector have slices somebody else writes. */
export function wantsSlices(service: Service): boolean {
  return service.spec?.type !== 'ExternalName' && Object.keys(service.spec?.selector ?? {}).length > 0
}

interface Group {
  readonly ports: readonly DiscoveryEndpointPort[]
  /** by pod uid */
  readonly endpoints: ReadonlyMap<string, Endpoint>
}

/** Named target ports may differ from pod to pod: pods that agree on all of them share slices. */
function groupsOf({ service, pods }: EndpointSliceSeen): readonly Group[] {
  const groups = new Map<string, { ports: readonly DiscoveryEndpointPort[]; endpoints: Map<string, Endpoint> }>()
  const notReadyToo = service.object.spec?.publishNotReadyAddresses === true
  for (const { object: pod } of pods.toSorted((a, b) => compare(nameOf(a), nameOf(b)))) {
    if (!hasEndpoint(pod)) continue
    const ports = portsFor(service.object, pod)
    const key = canonical(ports)
    const group = groups.get(key) ?? { ports, endpoints: new Map<string, Endpoint>() }
    groups.set(key, group)
    group.endpoints.set(pod.metadata.uid ?? '', endpointOf(pod, service.object, notReadyToo))
  }
  // A Service that nothing backs has one empty slice, so that everybody sees it was looked at.
  return groups.size === 0 ? [{ ports: [], endpoints: new Map() }] : [...groups.values()]
}

function nameOf({ object }: Row<Pod>): string {
  return object.metadata.name ?? ''
}

function hasEndpoint(pod: Pod): boolean {
  return (pod.status?.podIP ?? '') !== '' && !isFinished(pod)
}

function endpointOf(pod: Pod, service: Service, notReadyToo: boolean): Endpoint {
  const { name = '', namespace = '', uid = '' } = pod.metadata
  const serving = isReady(pod)
  const terminating = isBeingDeleted(pod)
  const hostname = pod.spec?.hostname ?? ''
  const addressed = hostname !== '' && pod.spec?.subdomain === service.metadata.name
  return {
    addresses: [pod.status?.podIP ?? ''],
    conditions: { ready: notReadyToo || (serving && !terminating), serving, terminating },
    ...(addressed ? { hostname } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
    ...(pod.spec?.nodeName === undefined ? {} : { nodeName: pod.spec.nodeName }),
  }
}

/** A named target port is looked up in the pod; one the pod does not have is left out. */
function portsFor(service: Service, pod: Pod): readonly DiscoveryEndpointPort[] {
  return (service.spec?.ports ?? []).flatMap((port) => {
    const number = targetPort(port, pod)
    if (number === undefined) return []
    return [
      {
        name: port.name ?? '',
        port: number,
        protocol: port.protocol ?? 'TCP',
        ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
      },
    ]
  })
}

function targetPort(port: ServicePort, pod: Pod): number | undefined {
  const target = port.targetPort ?? port.port
  if (typeof target === 'number') return target === 0 ? port.port : target
  const containers = [
    ...(pod.spec?.containers ?? []),
    ...(pod.spec?.initContainers ?? []).filter((container) => container.restartPolicy === 'Always'),
  ]
  for (const container of containers) {
    for (const named of container.ports ?? []) {
      if (named.name === target && (named.protocol ?? 'TCP') === (port.protocol ?? 'TCP')) return named.containerPort
    }
  }
  return undefined
}

/** Keeps pods where they are, fills the fullest slices with new ones, and opens slices for the rest. */
function fitted(seen: EndpointSliceSeen, group: Group, own: readonly Row<EndpointSlice>[]): readonly Action[] {
  const left = new Map(group.endpoints)
  const kept = own.map((slice) => {
    const endpoints: Endpoint[] = []
    for (const endpoint of slice.object.endpoints ?? []) {
      const uid = endpoint.targetRef?.uid ?? ''
      const now = left.get(uid)
      if (now === undefined) continue
      left.delete(uid)
      endpoints.push(now)
    }
    return { slice, endpoints }
  })
  const fill = [...left.values()]
  for (const { endpoints } of kept.toSorted((a, b) => b.endpoints.length - a.endpoints.length)) {
    while (endpoints.length < MOST_PER_SLICE && fill.length > 0) endpoints.push(...fill.splice(0, 1))
  }
  const actions: Action[] = []
  const some = group.endpoints.size > 0
  for (const [index, { slice, endpoints }] of kept.entries()) {
    const last = index === kept.length - 1 && kept.slice(0, -1).every((other) => other.endpoints.length === 0)
    if (endpoints.length === 0 && (some || !last)) actions.push(drop(slice, 'it is empty'))
    else actions.push(...rewritten(seen, group, slice, endpoints))
  }
  const fresh: Endpoint[][] = []
  while (fill.length > 0) fresh.push(fill.splice(0, MOST_PER_SLICE))
  if (fresh.length === 0 && kept.length === 0) fresh.push([])
  return [...actions, ...fresh.map((endpoints, index) => made(seen, group, endpoints, index))]
}

function rewritten(
  seen: EndpointSliceSeen,
  group: Group,
  slice: Row<EndpointSlice>,
  endpoints: readonly Endpoint[],
): readonly Action[] {
  const labels = difference(slice.object.metadata.labels, labelsOf(seen.service.object))
  const same = equal(slice.object.endpoints ?? [], endpoints)
  const samePorts = canonical(slice.object.ports) === canonical(group.ports)
  if (same && samePorts && labels === undefined) return []
  const patch = {
    ...(labels === undefined ? {} : { metadata: { labels } }),
    ...(same ? {} : { endpoints: [...endpoints] }),
    ...(samePorts ? {} : { ports: [...group.ports] }),
  }
  const why = `${endpoints.length} pods back ${seen.service.object.metadata.name ?? ''}`
  return [{ do: 'patch', target: targetOf(slice), patch, why }]
}

function made(
  { service, slices }: EndpointSliceSeen,
  group: Group,
  endpoints: readonly Endpoint[],
  index: number,
): Action {
  const { name = '', namespace = '', uid = '', annotations } = service.object.metadata
  const taken = slices.map(({ object }) => object.metadata.name ?? '').toSorted(compare)
  const first = endpoints[0]?.targetRef?.uid ?? ''
  const parts = [uid, service.revision, canonical(group.ports), index, first, ...taken]
  const trigger = annotations?.[TRIGGER]
  const slice: EndpointSlice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: derivedName(`${name}-`, parts),
      generateName: `${name}-`,
      namespace,
      labels: labelsOf(service.object),
      ...(trigger === undefined ? {} : { annotations: { [TRIGGER]: trigger } }),
      ownerReferences: [ownedBy(service.object)],
    },
    addressType: 'IPv4',
    endpoints,
    ports: group.ports,
  }
  const why = `${endpoints.length} pods back ${name}`
  const resource = 'endpointslices.discovery.k8s.io'
  return { do: 'create', resource, object: asObject(slice), why, guards: [targetOf(service)] }
}

/** The Service's own labels, and those that say whose slice it is. */
function labelsOf(service: Service): Readonly<Record<string, string>> {
  const { labels, name = '' } = service.metadata
  return {
    ...labels,
    [SERVICE_NAME]: name,
    [MANAGED_BY]: MANAGER,
    ...(service.spec?.clusterIP === 'None' ? { [HEADLESS]: '' } : {}),
  }
}

function drop(slice: Row<EndpointSlice>, why: string): Action {
  return { do: 'delete', target: targetOf(slice), why }
}
