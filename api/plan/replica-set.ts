/**
 * ReplicaSet: as many pods of the template as asked for.
 *
 * Never more than asked, also when two control planes plan at once: a new pod's name follows from the set, its
 * revision and the pods seen, so the same view makes the same names; and every create is guarded by that revision.
 */
import type { Pod, ReplicaSet, ReplicaSetCondition, ReplicaSetStatus } from '../../schema/k8s/generated/types.ts'
import { labelMatchOf, matches } from '../../schema/k8s/selector.ts'
import { conditionOf, withCondition, withoutCondition } from './conditions.ts'
import { derivedName, shortHash } from './hash.ts'
import type { Action, Instant, Plan } from './plan.ts'
import { availableFrom, isActive, isReady, stopsGracefully } from './pods.ts'
import { rankedForDeletion } from './replica-set-rank.ts'
import {
  asObject,
  controllerOf,
  eventAbout,
  isBeingDeleted,
  ownedBy,
  type Row,
  statusAction,
  targetOf,
} from './seen.ts'

export interface ReplicaSetSeen {
  readonly set: Row<ReplicaSet>
  /** pods it controls, and pods of its namespace without a controller that its selector may match */
  readonly pods: readonly Row<Pod>[]
  /** rises when names made from this view turned out to be taken */
  readonly attempt: number
  /** why the last create or delete was refused */
  readonly failure?: string
}

/** Creates and deletes of one plan; the rest follows in the next. Upstream's burst. */
const BURST = 500
const SOURCE = 'replicaset-controller'

export function planReplicaSet(seen: ReplicaSetSeen, at: Instant): Plan {
  const { set } = seen
  const claim = claimPods(seen)
  const wanted = set.object.spec?.replicas ?? 1
  const surplus = claim.active.length - wanted
  const living = !isBeingDeleted(set.object)
  // After a refusal one try at a time: the same refusal need not be met 500 times.
  const burst = seen.failure === undefined ? BURST : 1
  const created = living && surplus < 0 ? newPods(seen, claim.active, Math.min(-surplus, burst)) : []
  const deleted = living && surplus > 0 ? rankedForDeletion(claim.active, at).slice(0, Math.min(surplus, burst)) : []

  const gone = new Set(deleted)
  const kept = claim.active.filter((pod) => !gone.has(pod))
  const status = statusOf(seen, { kept, created, deleted, terminating: claim.terminating, surplus }, at)
  const again = nextAvailable(set.object, kept, at)
  return {
    actions: [
      ...claim.actions,
      ...created.map((pod) => createPod(set, pod)),
      ...deleted.map((pod) => deletePod(set, pod)),
      ...created.map((pod) => told(set, 'SuccessfulCreate', `Created pod: ${pod.metadata.name ?? ''}`)),
      ...deleted.map((pod) => told(set, 'SuccessfulDelete', `Deleted pod: ${pod.object.metadata.name ?? ''}`)),
      ...statusAction(set, status, 'the counts changed'),
    ],
    ...(again === undefined ? {} : { again }),
  }
}

interface Claim {
  readonly active: readonly Row<Pod>[]
  readonly terminating: number
  readonly actions: readonly Action[]
}

/** Takes in orphans the selector matches, lets go of pods it no longer matches. */
function claimPods({ set, pods }: ReplicaSetSeen): Claim {
  const match = labelMatchOf(set.object.spec?.selector)
  const { uid } = set.object.metadata
  const active: Row<Pod>[] = []
  const actions: Action[] = []
  let terminating = 0
  for (const pod of pods) {
    const controller = controllerOf(pod.object)
    const selected = matches(match, pod.object.metadata.labels)
    if (controller === undefined) {
      if (!selected || !isActive(pod.object) || isBeingDeleted(set.object)) continue
      const owners = [...(pod.object.metadata.ownerReferences ?? []), ownedBy(set.object)]
      actions.push(
        ownersAction(pod, owners, `${set.object.metadata.name ?? ''} selects it and nobody controls it`, set),
      )
      active.push(pod)
    } else if (controller.uid === uid) {
      if (pod.object.metadata.deletionTimestamp !== undefined) terminating++
      if (!isActive(pod.object)) continue
      if (selected) active.push(pod)
      else {
        const owners = (pod.object.metadata.ownerReferences ?? []).filter((owner) => owner.uid !== uid)
        actions.push(ownersAction(pod, owners, `the selector of ${set.object.metadata.name ?? ''} does not match it`))
      }
    }
  }
  return { active, terminating, actions }
}

function ownersAction(
  pod: Row<Pod>,
  owners: Pod['metadata']['ownerReferences'] & object,
  why: string,
  adopter?: Row<ReplicaSet>,
): Action {
  return {
    do: 'patch',
    target: targetOf(pod),
    patch: { metadata: { ownerReferences: owners.length === 0 ? null : owners } },
    why,
    ...(adopter === undefined ? {} : { guards: [targetOf(adopter)] }),
  }
}

