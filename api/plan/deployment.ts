/**
 * Deployment: one ReplicaSet per template, and the way from one to the next.
 *
 * A plan is one step: it finds or makes the current ReplicaSet, sizes it and its predecessors so that there are never
 * more pods than `replicas + maxSurge` nor fewer available ones than `replicas - maxUnavailable` by its own doing, and
 * writes what it knows into the status. The next step follows when the ReplicaSets report.
 */
import type { Deployment, DeploymentStatus, Pod, ReplicaSet } from '../../schema/k8s/generated/types.ts'
import { labelMatchOf, matches } from '../../schema/k8s/selector.ts'
import { conditionOf } from './conditions.ts'
import { currentAnnotations, currentSet, REVISION } from './deployment-revision.ts'
import { makeSet, newSet, resize, surplusHistory } from './deployment-sets.ts'
import { isRolling, replicasOf, roomForCurrent, scaled, scaledDown, type Sizes, wasScaled } from './deployment-size.ts'
import {
  countsOf,
  deadlineOf,
  hasDeadline,
  isComplete,
  placed,
  progressing,
  withFailure,
  withProgress,
} from './deployment-status.ts'
import type { Action, Instant, Plan } from './plan.ts'
import { byAge, controllerOf, difference, isBeingDeleted, ownedBy, type Row, targetOf } from './seen.ts'

export interface DeploymentSeen {
  readonly deployment: Row<Deployment>
  /** ReplicaSets it controls, and those of its namespace without a controller that its selector may match */
  readonly sets: readonly Row<ReplicaSet>[]
  /** the ReplicaSet that has the name `newSetName`, whoever controls it */
  readonly named: Row<ReplicaSet> | undefined
  /** pods of the ReplicaSets it controls; read for the strategy Recreate only */
  readonly pods: readonly Row<Pod>[]
  /** why the last ReplicaSet was refused */
  readonly failure?: string
}

export function planDeployment(seen: DeploymentSeen, at: Instant): Plan {
  const { deployment } = seen
  const { object } = deployment
  const claim = claimSets(seen)
  const owned = claim.owned.toSorted(byAge)
  const current = currentSet(object, owned)
  const old = owned.filter((set) => set !== current)
  const step: Step = { seen, current, old, at }

  if (isBeingDeleted(object)) return written(step, NOTHING, { judge: 'no' })
  const paused = object.spec?.paused === true
  const actions = [...claim.actions, ...(current === undefined ? [] : syncedAnnotations(step, current))]
  if (paused || wasScaled(object, owned)) {
    const sizes = scaled(object, current, old)
    return written(step, { ...NOTHING, sizes, before: actions, cleanup: paused }, { judge: 'no' })
  }
  return isRolling(object) ? rolled(step, actions) : recreated(step, actions)
}

interface Step {
  readonly seen: DeploymentSeen
  readonly current: Row<ReplicaSet> | undefined
  readonly old: readonly Row<ReplicaSet>[]
  readonly at: Instant
}

interface Moves {
  readonly before: readonly Action[]
  readonly sizes: Sizes
  /** a ReplicaSet to make for the template, of this size */
  readonly make: number | undefined
  readonly cleanup: boolean
}

const NOTHING: Moves = { before: [], sizes: new Map(), make: undefined, cleanup: false }

function rolled(step: Step, before: readonly Action[]): Plan {
  const { seen, current, old } = step
  const { object } = seen.deployment
  const others = old.reduce((sum, set) => sum + replicasOf(set.object), 0)
  if (current === undefined) {
    return written(step, { ...NOTHING, before, make: roomForCurrent(object, 0, others) }, { judge: 'progress' })
  }
  const size = replicasOf(current.object)
  const room = roomForCurrent(object, size, others)
  if (room !== size) {
    return written(step, { ...NOTHING, before, sizes: new Map([[current, room]]) }, { judge: 'progress' })
  }
  const available = current.object.status?.availableReplicas ?? 0
  const sizes = scaledDown(object, { size, available }, old)
  return written(step, { ...NOTHING, before, sizes, cleanup: sizes.size === 0 }, { judge: 'progress' })
}

