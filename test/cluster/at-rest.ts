/** What must be true when nothing went wrong for a while: what is wanted is what there is, and nothing is left over. */
import { replicasOf } from '../../api/plan/deployment-size.ts'
import { isActive, isReady } from '../../api/plan/pods.ts'
import { controllerOf } from '../../api/plan/seen.ts'
import type {
  ConfigMap,
  Deployment,
  EndpointSlice,
  Namespace,
  Node,
  Pod,
  ReplicaSet,
  Service,
} from '../../schema/k8s/generated/types.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { labelMatchOfSet, matches } from '../../schema/k8s/selector.ts'
import { type Invariants, Violation } from './invariants.ts'

export function checkAtRest(world: Invariants, caPem: string): void {
  const wrong = [
    ...deploymentProblems(world),
    ...podProblems(world),
    ...sliceProblems(world),
    ...namespaceProblems(world, caPem),
    ...nodeProblems(world),
    ...ownerProblems(world),
  ]
  if (wrong.length > 0) throw new Violation(`at rest: ${wrong.slice(0, 5).join('; ')}`)
}

function deploymentProblems(world: Invariants): readonly string[] {
  return world.list<Deployment>('deployments.apps').flatMap((deployment) => {
    const { status = {}, metadata } = deployment
    const wanted = replicasOf(deployment)
    const counts = [status.replicas, status.updatedReplicas, status.readyReplicas, status.availableReplicas]
    const progress = status.conditions?.find(({ type }) => type === 'Progressing')?.reason
    if (counts.every((count) => (count ?? 0) === wanted) && status.observedGeneration === metadata.generation) {
      return progress === 'NewReplicaSetAvailable'
        ? []
        : [`deployment ${metadata.name} is complete and says ${progress}`]
    }
    return [`deployment ${metadata.namespace}/${metadata.name} wants ${wanted} and has ${JSON.stringify(status)}`]
  })
}

function podProblems(world: Invariants): readonly string[] {
  const wrong: string[] = []
  for (const pod of world.list<Pod>('pods')) {
    const { name, namespace, deletionTimestamp } = pod.metadata
    if (deletionTimestamp !== undefined) wrong.push(`pod ${namespace}/${name} is still terminating`)
    else if (!isReady(pod)) wrong.push(`pod ${namespace}/${name} on ${pod.spec?.nodeName ?? 'no node'} is not ready`)
  }
  for (const set of world.list<ReplicaSet>('replicasets.apps')) {
    const owned = world.list<Pod>('pods').filter((pod) => controllerOf(pod)?.uid === set.metadata.uid && isActive(pod))
    if (owned.length !== replicasOf(set))
      wrong.push(`replicaset ${set.metadata.name} wants ${replicasOf(set)}, has ${owned.length}`)
    if ((set.status?.replicas ?? 0) !== owned.length)
      wrong.push(`replicaset ${set.metadata.name} counts ${set.status?.replicas}`)
  }
  return wrong
}

function sliceProblems(world: Invariants): readonly string[] {
  return world.list<Service>('services').flatMap((service) => {
    const { name = '', namespace = '', uid } = service.metadata
    const selector = service.spec?.selector
    const slices = world
      .list<EndpointSlice>('endpointslices.discovery.k8s.io')
      .filter((slice) => controllerOf(slice)?.uid === uid)
    if (selector === undefined) return slices.length === 0 ? [] : [`service ${name} has no selector and a slice`]
    const match = labelMatchOfSet(selector)
    const wanted = world
      .list<Pod>('pods')
      .filter((pod) => pod.metadata.namespace === namespace && matches(match, pod.metadata.labels))
      .map((pod) => `${pod.metadata.uid} ${pod.status?.podIP} ${isReady(pod)}`)
    const found = slices.flatMap((slice) =>
      (slice.endpoints ?? []).map(
        ({ targetRef, addresses, conditions }) => `${targetRef?.uid} ${addresses[0]} ${conditions?.ready}`,
      ),
    )
    const same = JSON.stringify(wanted.toSorted(byText)) === JSON.stringify(found.toSorted(byText))
    if (slices.length === 0) return [`service ${namespace}/${name} has no slice`]
    return same ? [] : [`service ${namespace}/${name} should have ${wanted.join(', ')} and has ${found.join(', ')}`]
  })
}

function byText(a: string, b: string): number {
  return a < b ? -1 : 1
}

function namespaceProblems(world: Invariants, caPem: string): readonly string[] {
  return world.list<Namespace>('namespaces').flatMap(({ metadata }) => {
    const { name = '', deletionTimestamp } = metadata
    if (deletionTimestamp !== undefined) return [`namespace ${name} is still terminating`]
    const account =
      world.get('serviceaccounts', name, 'default') === undefined ? [`namespace ${name} has no service account`] : []
    const pem = world.get<ConfigMap>('configmaps', name, 'kube-root-ca.crt')?.data?.['ca.crt']
    return pem === caPem ? account : [...account, `namespace ${name} has no root certificate`]
  })
}

function nodeProblems(world: Invariants): readonly string[] {
  return world.list<Node>('nodes').flatMap((node) => {
    const ready = node.status?.conditions?.find(({ type }) => type === 'Ready')?.status
    const taints = node.spec?.taints ?? []
    const { name } = node.metadata
    return ready === 'True' && taints.length === 0
      ? []
      : [`node ${name} is Ready=${ready} with ${JSON.stringify(taints)}`]
  })
}

/** Whoever names owners has at least one that is there; nobody waits for the collector. */
function ownerProblems(world: Invariants): readonly string[] {
  const uids = new Set([...world.objects.values()].map(({ metadata }) => metadata.uid))
  return [...world.objects].flatMap(([key, { metadata }]: readonly [string, K8sObject]) => {
    const owners = metadata.ownerReferences ?? []
    if (metadata.deletionTimestamp !== undefined) return [`${key} is still being deleted`]
    return owners.length === 0 || owners.some(({ uid }) => uids.has(uid)) ? [] : [`${key} outlived its owners`]
  })
}
