/** EndpointSlice: addresses behind a Service, written by the control plane or by hand. */
import type { FieldError } from '../../schema/k8s/field-error.ts'
import {
  fieldDuplicate,
  fieldInvalid,
  fieldNotSupported,
  fieldRequired,
  fieldTooMany,
} from '../../schema/k8s/field-error.ts'
import type { DiscoveryEndpointPort, Endpoint, EndpointSlice } from '../../schema/k8s/generated/types.ts'
import { AGE_COLUMN, age, column, NAME_COLUMN, shortList } from './column.ts'
import { defineKind } from './generic.ts'
import { endpointAddressProblems, isIPv4, ipProblems } from './ip.ts'
import { same } from './same.ts'
import { isDns1123Label, isDns1123Subdomain, isQualifiedName } from '../../schema/k8s/names.ts'
import { subdomainName } from './names.ts'

const TYPES = ['FQDN', 'IPv4', 'IPv6']
const PROTOCOLS = ['SCTP', 'TCP', 'UDP']

export const endpointSlice = defineKind<EndpointSlice>({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  hasGeneration: true,
  nameProblems: subdomainName,
  defaults: (object) => ({
    ...object,
    ...(object.ports === undefined
      ? {}
      : { ports: object.ports.map((port) => ({ ...port, name: port.name ?? '', protocol: port.protocol ?? 'TCP' })) }),
  }),
  validate: (object) => [
    ...typeErrors(object),
    ...portErrors(object.ports ?? []),
    ...endpointErrors(object.endpoints ?? [], object.addressType),
  ],
  validateUpdate: (object, old) =>
    object.addressType === old.addressType
      ? []
      : [fieldInvalid('addressType', object.addressType, 'field is immutable')],
  bumpsGeneration: (object, old) =>
    !same(object.addressType, old.addressType) ||
    !same(object.endpoints, old.endpoints) ||
    !same(object.ports, old.ports) ||
    !same(object.metadata.labels, old.metadata.labels),
  columns: [
    NAME_COLUMN,
    column('AddressType', 'string', 'IPv4, IPv6 or FQDN.'),
    column('Ports', 'string', 'Ports of the endpoints.'),
    column('Endpoints', 'string', 'Addresses of the endpoints.'),
    AGE_COLUMN,
  ],
  cells: (object, now) => [
    object.metadata.name ?? '',
    object.addressType,
    shortList((object.ports ?? []).map((port) => (port.port === undefined ? (port.name ?? '*') : String(port.port)))),
    shortList((object.endpoints ?? []).flatMap((endpoint) => endpoint.addresses ?? [])),
    age(object, now),
  ],
  support: { acts: 'where traffic to a Service goes (IPv4)', storedOnly: ['endpoints[].hints'] },
})

function typeErrors(object: EndpointSlice): readonly FieldError[] {
  if ((object.addressType ?? '') === '') return [fieldRequired('addressType')]
  return TYPES.includes(object.addressType) ? [] : [fieldNotSupported('addressType', object.addressType, TYPES)]
}

function portErrors(ports: readonly DiscoveryEndpointPort[]): readonly FieldError[] {
  if (ports.length > 20_000) return [fieldTooMany('ports', ports.length, 20_000)]
  const seen = new Set<string>()
  return ports.flatMap((port, index) => {
    const path = `ports[${index}]`
    const { name = '', protocol = 'TCP', appProtocol } = port
    const errors = name === '' ? [] : isDns1123Label(name).map((problem) => fieldInvalid(`${path}.name`, name, problem))
    if (seen.has(name)) errors.push(fieldDuplicate(`${path}.name`, name))
    seen.add(name)
    if (!PROTOCOLS.includes(protocol)) errors.push(fieldNotSupported(`${path}.protocol`, protocol, PROTOCOLS))
    if (appProtocol !== undefined) {
      for (const problem of isQualifiedName(appProtocol)) {
        errors.push(fieldInvalid(`${path}.appProtocol`, appProtocol, problem))
      }
    }
    return errors
  })
}

function endpointErrors(endpoints: readonly Endpoint[], type: string): readonly FieldError[] {
  if (endpoints.length > 1000) return [fieldTooMany('endpoints', endpoints.length, 1000)]
  return endpoints.flatMap((endpoint, index) => {
    const path = `endpoints[${index}]`
    const addresses = endpoint.addresses ?? []
    const errors: FieldError[] = []
    if (addresses.length === 0) errors.push(fieldRequired(`${path}.addresses`, 'must contain at least 1 address'))
    else if (addresses.length > 100) errors.push(fieldTooMany(`${path}.addresses`, addresses.length, 100))
    for (const [at, address] of addresses.entries()) {
      errors.push(...addressErrors(address, type, `${path}.addresses[${at}]`))
    }
    if (endpoint.nodeName !== undefined) {
      for (const problem of isDns1123Subdomain(endpoint.nodeName)) {
        errors.push(fieldInvalid(`${path}.nodeName`, endpoint.nodeName, problem))
      }
    }
    if (endpoint.hostname !== undefined) {
      for (const problem of isDns1123Label(endpoint.hostname)) {
        errors.push(fieldInvalid(`${path}.hostname`, endpoint.hostname, problem))
      }
    }
    return errors
  })
}

function addressErrors(address: string, type: string, path: string): readonly FieldError[] {
  if (type === 'FQDN') return isDns1123Subdomain(address).map((problem) => fieldInvalid(path, address, problem))
  if (type !== 'IPv4' && type !== 'IPv6') return []
  const problems = ipProblems(address)
  if (problems.length > 0) return problems.map((problem) => fieldInvalid(path, address, problem))
  const errors: FieldError[] = []
  const list = path.replace(/\[\d+\]$/, '')
  if (isIPv4(address) !== (type === 'IPv4')) errors.push(fieldInvalid(list, address, `must be an ${type} address`))
  return [...errors, ...endpointAddressProblems(address).map((problem) => fieldInvalid(path, address, problem))]
}