/** Old pods go first, all of them, and only when the last one is gone the new ones come. */
function recreated(step: Step, before: readonly Action[]): Plan {
  const { seen, current, old } = step
  const { object } = seen.deployment
  const active = old.filter((set) => replicasOf(set.object) > 0)
  if (active.length > 0) {
    const sizes = new Map(active.map((set) => [set, 0]))
    return written(step, { ...NOTHING, before, sizes }, { judge: 'progress' })
  }
  if (oldPodsRun(step)) return written(step, { ...NOTHING, before }, { judge: 'progress' })
  if (current === undefined) {
    return written(step, { ...NOTHING, before, make: replicasOf(object) }, { judge: 'progress' })
  }
  const grown = replicasOf(current.object) !== replicasOf(object)
  const sizes: Sizes = grown ? new Map([[current, replicasOf(object)]]) : NOTHING.sizes
  return written(step, { ...NOTHING, before, sizes, cleanup: !grown }, { judge: 'progress' })
}

function oldPodsRun({ seen, current, old }: Step): boolean {
  if (old.some((set) => (set.object.status?.replicas ?? 0) > 0)) return true
  return seen.pods.some(({ object }) => {
    if (controllerOf(object)?.uid === current?.object.metadata.uid) return false
    return object.status?.phase !== 'Failed' && object.status?.phase !== 'Succeeded'
  })
}

interface Claim {
  readonly owned: readonly Row<ReplicaSet>[]
  readonly actions: readonly Action[]
}

function claimSets({ deployment, sets }: DeploymentSeen): Claim {
  const { object } = deployment
  const match = labelMatchOf(object.spec?.selector)
  const owned: Row<ReplicaSet>[] = []
  const actions: Action[] = []
  for (const set of sets) {
    const controller = controllerOf(set.object)
    const selected = matches(match, set.object.metadata.labels)
    const others = set.object.metadata.ownerReferences ?? []
    if (controller === undefined) {
      if (!selected || isBeingDeleted(set.object) || isBeingDeleted(object)) continue
      const patch = { metadata: { ownerReferences: [...others, ownedBy(object)] } }
      const why = `${object.metadata.name ?? ''} selects it and nobody controls it`
      actions.push({ do: 'patch', target: targetOf(set), patch, why, guards: [targetOf(deployment)] })
      owned.push(set)
    } else if (controller.uid === object.metadata.uid) {
      if (selected) owned.push(set)
      else if (!isBeingDeleted(object)) {
        const kept = others.filter((owner) => owner.uid !== object.metadata.uid)
        const patch = { metadata: { ownerReferences: kept.length === 0 ? null : kept } }
        const why = `the selector of ${object.metadata.name ?? ''} does not match it`
        actions.push({ do: 'patch', target: targetOf(set), patch, why })
      }
    }
  }
  return { owned, actions }
}

/** The current ReplicaSet inherits annotations and minReadySeconds, and has the highest revision. */
function syncedAnnotations({ seen, old }: Step, current: Row<ReplicaSet>): readonly Action[] {
  const { object } = seen.deployment
  const annotations = difference(current.object.metadata.annotations, currentAnnotations(object, current.object, old))
  const wanted = object.spec?.minReadySeconds ?? 0
  const minReady = wanted === (current.object.spec?.minReadySeconds ?? 0) ? undefined : wanted
  if (annotations === undefined && minReady === undefined) return []
  const patch = {
    ...(annotations === undefined ? {} : { metadata: { annotations } }),
    ...(minReady === undefined ? {} : { spec: { minReadySeconds: minReady } }),
  }
  return [{ do: 'patch', target: targetOf(current), patch, why: 'it is the ReplicaSet of the template' }]
}

