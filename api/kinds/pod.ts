/** Pod: containers that run together on one node. */
import type { Pod } from '../../schema/k8s/generated/types.ts'
import { AGE_COLUMN, column, NAME_COLUMN, wideColumn } from './column.ts'
import { defineKind, withField } from './generic.ts'
import { podCells } from './pod-cells.ts'
import { withPodDefaults } from './pod-defaults.ts'
import { qosClass } from './pod-qos.ts'
import { subdomainName } from './names.ts'

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
  prepareCreate: (object) => ({ ...object, status: { phase: 'Pending', qosClass: qosClass(object) } }),
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
  index: (object) => ({ nodeName: object.spec?.nodeName ?? '' }),
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
  support: { acts: 'runs on nodes with an agent', storedOnly: [] },
})
