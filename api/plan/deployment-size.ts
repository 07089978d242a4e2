/**
 * How many pods each ReplicaSet of a Deployment should have: rolling update, recreate, and the sharing out of a new
 * total in the middle of a rollout. Pure arithmetic over sizes; upstream's, step for step.
 */
import type { Deployment, ReplicaSet } from '../../schema/k8s/generated/types.ts'
import { scaledValue } from '../../schema/k8s/int-or-string.ts'
import { DESIRED, MAXIMUM, numberIn } from './deployment-revision.ts'
import { compare, type Row } from './seen.ts'

export type Sizes = ReadonlyMap<Row<ReplicaSet>, number>

export function replicasOf(object: { readonly spec?: { readonly replicas?: number } }): number {
  return object.spec?.replicas ?? 1
}

export function isRolling(deployment: Deployment): boolean {
  return (deployment.spec?.strategy?.type ?? 'RollingUpdate') === 'RollingUpdate'
}

/** Pods above and below the wanted number during a rolling update; never both zero. */
export function fences(deployment: Deployment): { readonly surge: number; readonly unavailable: number } {
  const replicas = replicasOf(deployment)
  if (!isRolling(deployment)) return { surge: 0, unavailable: 0 }
  const rolling = deployment.spec?.strategy?.rollingUpdate
  const surge = scaledValue(rolling?.maxSurge ?? '25%', replicas, 'up')
  const share = scaledValue(rolling?.maxUnavailable ?? '25%', replicas, 'down')
  const unavailable = surge === 0 && share === 0 ? 1 : share
  return { surge, unavailable: Math.min(unavailable, replicas) }
}

/** Was the Deployment scaled since its ReplicaSets were sized? */
export function wasScaled(deployment: Deployment, sets: readonly Row<ReplicaSet>[]): boolean {
  return sets.some(({ object }) => {
    const desired = numberIn(object, DESIRED)
    return replicasOf(object) > 0 && desired !== undefined && desired !== replicasOf(deployment)
  })
}

/** All pods of all its ReplicaSets are those of the current one, available. */
function isSaturated(deployment: Deployment, set: Row<ReplicaSet> | undefined): boolean {
  if (set === undefined) return false
  const replicas = replicasOf(deployment)
  const { object } = set
  return (
    replicasOf(object) === replicas &&
    numberIn(object, DESIRED) === replicas &&
    (object.status?.availableReplicas ?? 0) === replicas
  )
}

/** A scaling, without moving the rollout on. */
export function scaled(
  deployment: Deployment,
  current: Row<ReplicaSet> | undefined,
  old: readonly Row<ReplicaSet>[],
): Sizes {
  const sizes = new Map<Row<ReplicaSet>, number>()
  const replicas = replicasOf(deployment)
  const all = current === undefined ? old : [...old, current]
  const active = all.filter(({ object }) => replicasOf(object) > 0)
  const newest = old.toSorted((a, b) => compare(createdAt(b), createdAt(a)))[0]
  const only = active.length === 0 ? (current ?? newest) : active.length === 1 ? active[0] : undefined
  if (only !== undefined) {
    sizes.set(only, replicas)
    return sizes
  }
  if (isSaturated(deployment, current)) {
    for (const set of old) if (replicasOf(set.object) > 0) sizes.set(set, 0)
    return sizes
  }
  return isRolling(deployment) ? shared(deployment, active) : sizes
}

/** Shares the new total out in proportion to the sizes there are; rounding goes to the first in order. */
function shared(deployment: Deployment, active: readonly Row<ReplicaSet>[]): Sizes {
  const replicas = replicasOf(deployment)
  const allowed = replicas > 0 ? replicas + fences(deployment).surge : 0
  const toAdd = allowed - active.reduce((sum, { object }) => sum + replicasOf(object), 0)
  const ordered = active.toSorted((a, b) => {
    const size = replicasOf(b.object) - replicasOf(a.object)
    const age = compare(createdAt(a), createdAt(b))
    return size === 0 ? (toAdd > 0 ? -age : age) : size
  })
  const sizes = new Map<Row<ReplicaSet>, number>()
  let added = 0
  for (const set of ordered) {
    const size = replicasOf(set.object)
    const part = toAdd === 0 || toAdd === added ? 0 : proportion(deployment, set.object, toAdd - added, allowed)
    sizes.set(set, size + part)
    added += part
  }
  const first = ordered[0]
  if (first !== undefined && toAdd !== 0) sizes.set(first, Math.max(0, (sizes.get(first) ?? 0) + toAdd - added))
  return sizes
}

function proportion(deployment: Deployment, set: ReplicaSet, left: number, allowed: number): number {
  const size = replicasOf(set)
  const share = shareOf(deployment, set, size, allowed)
  return left > 0 ? Math.min(share, left) : Math.max(share, left)
}

function shareOf(deployment: Deployment, set: ReplicaSet, size: number, allowed: number): number {
  if (replicasOf(deployment) === 0) return -size
  const before = numberIn(set, MAXIMUM) ?? deployment.status?.replicas ?? 0
  return before === 0 ? 0 : Math.round((size * allowed) / before) - size
}

function createdAt(set: Row<ReplicaSet>): string {
  return set.object.metadata.creationTimestamp ?? ''
}

/** How large the current ReplicaSet may be now. `others` are the pods its predecessors are to have. */
export function roomForCurrent(deployment: Deployment, size: number, others: number): number {
  const replicas = replicasOf(deployment)
  if (size > replicas || !isRolling(deployment)) return replicas
  const most = replicas + fences(deployment).surge
  return size + Math.max(0, Math.min(most - size - others, replicas - size))
}

/** How far old ReplicaSets go down in this step of a rolling update; the unhealthy pods first. */
export function scaledDown(
  deployment: Deployment,
  current: { readonly size: number; readonly available: number },
  old: readonly Row<ReplicaSet>[],
): Sizes {
  const sizes = new Map(old.map((set) => [set, replicasOf(set.object)]))
  const oldPods = sum(sizes.values())
  if (oldPods === 0) return new Map()
  const least = replicasOf(deployment) - fences(deployment).unavailable
  const unhealthyMost = oldPods + current.size - least - (current.size - current.available)
  if (unhealthyMost <= 0) return new Map()
  let left = unhealthyMost
  for (const set of old) {
    const unhealthy = Math.max(0, (sizes.get(set) ?? 0) - (set.object.status?.availableReplicas ?? 0))
    const down = Math.min(left, unhealthy)
    sizes.set(set, (sizes.get(set) ?? 0) - down)
    left -= down
  }
  const available = current.available + sum(old.map((set) => set.object.status?.availableReplicas ?? 0))
  left = Math.max(0, available - least)
  for (const set of old) {
    const down = Math.min(left, sizes.get(set) ?? 0)
    sizes.set(set, (sizes.get(set) ?? 0) - down)
    left -= down
  }
  return new Map([...sizes].filter(([set, size]) => size !== replicasOf(set.object)))
}

function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}
