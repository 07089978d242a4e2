/**
 * What a Deployment says of itself: counts, and the conditions Available, Progressing and ReplicaFailure with
 * upstream's reasons and messages, which `kubectl rollout status` waits for.
 */
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '../../schema/k8s/generated/types.ts'
import { printTime, timeMs } from '../../schema/k8s/time.ts'
import { conditionOf, withoutCondition } from './conditions.ts'
import { fences, replicasOf } from './deployment-size.ts'
import type { Instant } from './plan.ts'

/** upstream's way of saying "no deadline" */
const NEVER = 2_147_483_647

export interface Sized {
  readonly set: ReplicaSet
  /** what this plan makes of spec.replicas */
  readonly size: number
}

/** The status before conditions about progress. */
export function countsOf(
  deployment: Deployment,
  current: Sized | undefined,
  old: readonly Sized[],
  at: Instant,
): DeploymentStatus {
  const all = current === undefined ? old : [...old, current]
  const total = (read: (sized: Sized) => number): number => all.reduce((sum, sized) => sum + read(sized), 0)
  const available = total(({ set }) => set.status?.availableReplicas ?? 0)
  const terminating = total(({ set }) => set.status?.terminatingReplicas ?? 0)
  const unavailable = Math.max(0, total(({ size }) => size) - available)
  const { generation } = deployment.metadata
  const { collisionCount, conditions = [] } = deployment.status ?? {}
  const enough = available >= replicasOf(deployment) - fences(deployment).unavailable
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    ...count(
      'replicas',
      total(({ set }) => set.status?.replicas ?? 0),
    ),
    ...count('updatedReplicas', current?.set.status?.replicas ?? 0),
    ...count(
      'readyReplicas',
      total(({ set }) => set.status?.readyReplicas ?? 0),
    ),
    ...count('availableReplicas', available),
    ...count('unavailableReplicas', unavailable),
    terminatingReplicas: terminating,
    conditions: placed(conditions, enough ? AVAILABLE : UNAVAILABLE, at),
    ...(collisionCount === undefined ? {} : { collisionCount }),
  }
}

function count(field: string, value: number): Readonly<Record<string, number>> {
  return value === 0 ? {} : { [field]: value }
}

const AVAILABLE: DeploymentCondition = {
  type: 'Available',
  status: 'True',
  reason: 'MinimumReplicasAvailable',
  message: 'Deployment has minimum availability.',
}
const UNAVAILABLE: DeploymentCondition = {
  type: 'Available',
  status: 'False',
  reason: 'MinimumReplicasUnavailable',
  message: 'Deployment does not have minimum availability.',
}

export function progressing(
  status: 'True' | 'False' | 'Unknown',
  reason: string,
  message: string,
): DeploymentCondition {
  return { type: 'Progressing', status, reason, message }
}

/** Replaced when status or reason differ; a new message alone is no news, as upstream has it. */
export function placed(
  conditions: readonly DeploymentCondition[],
  next: DeploymentCondition,
  at: Instant,
): readonly DeploymentCondition[] {
  const old = conditionOf(conditions, next.type)
  if (old?.status === next.status && old.reason === next.reason) return conditions
  return [...withoutCondition(conditions, next.type), stamped(next, old, at)]
}

function stamped(next: DeploymentCondition, old: DeploymentCondition | undefined, at: Instant): DeploymentCondition {
  const now = printTime(at)
  const since = old?.status === next.status ? (old.lastTransitionTime ?? now) : now
  return { ...next, lastUpdateTime: now, lastTransitionTime: since }
}

export function hasDeadline(deployment: Deployment): boolean {
  const seconds = deployment.spec?.progressDeadlineSeconds
  return seconds !== undefined && seconds !== NEVER
}

export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const replicas = replicasOf(deployment)
  return (
    (status.updatedReplicas ?? 0) === replicas &&
    (status.replicas ?? 0) === replicas &&
    (status.availableReplicas ?? 0) === replicas &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  )
}

/** Adds what there is to say about the progress of a rollout. */
export function withProgress(
  deployment: Deployment,
  status: DeploymentStatus,
  current: ReplicaSet | undefined,
  at: Instant,
): DeploymentStatus {
  const conditions = status.conditions ?? []
  if (!hasDeadline(deployment)) return { ...status, conditions: withoutCondition(conditions, 'Progressing') }
  const now = conditionOf(conditions, 'Progressing')
  const settled = (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && now?.reason === 'NewReplicaSetAvailable'
  if (settled) return status
  const subject =
    current === undefined
      ? `Deployment "${deployment.metadata.name ?? ''}"`
      : `ReplicaSet "${current.metadata.name ?? ''}"`
  if (isComplete(deployment, status)) {
    const done = progressing('True', 'NewReplicaSetAvailable', `${subject} has successfully progressed.`)
    return { ...status, conditions: placed(conditions, done, at) }
  }
  if (hasProgressed(deployment.status ?? {}, status)) {
    // The time of the last progress is what the deadline counts from: renewed although nothing else changes.
    const moving = progressing('True', 'ReplicaSetUpdated', `${subject} is progressing.`)
    return { ...status, conditions: [...withoutCondition(conditions, 'Progressing'), stamped(moving, now, at)] }
  }
  if (deadlineOf(deployment, status, at) === 'passed') {
    const late = progressing('False', 'ProgressDeadlineExceeded', `${subject} has timed out progressing.`)
    return { ...status, conditions: placed(conditions, late, at) }
  }
  return status
}

function hasProgressed(was: DeploymentStatus, is: DeploymentStatus): boolean {
  const oldPods = (status: DeploymentStatus): number => (status.replicas ?? 0) - (status.updatedReplicas ?? 0)
  return (
    (is.updatedReplicas ?? 0) > (was.updatedReplicas ?? 0) ||
    oldPods(is) < oldPods(was) ||
    (is.readyReplicas ?? 0) > (was.readyReplicas ?? 0) ||
    (is.availableReplicas ?? 0) > (was.availableReplicas ?? 0)
  )
}

/** When lack of progress will be reported; 'passed', or undefined when nothing waits for it. */
export function deadlineOf(
  deployment: Deployment,
  status: DeploymentStatus,
  at: Instant,
): Instant | 'passed' | undefined {
  const now = conditionOf(status.conditions, 'Progressing')
  if (!hasDeadline(deployment) || now === undefined || now.reason === 'NewReplicaSetAvailable') return undefined
  if (now.reason === 'ProgressDeadlineExceeded') return 'passed'
  const since = timeMs(now.lastUpdateTime ?? '')
  if (since === undefined) return undefined
  const deadline = since + (deployment.spec?.progressDeadlineSeconds ?? 0) * 1000
  return deadline < at ? 'passed' : deadline
}

/** ReplicaFailure of a ReplicaSet, the current one's first, becomes the Deployment's. */
export function withFailure(
  status: DeploymentStatus,
  current: ReplicaSet | undefined,
  old: readonly ReplicaSet[],
  at: Instant,
): DeploymentStatus {
  const conditions = status.conditions ?? []
  for (const set of current === undefined ? old : [current, ...old]) {
    const failure = conditionOf(set.status?.conditions, 'ReplicaFailure')
    if (failure === undefined) continue
    const { reason = '', message = '' } = failure
    const next: DeploymentCondition = { type: 'ReplicaFailure', status: failure.status, reason, message }
    return { ...status, conditions: placed(conditions, next, at) }
  }
  return { ...status, conditions: withoutCondition(conditions, 'ReplicaFailure') }
}
