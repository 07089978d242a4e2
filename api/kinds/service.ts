/** Service: a stable address for pods. IPv4 only: other ipFamilies are refused. */
import type { Service, ServicePort, ServiceSpec } from '../../schema/k8s/generated/types.ts'
import { AGE_COLUMN, age, column, NAME_COLUMN, wideColumn } from './column.ts'
import { defineKind } from './generic.ts'
import { label1035Name } from './names.ts'
import { same } from './same.ts'
import { labelsText } from './scale.ts'
import { serviceErrors, serviceUpdateErrors } from './service-errors.ts'
import { preparedUpdate, withClusterIPs } from './service-update.ts'

const AFFINITY_SECONDS = 10_800

/** Goes with the first agent that routes to Services. */
const NO_ROUTES = 'kedge: the address is kept and EndpointSlices follow; no node routes traffic to Services yet'
const NO_NAMES = 'kedge: the external name is kept; nothing resolves names of Services yet'

export const service = defineKind<Service>({
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  shortNames: ['svc'],
  categories: ['all'],
  hasStatus: true,
  createOnUpdate: true,
  nameProblems: label1035Name,
  defaults(object) {
    const spec = withSpecDefaults(object.spec ?? {})
    const ingress = spec.type === 'LoadBalancer' ? object.status?.loadBalancer?.ingress : undefined
    if (ingress === undefined) return { ...object, spec }
    const filled = ingress.map((one) => ((one.ip ?? '') === '' ? one : { ...one, ipMode: one.ipMode ?? 'VIP' }))
    return { ...object, spec, status: { ...object.status, loadBalancer: { ingress: filled } } }
  },
  prepareCreate: (object) => ({ ...object, spec: withClusterIPs(object.spec ?? {}), status: { loadBalancer: {} } }),
  prepareUpdate: preparedUpdate,
  validate: serviceErrors,
  validateUpdate: serviceUpdateErrors,
  warnings: (object, old) =>
    old !== undefined && same(object.spec, old.spec) ? [] : storedWarnings(object.spec ?? {}),
  fields: (object) => ({ 'spec.clusterIP': object.spec?.clusterIP ?? '', 'spec.type': object.spec?.type ?? '' }),
  fieldNames: ['spec.clusterIP', 'spec.type'],
  columns: [
    NAME_COLUMN,
    column('Type', 'string', 'How the Service can be reached.'),
    column('Cluster-IP', 'string', 'Address inside the cluster.'),
    column('External-IP', 'string', 'Addresses outside.'),
    column('Port(s)', 'string', 'Ports, with node ports.'),
    AGE_COLUMN,
    wideColumn('Selector', 'string', 'Labels that select the pods.'),
  ],
  cells(object, now) {
    const spec = object.spec ?? {}
    return [
      object.metadata.name ?? '',
      spec.type ?? '',
      spec.clusterIPs?.[0] ?? '<none>',
      externalCell(object),
      portsCell(spec.ports ?? []),
      age(object, now),
      labelsText(spec.selector),
    ]
  },
  support: {
    acts: 'addresses and node ports are allocated, EndpointSlices follow the pods (IPv4)',
    storedOnly: [
      'traffic to its address',
      'type LoadBalancer beyond node ports',
      'externalIPs',
      'loadBalancerIP',
      'loadBalancerClass',
      'trafficDistribution',
    ],
  },
})

/** What is kept and shown although nothing acts on it. */
function storedWarnings(spec: ServiceSpec): readonly string[] {
  const fields: (keyof ServiceSpec)[] = ['externalIPs', 'loadBalancerIP', 'loadBalancerClass', 'trafficDistribution']
  const stored = fields.filter((field) => !same(spec[field], undefined)).map((field) => `spec.${field}`)
  if (spec.type === 'LoadBalancer') stored.unshift('spec.type LoadBalancer beyond its node ports')
  return [
    spec.type === 'ExternalName' ? NO_NAMES : NO_ROUTES,
    ...stored.map((field) => `kedge: stored; nothing acts on ${field} yet`),
  ]
}

function withSpecDefaults(spec: ServiceSpec): ServiceSpec {
  const type = spec.type ?? 'ClusterIP'
  const affinity = spec.sessionAffinity ?? 'None'
  const { sessionAffinityConfig, ...rest } = spec
  const external = type === 'NodePort' || type === 'LoadBalancer' || (spec.externalIPs ?? []).length > 0
  const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds ?? AFFINITY_SECONDS
  return {
    ...rest,
    ...(spec.ports === undefined ? {} : { ports: spec.ports.map(withPortDefaults) }),
    type,
    sessionAffinity: affinity,
    ...(affinity === 'ClientIP' ? { sessionAffinityConfig: { clientIP: { timeoutSeconds: seconds } } } : {}),
    ...(external ? { externalTrafficPolicy: spec.externalTrafficPolicy ?? 'Cluster' } : {}),
    ...(type === 'ExternalName' ? {} : { internalTrafficPolicy: spec.internalTrafficPolicy ?? 'Cluster' }),
    ...(type === 'LoadBalancer' ? { allocateLoadBalancerNodePorts: spec.allocateLoadBalancerNodePorts ?? true } : {}),
  }
}

function withPortDefaults(port: ServicePort): ServicePort {
  const target = port.targetPort
  const missing = target === undefined || target === 0 || target === ''
  return { ...port, protocol: port.protocol ?? 'TCP', targetPort: missing ? port.port : target }
}

function externalCell(object: Service): string {
  const spec = object.spec ?? {}
  const own = spec.externalIPs ?? []
  switch (spec.type) {
    case 'ClusterIP':
    case 'NodePort':
      return own.length === 0 ? '<none>' : own.join(',')
    case 'LoadBalancer': {
      const ingress = (object.status?.loadBalancer?.ingress ?? []).map((one) => one.ip ?? one.hostname ?? '')
      const all = [...new Set(ingress.filter((one) => one !== ''))].toSorted()
      const both = [...all, ...own]
      return both.length === 0 ? '<pending>' : both.join(',')
    }
    case 'ExternalName':
      return spec.externalName ?? ''
    default:
      return '<unknown>'
  }
}

function portsCell(ports: readonly ServicePort[]): string {
  if (ports.length === 0) return '<none>'
  return ports
    .map(({ port, nodePort = 0, protocol = '' }) => `${nodePort > 0 ? `${port}:${nodePort}` : port}/${protocol}`)
    .join(',')
}
