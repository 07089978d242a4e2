/** Pod: containers that run together on one node. */
import type { FieldError } from '../../schema/k8s/field-error.ts'
import { fieldForbidden, fieldInvalid } from '../../schema/k8s/field-error.ts'
import type { Pod, PodCondition, PodSpec } from '../../schema/k8s/generated/types.ts'
import { isDns1123Label } from '../../schema/k8s/names.ts'
import { AGE_COLUMN, column, NAME_COLUMN, wideColumn } from './column.ts'
import { defineKind, withField } from './generic.ts'
import { podCells } from './pod-cells.ts'
import { withPodDefaults } from './pod-defaults.ts'
import { podIndex } from './pod-index.ts'
import { qosClass } from './pod-qos.ts'
import { podOnlyErrors, podSpecErrors } from './pod-spec-errors.ts'
import { podSpecWarnings } from './pod-warnings.ts'
import { podUpdateErrors } from './pod-update.ts'
import { subdomainName } from './names.ts'
import { same } from './same.ts'
import { treatmentWarnings } from './treated.ts'

export const pod = defineKind<Pod>({
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  shortNames: ['po'],
  categories: ['all'],
  hasStatus: true,
  nameProblems: subdomainName,
  defaults: withPodDefaults,
  prepareCreate: (object, at) => ({
    ...object,
    status: { phase: 'Pending', ...gatedConditions(object, at), qosClass: qosClass(object) },
  }),
  validate: (object) => [
    ...podSpecErrors(object.spec ?? NO_SPEC, 'spec', 'pod'),
    ...podOnlyErrors(object.spec ?? NO_SPEC, 'spec'),
  ],
  validateUpdate: podUpdateErrors,
  validateStatus: statusErrors,
  prepareStatus(object, old) {
    const kept = withField(object.metadata, 'ownerReferences', old.metadata.ownerReferences)
    const metadata = withField(kept, 'deletionTimestamp', old.metadata.deletionTimestamp)
    const status = { ...object.status }
    const qos = status.qosClass ?? old.status?.qosClass
    return { ...old, metadata, status: qos === undefined ? status : { ...status, qosClass: qos } }
  },
  hasGeneration: true,
  fields: (object) => ({
    'spec.nodeName': object.spec?.nodeName ?? '',
    'spec.restartPolicy': object.spec?.restartPolicy ?? '',
    'spec.schedulerName': object.spec?.schedulerName ?? '',
    'spec.serviceAccountName': object.spec?.serviceAccountName ?? '',
    'spec.hostNetwork': String(object.spec?.hostNetwork ?? false),
    'status.phase': object.status?.phase ?? '',
    'status.podIP': object.status?.podIPs?.[0]?.ip ?? '',
    'status.nominatedNodeName': object.status?.nominatedNodeName ?? '',
  }),
  fieldNames: [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'spec.hostNetwork',
    'status.phase',
    'status.podIP',
    'status.podIPs',
    'status.nominatedNodeName',
  ],
  index: podIndex,
  columns: [
    NAME_COLUMN,
    column('Ready', 'string', 'Ready containers of all.'),
    column('Status', 'string', 'One word for the state of the containers.'),
    column('Restarts', 'string', 'How often containers were restarted, and when last.'),
    AGE_COLUMN,
    wideColumn('IP', 'string', 'Address of the pod.'),
    wideColumn('Node', 'string', 'Node it runs on.'),
    wideColumn('Nominated Node', 'string', 'Node it is about to get.'),
    wideColumn('Readiness Gates', 'string', 'Further conditions that are met, of all.'),
  ],
  cells: podCells,
  rowConditions(object) {
    const row = { type: 'Completed', status: 'True' }
    if (object.status?.phase === 'Succeeded') {
      return [{ ...row, reason: 'Succeeded', message: 'The pod has completed successfully.' }]
    }
    return object.status?.phase === 'Failed' ? [{ ...row, reason: 'Failed', message: 'The pod failed.' }] : []
  },
  grace(object, asked) {
    const finished = object.status?.phase === 'Failed' || object.status?.phase === 'Succeeded'
    if ((object.spec?.nodeName ?? '') === '' || finished) return 0
    const seconds = asked ?? object.spec?.terminationGracePeriodSeconds ?? 0
    return seconds < 0 ? 1 : seconds
  },
  warnings: (object, old) =>
    old !== undefined && same(object.spec, old.spec)
      ? []
      : [
          ...nameWarnings(object, old),
          ...podSpecWarnings(object.spec, 'spec'),
          ...treatmentWarnings(object.spec, 'spec'),
        ],
  support: { acts: 'runs on nodes with an agent', storedOnly: [] },
})

const NO_SPEC: PodSpec = { containers: [] }

/** A pod behind scheduling gates says so from the start. */
function gatedConditions(object: Pod, at: string): { readonly conditions?: readonly PodCondition[] } {
  if ((object.spec?.schedulingGates ?? []).length === 0) return {}
  const message = 'Scheduling is blocked due to non-empty scheduling gates'
  return {
    conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated', message, lastTransitionTime: at }],
  }
}

function nameWarnings(object: Pod, old: Pod | undefined): readonly string[] {
  const problems = old === undefined ? isDns1123Label(object.metadata.name ?? '') : []
  if (problems.length === 0) return []
  const use = "this is used in the Pod's hostname, which can result in surprising behavior"
  return [`metadata.name: ${use}; a DNS label is recommended: [${problems.join(' ')}]`]
}

/** A container that has ended for good stays ended, and the QoS class is fixed at creation. */
function statusErrors(object: Pod, old: Pod): readonly FieldError[] {
  const errors: FieldError[] = []
  const { status = {} } = object
  const before = old.status ?? {}
  if (before.qosClass !== undefined && status.qosClass !== before.qosClass) {
    errors.push(fieldInvalid('status.qosClass', status.qosClass, 'field is immutable'))
  }
  for (const [index, one] of (before.containerStatuses ?? []).entries()) {
    const ended = one.state?.terminated
    const next = status.containerStatuses?.find((other) => other.name === one.name)
    if (ended === undefined || next === undefined || next.state?.terminated !== undefined) continue
    const spec = old.spec?.containers.find((container) => container.name === one.name)
    const policy = spec?.restartPolicy ?? old.spec?.restartPolicy
    if (policy === 'Always' || (policy === 'OnFailure' && ended.exitCode !== 0)) continue
    const why = 'may not be transitioned to non-terminated state'
    errors.push(fieldForbidden(`status.containerStatuses[${index}].state`, why))
  }
  return errors
}
