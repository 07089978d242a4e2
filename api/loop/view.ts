/**
 * What the loop remembers of the log, so that a change costs what it changes and not what the cluster holds: the room
 * on nodes, pods without a node, who is an orphan, what selectors select. All of it follows from the log up to the
 * cursor and can be thrown away; nothing here decides anything without the store agreeing (guards, revisions).
 */
import type { Deployment, Namespace, Node, Pod, ReplicaSet, Service } from '../../schema/k8s/generated/types.ts'
import { labelMatchOf, type LabelMatch, labelMatchOfSet, matches } from '../../schema/k8s/selector.ts'
import { wantsSlices } from '../plan/endpoint-slice.ts'
import { Room } from '../plan/room.ts'
import { isSchedulable } from '../plan/schedule.ts'
import { controllerOf } from '../plan/seen.ts'
import { nameKey, type News } from './news.ts'

export type Labels = Readonly<Record<string, string>>

export interface Selected {
  readonly match: LabelMatch
  /** names of the pods it matches */
  readonly members: Set<string>
  /** false: pods that were there before the selector are not among the members yet */
  complete: boolean
}

export interface NodeState {
  /** Ready as the Node says: 'True', 'False', 'Unknown', or '' */
  readonly ready: string
  readonly reason: string
}

export class View {
  readonly room = new Room()
  /** keys of pods without a node that are ours to place */
  readonly pending = new Set<string>()
  /** of those the ones nobody has tried to place since they came or changed */
  readonly fresh = new Set<string>()
  /** room came free, or nodes changed: what did not fit may fit now */
  moreRoom = false
  readonly nodes = new Map<string, NodeState>()
  /** when nodes were removed, for the pods they left behind */
  readonly goneNodes = new Map<string, number>()
  readonly terminating = new Set<string>()
  /** uids that something names as an owner */
  readonly owners = new Set<string>()
  /** owners a dependent names behind its first one, which the store does not index: keys of those dependents */
  readonly laterOwners = new Map<string, Set<string>>()
  readonly #services = new Map<string, Map<string, Selected>>()
  readonly #selectors = new Map<string, Map<string, LabelMatch>>()
  readonly #orphans = new Map<string, Map<string, Labels>>()

  /** Takes in one change, or, while the loop begins, one object that is there (services come before pods). */
  take(news: News, at: number): void {
    const { resource, namespace, name } = news.key
    this.#owners(news)
    switch (resource) {
      case 'pods':
        this.#pod(news)
        break
      case 'nodes':
        this.#node(news, at)
        break
      case 'services':
        this.#service(news)
        break
      case 'namespaces': {
        const ending = !news.deleted && (news.object as unknown as Namespace).metadata.deletionTimestamp !== undefined
        if (ending) this.terminating.add(name)
        else this.terminating.delete(name)
        break
      }
      case 'deployments.apps':
      case 'replicasets.apps': {
        const { spec } = news.object as unknown as Deployment | ReplicaSet
        const selectors = childOf(this.#selectors, `${resource} ${namespace}`, () => new Map<string, LabelMatch>())
        if (news.deleted) selectors.delete(name)
        else selectors.set(name, matchOf(spec?.selector))
        if (resource === 'replicasets.apps') this.#orphan(news)
        break
      }
      default:
    }
  }

  /** Orphans of a namespace a selector matches. */
  orphans(resource: string, namespace: string, match: LabelMatch): readonly string[] {
    const found: string[] = []
    for (const [name, labels] of this.#orphans.get(`${resource} ${namespace}`) ?? []) {
      if (matches(match, labels)) found.push(name)
    }
    return found
  }

  /** Names of controllers of a namespace whose selector matches an orphan. */
  selecting(resource: string, namespace: string, labels: Labels | undefined): readonly string[] {
    const found: string[] = []
    for (const [name, match] of this.#selectors.get(`${resource} ${namespace}`) ?? []) {
      if (match.requirements.length > 0 && matches(match, labels)) found.push(name)
    }
    return found
  }

  /** Names of Services whose selector matches. */
  servicesOf(namespace: string, labels: Labels | undefined): readonly string[] {
    const found: string[] = []
    for (const [name, { match }] of this.#services.get(namespace) ?? []) if (matches(match, labels)) found.push(name)
    return found
  }

  service(namespace: string, name: string): Selected | undefined {
    return this.#services.get(namespace)?.get(name)
  }

  #pod(news: News): void {
    const { namespace, name } = news.key
    const key = nameKey(namespace, name)
    const pod = news.object as unknown as Pod
    this.#orphan(news)
    const freed = news.deleted ? this.room.removePod(key) : this.room.putPod(key, pod)
    if (freed) this.moreRoom = true
    if (!news.deleted && isSchedulable(pod)) {
      const known = this.pending.has(key)
      const previous = news.previous as unknown as Pod | undefined
      const same = known && previous?.metadata.generation === pod.metadata.generation && previous?.metadata.uid === pod.metadata.uid
      this.pending.add(key)
      if (!same) this.fresh.add(key)
    } else {
      this.pending.delete(key)
      this.fresh.delete(key)
    }
    for (const [, selected] of this.#services.get(namespace) ?? []) {
      if (!news.deleted && matches(selected.match, pod.metadata.labels)) selected.members.add(name)
      else selected.members.delete(name)
    }
  }

  #node(news: News, at: number): void {
    const { name } = news.key
    if (news.deleted) {
      this.room.removeNode(name)
      this.nodes.delete(name)
      this.goneNodes.set(name, at)
      return
    }
    const node = news.object as unknown as Node
    const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready')
    this.nodes.set(name, { ready: ready?.status ?? '', reason: ready?.reason ?? '' })
    this.goneNodes.delete(name)
    const before = news.previous as unknown as Node | undefined
    if (before === undefined || placesOf(before) !== placesOf(node)) {
      this.room.putNode(node)
      this.moreRoom = true
    }
  }

