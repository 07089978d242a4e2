// The downward API: fieldRef and resourceFieldRef, for environment variables and for volume files.
import type { Container, Pod, ResourceFieldSelector } from '../../schema/k8s/generated/types.ts'
import { amountOf } from './quantities.ts'
import type { NodeFacts } from './sources.ts'
import { Unmet } from './sources.ts'

export interface PodAddress {
  readonly podIP: string
}

export function fieldValue(path: string, pod: Pod, node: NodeFacts, address: PodAddress): string {
  const keyed = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path)
  if (keyed?.[1] !== undefined) {
    const map = keyed[1] === 'labels' ? pod.metadata.labels : pod.metadata.annotations
    return map?.[keyed[2] ?? ''] ?? ''
  }
  switch (path) {
    case 'metadata.name':
      return pod.metadata.name ?? ''
    case 'metadata.namespace':
      return pod.metadata.namespace ?? ''
    case 'metadata.uid':
      return pod.metadata.uid ?? ''
    case 'metadata.labels':
      return formatMap(pod.metadata.labels)
    case 'metadata.annotations':
      return formatMap(pod.metadata.annotations)
    case 'spec.nodeName':
      return pod.spec?.nodeName ?? node.name
    case 'spec.serviceAccountName':
      return pod.spec?.serviceAccountName ?? ''
    case 'status.hostIP':
    case 'status.hostIPs':
      return node.ip
    case 'status.podIP':
    case 'status.podIPs':
      return address.podIP
    default:
      throw new Unmet(`unsupported fieldPath: ${path}`)
  }
}

/** The files of labels and annotations: one `key="value"` a line, sorted. */
function formatMap(map: { readonly [key: string]: string } | undefined): string {
  return Object.entries(map ?? {})
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${goQuote(value)}`)
    .join('\n')
}

function goQuote(text: string): string {
  return JSON.stringify(text)
}

/** Without a limit of its own a container is told what the node can give. */
export function resourceValue(selector: ResourceFieldSelector, container: Container, node: NodeFacts): string {
  const [side, ...rest] = selector.resource.split('.')
  const resource = rest.join('.')
  const limits = container.resources?.limits ?? {}
  const requests = container.resources?.requests ?? {}
  const limit = limits[resource] ?? node.allocatable[resource]
  const quantity = side === 'limits' ? limit : side === 'requests' ? (requests[resource] ?? '0') : undefined
  if (quantity === undefined) throw new Unmet(`unsupported container resource : ${selector.resource}`)
  const divisor = amountOf(selector.divisor)
  return String(Math.ceil(Number((amountOf(quantity) / (divisor === 0 ? 1 : divisor)).toFixed(6))))
}
