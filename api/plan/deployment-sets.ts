/** What a Deployment does to its ReplicaSets: makes one, sizes them, forgets the oldest; each with the Event that tells of it. */
import type { Deployment, ReplicaSet } from '../../schema/k8s/generated/types.ts'
import {
  currentAnnotations,
  DESIRED,
  HASH_LABEL,
  MAXIMUM,
  newSetName,
  revisionOf,
  templateHash,
} from './deployment-revision.ts'
import { fences, replicasOf } from './deployment-size.ts'
import type { Action } from './plan.ts'
import { asObject, difference, eventAbout, isBeingDeleted, ownedBy, type Row, targetOf } from './seen.ts'

const SOURCE = 'deployment-controller'
const MAX_HISTORY = 2_147_483_647

/** The ReplicaSet of the Deployment's template, as it will be made. */
export function newSet(object: Deployment, old: readonly Row<ReplicaSet>[], size: number): ReplicaSet {
  const { template, selector, minReadySeconds } = object.spec ?? {}
  const hash = templateHash(object)
  const labels = { ...template?.metadata?.labels, [HASH_LABEL]: hash }
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: newSetName(object),
      namespace: object.metadata.namespace ?? '',
      labels,
      annotations: { ...currentAnnotations(object, undefined, old), ...sizeAnnotations(object) },
      ownerReferences: [ownedBy(object)],
    },
    spec: {
      replicas: size,
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector?.matchLabels, [HASH_LABEL]: hash } },
      ...(template === undefined ? {} : { template: { ...template, metadata: { ...template.metadata, labels } } }),
    },
  }
}

function sizeAnnotations(deployment: Deployment): Readonly<Record<string, string>> {
  const replicas = replicasOf(deployment)
  return { [DESIRED]: String(replicas), [MAXIMUM]: String(replicas + fences(deployment).surge) }
}

export function makeSet(deployment: Row<Deployment>, set: ReplicaSet): readonly Action[] {
  const size = replicasOf(set)
  const name = set.metadata.name ?? ''
  const why = 'no ReplicaSet has the template'
  return [
    { do: 'create', resource: 'replicasets.apps', object: asObject(set), why, guards: [targetOf(deployment)] },
    ...(size > 0 ? [scaledEvent(deployment, 'up', name, 0, size)] : []),
  ]
}

export function resize(deployment: Row<Deployment>, set: Row<ReplicaSet>, size: number): readonly Action[] {
  const was = replicasOf(set.object)
  const annotations = difference(set.object.metadata.annotations, {
    ...set.object.metadata.annotations,
    ...sizeAnnotations(deployment.object),
  })
  if (size === was && annotations === undefined) return []
  const patch = {
    ...(annotations === undefined ? {} : { metadata: { annotations } }),
    ...(size === was ? {} : { spec: { replicas: size } }),
  }
  const why = size === was ? 'the wanted number changed' : `from ${was} to ${size}`
  const name = set.object.metadata.name ?? ''
  return [
    { do: 'patch', target: targetOf(set), patch, why, guards: [targetOf(deployment)] },
    ...(size === was ? [] : [scaledEvent(deployment, size > was ? 'up' : 'down', name, was, size)]),
  ]
}

function scaledEvent(deployment: Row<Deployment>, direction: string, name: string, from: number, to: number): Action {
  const message = `Scaled ${direction} replica set ${name} from ${from} to ${to}`
  return eventAbout(deployment, { reason: 'ScalingReplicaSet', message, source: SOURCE })
}

/** ReplicaSets beyond the history limit, oldest revision first; one that has or had pods lately stays. */
export function surplusHistory(deployment: Deployment, old: readonly Row<ReplicaSet>[]): readonly Action[] {
  const limit = deployment.spec?.revisionHistoryLimit ?? MAX_HISTORY
  const cleanable = old.filter((set) => !isBeingDeleted(set.object))
  const surplus = cleanable.length - limit
  if (limit === MAX_HISTORY || surplus <= 0) return []
  return cleanable
    .toSorted((a, b) => revisionOf(a.object) - revisionOf(b.object))
    .slice(0, surplus)
    .filter(({ object }) => {
      const { status, metadata } = object
      const observed = (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0)
      return (status?.replicas ?? 0) === 0 && replicasOf(object) === 0 && observed
    })
    .map((set) => ({ do: 'delete', target: targetOf(set), why: `beyond revisionHistoryLimit ${limit}` }))
}