function newPods({ set, attempt, pods }: ReplicaSetSeen, active: readonly Row<Pod>[], count: number): readonly Pod[] {
  const { metadata, spec } = set.object
  const template = spec?.template
  const base = `${metadata.name ?? ''}-`
  const taken = new Set(pods.map((pod) => pod.object.metadata.name))
  const present = active.map((pod) => pod.object.metadata.uid ?? '').toSorted()
  const view = shortHash([metadata.uid ?? '', set.revision, attempt, ...present].join('\n'))
  const made: Pod[] = []
  for (let index = 0; made.length < count; index++) {
    const name = derivedName(base, [view, index])
    if (taken.has(name)) continue
    taken.add(name)
    const { labels, annotations, finalizers } = template?.metadata ?? {}
    made.push({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        generateName: base,
        namespace: metadata.namespace ?? '',
        ...(labels === undefined ? {} : { labels }),
        ...(annotations === undefined ? {} : { annotations }),
        ...(finalizers === undefined ? {} : { finalizers }),
        ownerReferences: [ownedBy(set.object)],
      },
      spec: template?.spec ?? { containers: [] },
    })
  }
  return made
}

function createPod(set: Row<ReplicaSet>, pod: Pod): Action {
  const why = `${set.object.metadata.name ?? ''} wants ${set.object.spec?.replicas ?? 1}`
  return { do: 'create', resource: 'pods', object: asObject(pod), why, guards: [targetOf(set)] }
}

function deletePod(set: Row<ReplicaSet>, pod: Row<Pod>): Action {
  const why = `${set.object.metadata.name ?? ''} wants ${set.object.spec?.replicas ?? 1}`
  return { do: 'delete', target: targetOf(pod), why, guards: [targetOf(set)] }
}

function told(set: Row<ReplicaSet>, reason: string, message: string): Action {
  return eventAbout(set, { reason, message, source: SOURCE })
}

interface Outlook {
  readonly kept: readonly Row<Pod>[]
  readonly created: readonly Pod[]
  readonly deleted: readonly Row<Pod>[]
  readonly terminating: number
  /** before this plan */
  readonly surplus: number
}

/** The counts as they will be when this plan is carried out, so that one write of the status is enough. */
function statusOf({ set, failure }: ReplicaSetSeen, outlook: Outlook, at: Instant): ReplicaSetStatus {
  const { spec, status, metadata } = set.object
  const { kept, created, deleted } = outlook
  const minReady = spec?.minReadySeconds ?? 0
  const wanted = Object.entries(spec?.template?.metadata?.labels ?? {})
  const labelled = kept.filter(({ object }) => wanted.every(([key, value]) => object.metadata.labels?.[key] === value))
  const ready = kept.filter(({ object }) => isReady(object))
  const available = ready.filter(({ object }) => (availableFrom(object, minReady) ?? Number.POSITIVE_INFINITY) <= at)
  const conditions = failureCondition(status?.conditions ?? [], failure, outlook.surplus, at)
  const terminating = outlook.terminating + deleted.filter(({ object }) => stopsGracefully(object)).length
  return {
    replicas: kept.length + created.length,
    ...count('fullyLabeledReplicas', labelled.length + created.length),
    ...count('readyReplicas', ready.length),
    ...count('availableReplicas', available.length),
    terminatingReplicas: terminating,
    ...(metadata.generation === undefined ? {} : { observedGeneration: metadata.generation }),
    ...(conditions.length === 0 ? {} : { conditions }),
  }
}

/** Zero is absent in upstream's JSON. */
function count(field: string, value: number): Readonly<Record<string, number>> {
  return value === 0 ? {} : { [field]: value }
}

function failureCondition(
  conditions: readonly ReplicaSetCondition[],
  failure: string | undefined,
  surplus: number,
  at: Instant,
): readonly ReplicaSetCondition[] {
  if (failure === undefined) return withoutCondition(conditions, 'ReplicaFailure')
  if (conditionOf(conditions, 'ReplicaFailure') !== undefined || surplus === 0) return conditions
  const reason = surplus < 0 ? 'FailedCreate' : 'FailedDelete'
  return withCondition(conditions, { type: 'ReplicaFailure', status: 'True', reason, message: failure }, at)
}

function nextAvailable(set: ReplicaSet, pods: readonly Row<Pod>[], at: Instant): Instant | undefined {
  const minReady = set.spec?.minReadySeconds ?? 0
  if (minReady === 0) return undefined
  const times = pods.flatMap(({ object }) => availableFrom(object, minReady) ?? []).filter((time) => time > at)
  return times.length === 0 ? undefined : Math.min(...times)
}