/** The moves as actions, and the status that follows from them. */
function written(step: Step, moves: Moves, options: { readonly judge: 'progress' | 'no' }): Plan {
  const { seen, current, old, at } = step
  const { deployment } = seen
  const { object } = deployment
  const collides = moves.make !== undefined && seen.named !== undefined
  const made = moves.make === undefined || collides ? undefined : newSet(object, old, moves.make)
  const effective = current === undefined ? made : annotated(object, current.object, old)
  const sizeOf = (set: Row<ReplicaSet>): number => moves.sizes.get(set) ?? replicasOf(set.object)

  let status = countsOf(
    object,
    effective === undefined
      ? undefined
      : { set: effective, size: current === undefined ? (moves.make ?? 0) : sizeOf(current) },
    old.map((set) => ({ set: set.object, size: sizeOf(set) })),
    at,
  )
  status = withOccasion(step, status, made)
  if (options.judge === 'progress') {
    status = withProgress(object, status, effective, at)
    status = withFailure(
      status,
      effective,
      old.map((set) => set.object),
      at,
    )
  }
  if (collides && moves.make !== undefined) {
    status = { ...status, collisionCount: (status.collisionCount ?? 0) + 1 }
  }
  const cleaned = moves.cleanup && (object.spec?.paused === true || isComplete(object, status))
  const deadline = options.judge === 'progress' ? deadlineOf(object, status, at) : undefined
  const ended = isBeingDeleted(object)
  return {
    actions: [
      ...moves.before,
      ...(made === undefined ? [] : makeSet(deployment, made)),
      ...[...moves.sizes].flatMap(([set, size]) => resize(deployment, set, size)),
      ...(cleaned ? surplusHistory(object, old) : []),
      ...statusOf(deployment, status, ended ? undefined : effective),
    ],
    ...(typeof deadline === 'number' && !isComplete(object, status) ? { again: deadline + 1000 } : {}),
  }
}

/** The current ReplicaSet as `syncedAnnotations` leaves it. */
function annotated(deployment: Deployment, set: ReplicaSet, old: readonly Row<ReplicaSet>[]): ReplicaSet {
  if (isBeingDeleted(deployment)) return set
  return { ...set, metadata: { ...set.metadata, annotations: currentAnnotations(deployment, set, old) } }
}

/** What happened to the Deployment before any progress: a ReplicaSet was made or found, it was paused or resumed. */
function withOccasion(
  { seen, current, at }: Step,
  status: DeploymentStatus,
  made: ReplicaSet | undefined,
): DeploymentStatus {
  const { object } = seen.deployment
  if (!hasDeadline(object) || isBeingDeleted(object)) return status
  const conditions = status.conditions ?? []
  const now = conditionOf(conditions, 'Progressing')
  if (made !== undefined) {
    const next =
      seen.failure === undefined
        ? progressing('True', 'NewReplicaSetCreated', `Created new replica set "${made.metadata.name ?? ''}"`)
        : progressing(
            'False',
            'ReplicaSetCreateError',
            `Failed to create new replica set "${made.metadata.name ?? ''}": ${seen.failure}`,
          )
    return { ...status, conditions: placed(conditions, next, at) }
  }
  const isPaused = object.spec?.paused === true
  const saysPaused = now?.reason === 'DeploymentPaused'
  if (now?.reason !== 'ProgressDeadlineExceeded' && isPaused !== saysPaused) {
    const next = isPaused
      ? progressing('Unknown', 'DeploymentPaused', 'Deployment is paused')
      : progressing('Unknown', 'DeploymentResumed', 'Deployment is resumed')
    return { ...status, conditions: placed(conditions, next, at) }
  }
  if (now !== undefined || current === undefined) return status
  const found = progressing(
    'True',
    'FoundNewReplicaSet',
    `Found new replica set "${current.object.metadata.name ?? ''}"`,
  )
  return { ...status, conditions: placed(conditions, found, at) }
}

/** Status and the revision annotation go out together, as upstream writes them. */
function statusOf(
  deployment: Row<Deployment>,
  status: DeploymentStatus,
  current: ReplicaSet | undefined,
): readonly Action[] {
  const revision = current?.metadata.annotations?.[REVISION]
  const { annotations } = deployment.object.metadata
  const moved = revision !== undefined && annotations?.[REVISION] !== revision
  const patch = difference(deployment.object.status, status)
  if (patch === undefined && !moved) return []
  return [
    {
      do: 'patch-status',
      target: targetOf(deployment),
      patch: {
        ...(moved ? { metadata: { annotations: { [REVISION]: revision } } } : {}),
        ...(patch === undefined ? {} : { status: patch }),
      },
      why: moved ? `revision ${revision}` : 'the counts or conditions changed',
    },
  ]
}
