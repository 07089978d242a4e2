/** pods/binding: puts a pod on a node, once. */
import type { Binding, Pod, PodCondition } from '../../schema/k8s/generated/types.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import {
  badRequest,
  conflict,
  fieldNotSupported,
  fieldRequired,
  invalid,
  type Refusal,
} from '../../schema/k8s/status.ts'
import { printTime } from '../../schema/k8s/time.ts'
import type { Allowed } from '../access/request.ts'
import { kindByStore } from '../kinds/all.ts'
import { nameIn } from './get.ts'
import type { Item } from './item.ts'
import type { WriteOptions } from './options.ts'
import { rewrite } from './rewrite.ts'

/** Tries when others write the pod at the same time. */
const ATTEMPTS = 5

/** The pod as it is bound. */
export async function bind(request: Allowed, input: K8sObject, options: WriteOptions = {}): Promise<Item> {
  const kind = kindByStore('pods')
  if (kind === undefined) throw badRequest('pods are not served')
  const name = nameIn(request)
  const binding = input as unknown as Binding
  if (binding.metadata?.name !== name) throw badRequest('name in URL does not match name in Binding object')
  const { target } = binding
  const problems = [
    ...(target.kind === undefined || target.kind === '' || target.kind === 'Node'
      ? []
      : [fieldNotSupported('target.kind', target.kind, ['Node', '<empty>'])]),
    ...(target.name === undefined || target.name === '' ? [fieldRequired('target.name')] : []),
  ]
  if (problems.length > 0) throw invalid('Binding', '', name, problems)
  const node = target.name ?? ''
  const { uid, resourceVersion, annotations, labels } = binding.metadata ?? {}
  const refuse = (why: string): Refusal => conflict('pods/binding', '', name, why)
  return rewrite(
    request,
    kind,
    {
      part: 'free',
      attempts: ATTEMPTS,
      next(held) {
        const pod = held.object as unknown as Pod
        const { metadata, status = {} } = pod
        const spec = pod.spec ?? { containers: [] }
        if (uid !== undefined && uid !== '' && uid !== metadata.uid) {
          throw refuse(`Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid ?? ''}`)
        }
        if (resourceVersion !== undefined && resourceVersion !== '' && resourceVersion !== String(held.revision)) {
          throw conflict('pods', '', name)
        }
        if (metadata.deletionTimestamp !== undefined)
          throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`)
        if ((spec.nodeName ?? '') !== '')
          throw refuse(`pod ${name} is already assigned to node "${spec.nodeName ?? ''}"`)
        if ((spec.schedulingGates ?? []).length > 0) throw refuse(`pod ${name} has non-empty .spec.schedulingGates`)
        const { nominatedNodeName: _, conditions = [], ...rest } = status
        return {
          ...held.object,
          metadata: {
            ...held.object.metadata,
            ...(annotations === undefined ? {} : { annotations: { ...metadata.annotations, ...annotations } }),
            ...(labels === undefined ? {} : { labels: { ...metadata.labels, ...labels } }),
          },
          spec: { ...spec, nodeName: node },
          status: { ...rest, conditions: scheduled(conditions, printTime(request.cluster.clock.now())) },
        }
      },
    },
    { lane: 'first', ...options },
  )
}

function scheduled(conditions: readonly PodCondition[], at: string): readonly PodCondition[] {
  const others = conditions.filter((one) => one.type !== 'PodScheduled')
  const was = conditions.find((one) => one.type === 'PodScheduled')
  const lastTransitionTime =
    was?.status === 'True' && was.lastTransitionTime !== undefined ? was.lastTransitionTime : at
  return [...others, { type: 'PodScheduled', status: 'True', lastTransitionTime }]
}
