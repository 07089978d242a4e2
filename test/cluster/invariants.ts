/**
 * What must hold after every single write, whoever made it and whatever went wrong before. It keeps its own picture of
 * the cluster from the effects of committed groups, and throws at the first one that breaks a rule.
 */
import { amountOf, demandOf } from '../../api/plan/demand.ts'
import { fences, replicasOf } from '../../api/plan/deployment-size.ts'
import { isActive, isFinished } from '../../api/plan/pods.ts'
import { controllerOf } from '../../api/plan/seen.ts'
import type { Group, Key } from '../../api/store/store.ts'
import type {
  Deployment,
  EndpointSlice,
  Namespace,
  Node,
  Pod,
  ReplicaSet,
  Service,
} from '../../schema/k8s/generated/types.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'

export class Violation extends Error {}

export class Invariants {
  readonly objects = new Map<string, K8sObject>()
  /** uids ever given, and to what */
  readonly #uids = new Map<string, string>()
  readonly #nodeOf = new Map<string, string>()
  readonly #byOwner = new Map<string, Set<string>>()
  #revision = 0
  #epoch = 0
  writes = 0
  /** of everything that was written, in order: two runs of one seed agree in it */
  trace = 0

  /** Called with each group that was committed. */
  committed(group: Group, revisions: readonly number[], by: { readonly byLoop: boolean }): void {
    this.writes++
    if (by.byLoop) checkFenced(group)
    for (const guard of group.guards ?? []) {
      if (guard.key.resource === '~pass' && guard.expect !== this.#epoch)
        throw new Violation(`a write under the epoch ${guard.expect} was committed, and ${this.#epoch} holds`)
    }
    for (const [index, effect] of group.effects.entries()) {
      const revision = revisions[index] ?? 0
      if (revision <= this.#revision) throw new Violation(`revision ${revision} came after ${this.#revision}`)
      this.#revision = revision
      if (effect.key.resource === '~pass') this.#epoch = revision
      this.#mix(`${effect.op} ${keyText(effect.key)} ${revision}`)
      if (effect.key.resource.startsWith('~')) continue
      const old = this.objects.get(keyText(effect.key))
      if (effect.op === 'delete') this.#deleted(effect.key, old, by.byLoop)
      else this.#put(effect.key, JSON.parse(effect.value) as K8sObject, old)
    }
  }

  // oxlint-disable-next-line no-unnecessary-type-parameters -- the caller knows the kind of a resource
  list<T>(resource: string): readonly T[] {
    const found: T[] = []
    for (const [key, object] of this.objects) if (key.startsWith(`${resource} `)) found.push(object as unknown as T)
    return found
  }

  // oxlint-disable-next-line no-unnecessary-type-parameters -- the caller knows the kind of a resource
  get<T>(resource: string, namespace: string, name: string): T | undefined {
    return this.objects.get(`${resource} ${namespace}/${name}`) as unknown as T | undefined
  }

  #put(key: Key, object: K8sObject, old: K8sObject | undefined): void {
    const { uid = '' } = object.metadata
    const text = keyText(key)
    const known = this.#uids.get(uid)
    if (known !== undefined && (known !== text || old === undefined))
      throw new Violation(`uid ${uid} of ${text} was used before, by ${known}`)
    if (old === undefined && key.namespace !== '') this.#namespaceLives(key)
    this.#uids.set(uid, text)
    this.objects.set(text, object)
    const owner = controllerOf(object)?.uid
    const was = old === undefined ? undefined : controllerOf(old)?.uid
    if (was !== undefined && was !== owner) this.#byOwner.get(was)?.delete(text)
    if (owner !== undefined) this.#byOwner.set(owner, (this.#byOwner.get(owner) ?? new Set()).add(text))
    if (key.resource === 'pods') this.#pod(object as unknown as Pod, old as unknown as Pod | undefined)
    if (key.resource === 'endpointslices.discovery.k8s.io') this.#slice(object as unknown as EndpointSlice)
    if (key.resource === 'replicasets.apps')
      this.#set(object as unknown as ReplicaSet, old as unknown as ReplicaSet | undefined)
  }

  #deleted(key: Key, old: K8sObject | undefined, byLoop: boolean): void {
    if (old === undefined) throw new Violation(`${keyText(key)} was deleted, and was not there`)
    if ((old.metadata.finalizers ?? []).length > 1)
      throw new Violation(`${keyText(key)} was removed with finalizers ${old.metadata.finalizers?.join(', ')}`)
    // Somebody may delete it again with another policy; the collector may not.
    if (byLoop && old.metadata.finalizers?.includes('foregroundDeletion') === true) this.#nothingBlocks(key, old)
    if (byLoop && old.metadata.finalizers?.includes('orphan') === true) this.#nobodyIsLeft(key, old)
    this.objects.delete(keyText(key))
    const owner = controllerOf(old)?.uid
    if (owner !== undefined) this.#byOwner.get(owner)?.delete(keyText(key))
    if (key.resource !== 'namespaces') return
    for (const text of this.objects.keys()) {
      if (text.split(' ')[1]?.startsWith(`${key.name}/`) === true)
        throw new Violation(`namespace ${key.name} is gone and ${text} is still there`)
    }
  }

