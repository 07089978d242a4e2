/** Node: a host with an agent. Status may be set on create (an agent registers itself with it). */
import type { FieldError } from '../../schema/k8s/field-error.ts'
import {
  fieldDuplicate,
  fieldForbidden,
  fieldInvalid,
  fieldNotSupported,
  fieldRequired,
} from '../../schema/k8s/field-error.ts'
import type { Node, Taint } from '../../schema/k8s/generated/types.ts'
import { AGE_COLUMN, age, column, NAME_COLUMN, wideColumn } from './column.ts'
import { defineKind } from './generic.ts'
import { same } from './same.ts'
import { isLabelValue, isQualifiedName } from '../../schema/k8s/names.ts'
import { subdomainName } from './names.ts'

const ROLE_PREFIX = 'node-role.kubernetes.io/'
const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute']

export const node = defineKind<Node>({
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  shortNames: ['no'],
  namespaced: false,
  hasStatus: true,
  nameProblems: subdomainName,
  defaults(object) {
    const status = object.status ?? {}
    const filled = status.allocatable === undefined && status.capacity !== undefined
    return {
      ...object,
      spec: withPodCidrs(object.spec ?? {}),
      status: filled ? { ...status, allocatable: status.capacity } : status,
    }
  },
  prepareCreate: (object) => object,
  prepareStatus: (object, old) => ({ ...object, ...(old.spec === undefined ? {} : { spec: old.spec }) }),
  validate: (object) => taintErrors(object.spec?.taints ?? []),
  validateUpdate: updateErrors,
  validateStatus: addressErrors,
  fields: (object) => ({ 'spec.unschedulable': String(object.spec?.unschedulable ?? false) }),
  fieldNames: ['spec.unschedulable'],
  columns: [
    NAME_COLUMN,
    column('Status', 'string', 'Ready or not, and whether pods may come.'),
    column('Roles', 'string', 'From labels node-role.kubernetes.io/<role>.'),
    AGE_COLUMN,
    column('Version', 'string', 'Version of the agent.'),
    wideColumn('Internal-IP', 'string', 'Address inside the network of the nodes.'),
    wideColumn('External-IP', 'string', 'Address outside.'),
    wideColumn('OS-Image', 'string', 'Operating system.'),
    wideColumn('Kernel-Version', 'string', 'Version of the kernel.'),
    wideColumn('Container-Runtime', 'string', 'Engine that runs the containers.'),
  ],
  cells(object, now) {
    const info = object.status?.nodeInfo
    return [
      object.metadata.name ?? '',
      statusCell(object),
      rolesCell(object),
      age(object, now),
      info?.kubeletVersion ?? '',
      address(object, 'InternalIP'),
      address(object, 'ExternalIP'),
      orUnknown(info?.osImage),
      orUnknown(info?.kernelVersion),
      orUnknown(info?.containerRuntimeVersion),
    ]
  },
  warnings: (object) =>
    (object.spec?.externalID ?? '') === ''
      ? []
      : ['spec.externalID: this field is deprecated, and is unused by Kubernetes'],
  support: { acts: 'capacity, labels, taints and unschedulable steer the scheduler', storedOnly: ['spec.providerID'] },
})

type NodeSpec = NonNullable<Node['spec']>

/** `podCIDR` is the first of `podCIDRs`; either fills the other. */
function withPodCidrs(spec: NodeSpec): NodeSpec {
  const first = spec.podCIDRs?.[0]
  if (first === undefined) return (spec.podCIDR ?? '') === '' ? spec : { ...spec, podCIDRs: [spec.podCIDR ?? ''] }
  return (spec.podCIDR ?? '') === '' ? { ...spec, podCIDR: first } : spec
}

function statusCell(object: Node): string {
  const ready = object.status?.conditions?.findLast((one) => one.type === 'Ready')
  const state = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady'
  return object.spec?.unschedulable === true ? `${state},SchedulingDisabled` : state
}

function rolesCell(object: Node): string {
  const roles = new Set<string>()
  for (const [key, value] of Object.entries(object.metadata.labels ?? {})) {
    if (key.startsWith(ROLE_PREFIX) && key.length > ROLE_PREFIX.length) roles.add(key.slice(ROLE_PREFIX.length))
    else if (key === 'kubernetes.io/role' && value !== '') roles.add(value)
  }
  return roles.size === 0 ? '<none>' : [...roles].toSorted().join(',')
}

function address(object: Node, type: string): string {
  return object.status?.addresses?.find((one) => one.type === type)?.address ?? '<none>'
}

function orUnknown(text: string | undefined): string {
  return text === undefined || text === '' ? '<unknown>' : text
}

/** Upstream files taints under metadata in its paths; clients see that text. */
function taintErrors(taints: readonly Taint[]): readonly FieldError[] {
  const errors: FieldError[] = []
  const seen = new Set<string>()
  for (const [index, taint] of taints.entries()) {
    const path = `metadata.taints[${index}]`
    const { key = '', value = '', effect } = taint as Partial<Taint>
    for (const problem of isQualifiedName(key)) errors.push(fieldInvalid(`${path}.key`, key, problem))
    const problems = isLabelValue(value)
    if (problems.length > 0) errors.push(fieldInvalid(`${path}.value`, value, problems.join(';')))
    if (effect === undefined || (effect as string) === '') errors.push(fieldRequired(`${path}.effect`))
    else if (!EFFECTS.includes(effect)) errors.push(fieldNotSupported(`${path}.effect`, effect, EFFECTS))
    const id = `${effect} ${key}`
    if (seen.has(id)) {
      const shown = { Key: key, Value: value, Effect: effect ?? '', TimeAdded: taint.timeAdded ?? null }
      errors.push({ ...fieldDuplicate(path, shown), detail: 'taints must be unique by key and effect pair' })
    }
    seen.add(id)
  }
  return errors
}

function updateErrors(object: Node, old: Node): readonly FieldError[] {
  const errors: FieldError[] = [...addressErrors(object)]
  const oldCidrs = old.spec?.podCIDRs ?? []
  if (oldCidrs.length > 0 && !same(object.spec?.podCIDRs, oldCidrs)) {
    errors.push(fieldForbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'))
  }
  const oldProvider = old.spec?.providerID ?? ''
  if (oldProvider !== '' && oldProvider !== object.spec?.providerID) {
    errors.push(fieldForbidden('spec.providerID', 'node updates may not change providerID except from "" to valid'))
  }
  if ((object.spec?.externalID ?? '') !== (old.spec?.externalID ?? '')) {
    errors.push(fieldForbidden('spec.externalID', 'may not be updated'))
  }
  return errors
}

function addressErrors(object: Node): readonly FieldError[] {
  const seen = new Set<string>()
  return (object.status?.addresses ?? []).flatMap((one, index) => {
    const id = `${one.type} ${one.address}`
    if (seen.has(id)) return [fieldDuplicate(`status.addresses[${index}]`, one)]
    seen.add(id)
    return []
  })
}
