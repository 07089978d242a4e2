/** Rules for Services, with upstream's paths and sentences; addresses are IPv4, other families are refused. */
import type { FieldError } from '../../schema/k8s/field-error.ts'
import {
  fieldDuplicate,
  fieldForbidden,
  fieldInvalid,
  fieldNotSupported,
  fieldRequired,
} from '../../schema/k8s/field-error.ts'
import type { Service, ServicePort, ServiceSpec } from '../../schema/k8s/generated/types.ts'
import { isDns1123Label, isDns1123Subdomain, isPortNumber, isQualifiedName } from '../../schema/k8s/names.ts'
import { invalidEach, oneOf, optionalAnd } from './errors.ts'
import { endpointAddressProblems, ipProblems, isIPv4 } from './ip.ts'
import { labelErrors } from './metadata.ts'
import { portErrors } from './probe-errors.ts'
import { same } from './same.ts'

const DAY_SECONDS = 86_400
const FAMILIES = ['IPv4']

export function serviceErrors(service: Service): readonly FieldError[] {
  const spec = service.spec ?? {}
  return [
    ...typeErrors(spec),
    ...portsErrors(spec),
    ...labelErrors(spec.selector, 'spec.selector'),
    ...affinityErrors(spec),
    ...addressErrors(spec),
    ...externalErrors(spec),
    ...policyErrors(spec),
  ]
}

function isHeadless(spec: ServiceSpec): boolean {
  return spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === 'None'
}