  /** Foreground: whoever blocks the deletion of its owner goes first. */
  #nothingBlocks(key: Key, owner: K8sObject): void {
    for (const [text, { metadata }] of this.objects) {
      if (metadata.ownerReferences?.some((one) => one.uid === owner.metadata.uid && one.blockOwnerDeletion === true))
        throw new Violation(`${keyText(key)} was deleted in the foreground before ${text}`)
    }
  }

  /** Orphans lose the reference before their owner goes: else they would go with it. */
  #nobodyIsLeft(key: Key, owner: K8sObject): void {
    for (const [text, { metadata }] of this.objects) {
      if (metadata.ownerReferences?.some((one) => one.uid === owner.metadata.uid) === true)
        throw new Violation(`${keyText(key)} was deleted and ${text} was to become an orphan`)
    }
  }

  /** Traffic goes to pods that are ready and stay, unless the Service asks for all. */
  #slice(slice: EndpointSlice): void {
    const { namespace = '', name } = slice.metadata
    const service = this.get<Service>('services', namespace, controllerOf(slice)?.name ?? '')
    if (service?.spec?.publishNotReadyAddresses === true) return
    for (const { conditions, addresses } of slice.endpoints ?? []) {
      if (conditions?.ready === true && (conditions.terminating === true || conditions.serving !== true))
        throw new Violation(`${name} shows ${addresses[0]} as ready, and ${JSON.stringify(conditions)}`)
    }
  }

  #namespaceLives(key: Key): void {
    const namespace = this.get<Namespace>('namespaces', '', key.namespace)
    if (namespace === undefined) throw new Violation(`${keyText(key)} was created in a namespace that is not there`)
    if (namespace.metadata.deletionTimestamp !== undefined)
      throw new Violation(`${keyText(key)} was created in a namespace that is being deleted`)
  }

  #pod(pod: Pod, old: Pod | undefined): void {
    const { uid = '', name = '' } = pod.metadata
    const node = pod.spec?.nodeName ?? ''
    const before = this.#nodeOf.get(uid) ?? ''
    if (before !== '' && node !== before) throw new Violation(`pod ${name} was on ${before} and is now on ${node}`)
    this.#nodeOf.set(uid, node)
    if (node !== '' && before === '') this.#fits(node)
    if (old === undefined) this.#notTooMany(pod)
  }

  #fits(name: string): void {
    const node = this.get<Node>('nodes', '', name)
    if (node === undefined) return
    const here = this.list<Pod>('pods').filter((pod) => pod.spec?.nodeName === name && !isFinished(pod))
    const most = (resource: string): number => amountOf(resource, node.status?.allocatable?.[resource] ?? '0')
    const cpu = here.reduce((sum, pod) => sum + demandOf(pod).cpu, 0)
    if (cpu > most('cpu')) throw new Violation(`pods on ${name} ask for ${cpu}m of ${most('cpu')}m cpu`)
    if (here.length > most('pods'))
      throw new Violation(`${here.length} pods are on ${name}, which takes ${most('pods')}`)
  }

  /** A ReplicaSet never has more active pods than it asks for at the moment one is made. */
  #notTooMany(pod: Pod): void {
    const owner = controllerOf(pod)
    if (owner?.kind !== 'ReplicaSet') return
    const set = this.get<ReplicaSet>('replicasets.apps', pod.metadata.namespace ?? '', owner.name)
    if (set === undefined || set.metadata.uid !== owner.uid)
      throw new Violation(`pod ${pod.metadata.name} was made for a ReplicaSet that is not there`)
    const active = [...(this.#byOwner.get(owner.uid) ?? [])].filter((text) => {
      const object = this.objects.get(text)
      return object !== undefined && isActive(object as unknown as Pod)
    })
    if (active.length > replicasOf(set))
      throw new Violation(`ReplicaSet ${owner.name} asks for ${replicasOf(set)} pods and has ${active.length}`)
  }

  /** All ReplicaSets of a Deployment together never grow beyond what it asks for and its surge. */
  #set(set: ReplicaSet, old: ReplicaSet | undefined): void {
    if (old !== undefined && replicasOf(set) <= replicasOf(old)) return
    const owner = controllerOf(set)
    if (owner === undefined) return
    const deployment = this.get<Deployment>('deployments.apps', set.metadata.namespace ?? '', owner.name)
    if (deployment === undefined || deployment.metadata.uid !== owner.uid) return
    let total = 0
    for (const text of this.#byOwner.get(owner.uid) ?? []) {
      const object = this.objects.get(text)
      if (object !== undefined) total += replicasOf(object as unknown as ReplicaSet)
    }
    const most = replicasOf(deployment) + fences(deployment).surge
    if (total > most && replicasOf(set) > 0)
      throw new Violation(`Deployment ${owner.name} may have ${most} pods, and its ReplicaSets ask for ${total}`)
  }

  #mix(text: string): void {
    for (let at = 0; at < text.length; at++) this.trace = Math.imul(this.trace ^ text.charCodeAt(at), 0x01000193) >>> 0
  }
}

/**
 * What a loop writes carries its epoch, but for the first objects of a cluster, and Events: what has happened may be told
 * by one who lost the epoch since, and those whose time is over may go.
 */
function checkFenced(group: Group): void {
  if (group.guards?.some(({ key }) => key.resource === '~pass') === true) return
  for (const { key } of group.effects) {
    if (key.resource.startsWith('~') || key.resource === 'events') continue
    if (key.resource === 'namespaces' || (key.resource === 'services' && key.name === 'kubernetes')) continue
    throw new Violation(`a loop wrote ${keyText(key)} without its epoch`)
  }
}

function keyText({ resource, namespace, name }: Key): string {
  return `${resource} ${namespace}/${name}`
}