  #service(news: News): void {
    const { namespace, name } = news.key
    const service = news.object as unknown as Service
    const services = childOf(this.#services, namespace, () => new Map<string, Selected>())
    if (news.deleted || !wantsSlices(service)) {
      services.delete(name)
      return
    }
    const match = labelMatchOfSet(service.spec?.selector ?? {})
    const known = services.get(name)
    if (known !== undefined && JSON.stringify(known.match) === JSON.stringify(match)) return
    services.set(name, { match, members: new Set(), complete: news.op === 'seed' })
  }

  #orphan(news: News): void {
    const { resource, namespace, name } = news.key
    const { object } = news
    const orphans = childOf(this.#orphans, `${resource} ${namespace}`, () => new Map<string, Labels>())
    if (news.deleted || controllerOf(object) !== undefined || object.metadata.labels === undefined) orphans.delete(name)
    else orphans.set(name, object.metadata.labels)
  }

  #owners(news: News): void {
    const references = news.object.metadata.ownerReferences ?? []
    if (references.length === 0 && news.previous?.metadata.ownerReferences === undefined) return
    const { resource, namespace, name } = news.key
    const key = `${resource} ${nameKey(namespace, name)}`
    const first = references.find((reference) => reference.controller === true) ?? references[0]
    for (const reference of references) {
      this.owners.add(reference.uid)
      if (reference === first) continue
      const later = this.laterOwners.get(reference.uid) ?? new Set()
      if (news.deleted) later.delete(key)
      else later.add(key)
      if (later.size === 0) this.laterOwners.delete(reference.uid)
      else this.laterOwners.set(reference.uid, later)
    }
  }
}

function matchOf(selector: Parameters<typeof labelMatchOf>[0]): LabelMatch {
  try {
    return labelMatchOf(selector)
  } catch {
    return { requirements: [], nothing: true }
  }
}

/** What placing pods depends on. */
function placesOf(node: Node): string {
  const { spec, status, metadata } = node
  return JSON.stringify([metadata.labels, spec?.taints, spec?.unschedulable, status?.allocatable, status?.capacity])
}

function childOf<T>(parents: Map<string, T>, key: string, make: () => T): T {
  const found = parents.get(key)
  if (found !== undefined) return found
  const made = make()
  parents.set(key, made)
  return made
}

