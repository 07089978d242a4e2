/** Admission of pods: the service account's name, the priority, and the tolerations every pod gets. */
import type { Pod, PodSpec, PriorityClass, Toleration } from '../../schema/k8s/generated/types.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { forbidden } from '../../schema/k8s/status.ts'
import type { Step } from './step.ts'

/** An unnamed service account is `default`. The account itself need not exist yet: its controller makes it. */
export const podServiceAccount: Step = (_request, _kind, admitted) => {
  const spec = specOf(admitted.object)
  const name = spec.serviceAccountName ?? spec.serviceAccount
  if (name !== undefined && name !== '' && spec.serviceAccountName === name && spec.serviceAccount === name)
    return admitted
  const chosen = name === undefined || name === '' ? 'default' : name
  return {
    ...admitted,
    object: withSpec(admitted.object, { ...spec, serviceAccountName: chosen, serviceAccount: chosen }),
  }
}

/** The two classes that are always there; an ordinary class may have at most a billion. */
const SYSTEM: Readonly<Record<string, number>> = {
  'system-cluster-critical': 2_000_000_000,
  'system-node-critical': 2_000_001_000,
}

/** spec.priority and preemptionPolicy from the class the pod names; without a name 0. */
export const podPriority: Step = async (request, kind, admitted) => {
  const spec = specOf(admitted.object)
  const name = spec.priorityClassName ?? ''
  let priority = SYSTEM[name] ?? 0
  let policy: string = 'PreemptLowerPriority'
  if (name !== '' && SYSTEM[name] === undefined) {
    const stored = await request.cluster.store.get({
      resource: 'priorityclasses.scheduling.k8s.io',
      namespace: '',
      name,
    })
    if (stored === undefined) {
      throw forbidden(
        kind.plural,
        kind.group,
        admitted.object.metadata.name ?? '',
        `no PriorityClass with name ${name} was found`,
      )
    }
    const found = JSON.parse(stored.value) as PriorityClass
    priority = found.value
    policy = found.preemptionPolicy ?? policy
  }
  if (spec.priority !== undefined && spec.priority !== priority) {
    const rule = `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${priority} from the given PriorityClass name`
    throw forbidden(kind.plural, kind.group, admitted.object.metadata.name ?? '', rule)
  }
  return {
    ...admitted,
    object: withSpec(admitted.object, {
      ...spec,
      priority,
      preemptionPolicy: spec.preemptionPolicy ?? (policy as 'Never'),
    }),
  }
}

const TOLERATED = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'] as const

/** Five minutes on a node that went away, unless the pod says otherwise. */
export const defaultTolerations: Step = (_request, _kind, admitted) => {
  const spec = specOf(admitted.object)
  const tolerations = spec.tolerations ?? []
  const added: Toleration[] = []
  for (const key of TOLERATED) {
    if (tolerations.some((one) => covers(one, key))) continue
    added.push({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 })
  }
  if (added.length === 0) return admitted
  return { ...admitted, object: withSpec(admitted.object, { ...spec, tolerations: [...tolerations, ...added] }) }
}

function covers(toleration: Toleration, key: string): boolean {
  const { key: named = '', effect = '' } = toleration
  return (named === '' || named === key) && (effect === '' || effect === 'NoExecute')
}

function specOf(object: K8sObject): PodSpec {
  return (object as unknown as Pod).spec ?? { containers: [] }
}

function withSpec(object: K8sObject, spec: PodSpec): K8sObject {
  return { ...object, spec }
}
