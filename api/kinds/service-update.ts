/**
 * What a client may leave out of an update of a Service: `clusterIP` and `clusterIPs` follow each other, and fields
 * that were filled in for a type go when the type no longer has them, unless the client changed them too.
 */
import type { Service, ServiceSpec } from '../../schema/k8s/generated/types.ts'
import { withField } from './generic.ts'
import { same } from './same.ts'
import { isExternal } from './service-errors.ts'

/** On create: the plural follows the singular. */
export function withClusterIPs(spec: ServiceSpec): ServiceSpec {
  const { clusterIP = '', clusterIPs = [] } = spec
  return clusterIP !== '' && clusterIPs.length === 0 ? { ...spec, clusterIPs: [clusterIP] } : spec
}

export function preparedUpdate(service: Service, old: Service): Service {
  const before = old.spec ?? {}
  const spec = withoutForeignFields(withLinkedAddress(service.spec ?? {}, before), before)
  const status = spec.type === 'LoadBalancer' ? old.status : { ...old.status, loadBalancer: {} }
  return withField({ ...service, spec }, 'status', status)
}

function withLinkedAddress(spec: ServiceSpec, before: ServiceSpec): ServiceSpec {
  const { clusterIP = '', clusterIPs = [] } = spec
  const { clusterIP: had = '', clusterIPs: hadAll = [] } = before
  if (clusterIP === had) return clusterIPs.length === 0 && hadAll.length > 0 ? { ...spec, clusterIPs: hadAll } : spec
  if (!same(clusterIPs, hadAll)) return spec
  return clusterIP === '' ? withField(spec, 'clusterIPs', undefined) : { ...spec, clusterIPs: [clusterIP] }
}

function withoutForeignFields(spec: ServiceSpec, before: ServiceSpec): ServiceSpec {
  let kept = spec
  const drop = (field: keyof ServiceSpec): void => {
    if (same(spec[field], before[field])) kept = withField(kept, field, undefined)
  }
  if (before.type !== 'ExternalName' && spec.type === 'ExternalName') {
    if (same(spec.clusterIPs, before.clusterIPs))
      kept = withField(withField(kept, 'clusterIP', undefined), 'clusterIPs', undefined)
    drop('ipFamilies')
    drop('ipFamilyPolicy')
  }
  if (hasNodePorts(before) && !hasNodePorts(spec) && sameNodePorts(spec, before)) {
    kept = { ...kept, ports: (kept.ports ?? []).map((port) => withField(port, 'nodePort', undefined)) }
  }
  if (before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    drop('allocateLoadBalancerNodePorts')
    drop('loadBalancerClass')
    drop('healthCheckNodePort')
  }
  if (isExternal(before) && !isExternal(spec)) drop('externalTrafficPolicy')
  return kept
}

function hasNodePorts(spec: ServiceSpec): boolean {
  return spec.type === 'NodePort' || spec.type === 'LoadBalancer'
}

function sameNodePorts(spec: ServiceSpec, before: ServiceSpec): boolean {
  const numbers = (one: ServiceSpec): readonly number[] =>
    (one.ports ?? [])
      .map((port) => port.nodePort ?? 0)
      .filter((port) => port !== 0)
      .toSorted((a, b) => a - b)
  return same(numbers(spec), numbers(before))
}