function typeErrors(spec: ServiceSpec): readonly FieldError[] {
  const errors: FieldError[] = []
  if ((spec.ports ?? []).length === 0 && !isHeadless(spec) && spec.type !== 'ExternalName') {
    errors.push(fieldRequired('spec.ports'))
  }
  if ((spec.type === 'LoadBalancer' || spec.type === 'NodePort') && isHeadless(spec)) {
    errors.push(fieldInvalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`))
  }
  if (spec.type === 'ExternalName') {
    const why = 'may not be set for ExternalName services'
    if ((spec.clusterIPs ?? []).length > 0) errors.push(fieldForbidden('spec.clusterIPs', why))
    if ((spec.ipFamilies ?? []).length > 0) errors.push(fieldForbidden('spec.ipFamilies', why))
    if (spec.ipFamilyPolicy !== undefined) errors.push(fieldForbidden('spec.ipFamilyPolicy', why))
    const name = (spec.externalName ?? '').replace(/\.$/, '')
    if (name === '') errors.push(fieldRequired('spec.externalName'))
    else errors.push(...invalidEach('spec.externalName', name, isDns1123Subdomain(name)))
  }
  return [...errors, ...oneOf('spec.type', spec.type, ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'])]
}

function portsErrors(spec: ServiceSpec): readonly FieldError[] {
  const ports = spec.ports ?? []
  const seen = { names: new Set<string>(), ports: new Set<string>(), nodePorts: new Set<string>() }
  return ports.flatMap((port, index) => {
    const at = `spec.ports[${index}]`
    const { name = '', protocol = '', nodePort = 0 } = port
    const errors: FieldError[] = []
    if (name === '' && ports.length > 1) errors.push(fieldRequired(`${at}.name`))
    else if (name !== '') {
      errors.push(...invalidEach(`${at}.name`, name, isDns1123Label(name)))
      if (seen.names.has(name)) errors.push(fieldDuplicate(`${at}.name`, name))
      seen.names.add(name)
    }
    errors.push(...onePort(port, at))
    if (spec.type === 'ClusterIP' && nodePort !== 0) {
      errors.push(fieldForbidden(`${at}.nodePort`, "may not be used when `type` is 'ClusterIP'"))
    }
    if (nodePort !== 0 && seen.nodePorts.has(`${nodePort}/${protocol}`)) {
      errors.push(fieldDuplicate(`${at}.nodePort`, nodePort))
    }
    seen.nodePorts.add(`${nodePort}/${protocol}`)
    if (seen.ports.has(`${port.port}/${protocol}`)) {
      const key = { Name: '', Protocol: protocol, AppProtocol: null, Port: port.port, TargetPort: 0, NodePort: 0 }
      errors.push(fieldDuplicate(at, key))
    }
    seen.ports.add(`${port.port}/${protocol}`)
    return errors
  })
}

function onePort(port: ServicePort, path: string): readonly FieldError[] {
  return [
    ...invalidEach(`${path}.port`, port.port ?? 0, isPortNumber(port.port ?? 0)),
    ...oneOf(`${path}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']),
    ...portErrors(port.targetPort ?? 0, `${path}.targetPort`),
    ...optionalAnd(`${path}.appProtocol`, port.appProtocol, isQualifiedName),
  ]
}

function affinityErrors(spec: ServiceSpec): readonly FieldError[] {
  const errors = [...oneOf('spec.sessionAffinity', spec.sessionAffinity, ['ClientIP', 'None'])]
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds
  if (spec.sessionAffinity === 'ClientIP' && seconds !== undefined && (seconds <= 0 || seconds > DAY_SECONDS)) {
    const path = 'spec.sessionAffinityConfig.clientIP.timeoutSeconds'
    errors.push(fieldInvalid(path, seconds, `must be greater than 0 and less than ${DAY_SECONDS}`))
  }
  return errors
}

function addressErrors(spec: ServiceSpec): readonly FieldError[] {
  if (spec.type === 'ExternalName') return []
  const { clusterIP = '', clusterIPs = [], ipFamilies = [], ipFamilyPolicy } = spec
  const path = 'spec.clusterIPs'
  const errors: FieldError[] = []
  if (clusterIP !== '' && clusterIPs.length === 0) errors.push(fieldRequired(path))
  else if (clusterIP !== '' && clusterIPs[0] !== clusterIP) {
    errors.push(fieldInvalid(path, clusterIPs, 'first value must match `clusterIP`'))
  } else if (clusterIP === '' && clusterIPs.length > 0) {
    errors.push(fieldInvalid(path, clusterIPs, 'must be empty when `clusterIP` is not specified'))
  }
  for (const [index, family] of ipFamilies.entries()) {
    const at = `spec.ipFamilies[${index}]`
    if (family === 'IPv6') errors.push(fieldInvalid(at, family, 'not configured on this cluster'))
    else if (!FAMILIES.includes(family)) errors.push(fieldNotSupported(at, family, ['IPv4', 'IPv6']))
    if (ipFamilies.indexOf(family) < index) errors.push(fieldDuplicate(at, family))
  }
  errors.push(...familyPolicyErrors(ipFamilyPolicy))
  if (clusterIPs.length > 1)
    errors.push(fieldInvalid(path, clusterIPs, 'may specify no more than one IP for each IP family'))
  for (const [index, address] of clusterIPs.entries()) {
    if (address === 'None' && index === 0) {
      if (clusterIPs.length > 1) errors.push(fieldInvalid(path, clusterIPs, "'None' must be the first and only value"))
      continue
    }
    const problems = ipProblems(address)
    errors.push(...invalidEach(`${path}[${index}]`, address, problems))
    if (problems.length === 0 && !isIPv4(address)) {
      errors.push(fieldInvalid(`${path}[${index}]`, address, 'expected an IPv4 value as indicated by `ipFamilies[0]`'))
    }
  }
  return errors
}

function familyPolicyErrors(policy: string | undefined): readonly FieldError[] {
  if (policy === undefined || policy === 'SingleStack' || policy === 'PreferDualStack') return []
  const path = 'spec.ipFamilyPolicy'
  if (policy === 'RequireDualStack')
    return [fieldInvalid(path, policy, 'this cluster is not configured for dual-stack services')]
  return [fieldNotSupported(path, policy, ['PreferDualStack', 'RequireDualStack', 'SingleStack'])]
}

function externalErrors(spec: ServiceSpec): readonly FieldError[] {
  const errors = (spec.externalIPs ?? []).flatMap((address, index) => {
    const path = `spec.externalIPs[${index}]`
    const problems = ipProblems(address)
    return invalidEach(path, address, problems.length > 0 ? problems : endpointAddressProblems(address))
  })
  if ((spec.loadBalancerSourceRanges ?? []).length > 0 && spec.type !== 'LoadBalancer') {
    errors.push(fieldForbidden('spec.LoadBalancerSourceRanges', "may only be used when `type` is 'LoadBalancer'"))
  }
  if (spec.allocateLoadBalancerNodePorts !== undefined && spec.type !== 'LoadBalancer') {
    errors.push(fieldForbidden('spec.allocateLoadBalancerNodePorts', "may only be used when `type` is 'LoadBalancer'"))
  }
  if (spec.loadBalancerClass !== undefined && spec.type !== 'LoadBalancer') {
    errors.push(fieldForbidden('spec.loadBalancerClass', "may only be used when `type` is 'LoadBalancer'"))
  }
  return errors
}

/** Reached from outside: by node port, load balancer or an external address. */
export function isExternal(spec: ServiceSpec): boolean {
  if (spec.type === 'LoadBalancer' || spec.type === 'NodePort') return true
  return spec.type === 'ClusterIP' && (spec.externalIPs ?? []).length > 0
}

function policyErrors(spec: ServiceSpec): readonly FieldError[] {
  const errors: FieldError[] = []
  const { externalTrafficPolicy: external, healthCheckNodePort = 0 } = spec
  if (isExternal(spec)) errors.push(...oneOf('spec.externalTrafficPolicy', external, ['Cluster', 'Local']))
  else if (external !== undefined) {
    const why = 'may only be set for externally-accessible services'
    errors.push(fieldInvalid('spec.externalTrafficPolicy', external, why))
  }
  if (healthCheckNodePort !== 0 && !(spec.type === 'LoadBalancer' && external === 'Local')) {
    const why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
    errors.push(fieldInvalid('spec.healthCheckNodePort', healthCheckNodePort, why))
  }
  if (spec.internalTrafficPolicy !== undefined) {
    errors.push(...oneOf('spec.internalTrafficPolicy', spec.internalTrafficPolicy, ['Cluster', 'Local']))
  } else if (spec.type !== 'ExternalName') errors.push(fieldRequired('spec.internalTrafficPolicy'))
  return errors
}

/** An address stays as long as the Service has one. */
export function serviceUpdateErrors(service: Service, old: Service): readonly FieldError[] {
  const spec = service.spec ?? {}
  const before = old.spec ?? {}
  if (spec.type === 'ExternalName' || before.type === 'ExternalName') return []
  if (isHeadless(spec) && isHeadless(before)) return []
  const errors: FieldError[] = []
  const was = before.clusterIPs?.[0]
  const is = spec.clusterIPs?.[0]
  if (was !== undefined && is === undefined) {
    errors.push(fieldInvalid('spec.clusterIPs[0]', spec.clusterIPs ?? [], 'primary clusterIP can not be unset'))
  } else if (was !== undefined && is !== was) {
    errors.push(fieldInvalid('spec.clusterIPs[0]', spec.clusterIPs, 'may not change once set'))
  }
  const families = isHeadless(spec) === isHeadless(before) && before.ipFamilies !== undefined
  if (families && spec.ipFamilies !== undefined && !same(spec.ipFamilies, before.ipFamilies)) {
    errors.push(fieldInvalid('spec.ipFamilies[0]', spec.ipFamilies, 'may not change once set'))
  }
  return errors
}
