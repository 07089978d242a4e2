/**
 * The scheduler: pods without a node and the room on the nodes in, bindings out. A pod that fits nowhere gets the
 * condition that says why, composed from the checks.
 *
 * Pods of one shape (the same requests, selectors, tolerations) share everything that depends on the node alone, so a
 * thousand replicas cost little more than one.
 */
import type { Pod } from '../../schema/k8s/generated/types.ts'
import { conditionOf, withCondition } from './conditions.ts'
import { type Demand, demandOf } from './demand.ts'
import { hasRoom, NODE_CHECKS, whyNoRoom } from './fit.ts'
import type { Action, Instant, Plan } from './plan.ts'
import { Ranking } from './ranking.ts'
import { type Room, take, type Taken } from './room.ts'
import { SPREAD_WEIGHT, standing, usage } from './score.ts'
import { compare, eventAbout, isBeingDeleted, type Row, targetOf } from './seen.ts'

export interface ScheduleSeen {
  readonly room: Room
  /** pods without a node, any order */
  readonly pods: readonly Row<Pod>[]
}

const SCHEDULER = 'default-scheduler'

export function schedule({ room, pods }: ScheduleSeen, at: Instant): Plan {
  const taken = room.draft()
  const board: Board = { room, taken, moved: [], shapes: new Map(), groups: new Map() }
  const actions: Action[] = []
  for (const pod of pods.filter((row) => isSchedulable(row.object)).toSorted(byPriority)) {
    const key = shapeKey(pod.object)
    const shape = shapeOf(board, key, pod.object)
    const owner = pod.object.metadata.ownerReferences?.find((reference) => reference.controller === true)?.uid
    const slot = shape.full === undefined ? best(board, groupOf(board, key, shape, owner)) : -1
    if (slot < 0) {
      // Room only shrinks within a plan: what did not fit once fits no later pod of the shape.
      shape.full ??= explained(room, taken, shape)
      actions.push(...unschedulable(pod, shape.full, at))
      continue
    }
    take(taken, slot, shape.demand, owner, 1)
    board.moved.push(slot)
    const node = room.nodes[slot]?.metadata.name ?? ''
    const { namespace = '', name = '' } = pod.object.metadata
    const message = `Successfully assigned ${namespace}/${name} to ${node}`
    actions.push({ do: 'bind', target: targetOf(pod), node, why: 'it has the most room of those that fit' })
    actions.push(eventAbout(pod, { reason: 'Scheduled', message, source: SCHEDULER }))
  }
  return { actions }
}

export function isSchedulable(pod: Pod): boolean {
  const { nodeName = '', schedulerName = '', schedulingGates = [] } = pod.spec ?? {}
  return (
    nodeName === '' &&
    (schedulerName === '' || schedulerName === SCHEDULER) &&
    schedulingGates.length === 0 &&
    !isBeingDeleted(pod)
  )
}

/** Upstream's queue: priority, then who waited longest. */
function byPriority(a: Row<Pod>, b: Row<Pod>): number {
  const priority = (b.object.spec?.priority ?? 0) - (a.object.spec?.priority ?? 0)
  if (priority !== 0) return priority
  const age = compare(a.object.metadata.creationTimestamp ?? '', b.object.metadata.creationTimestamp ?? '')
  return age === 0 ? a.revision - b.revision : age
}

/** One plan's working place. */
interface Board {
  readonly room: Room
  readonly taken: Taken
  /** slots in the order in which pods came to them */
  readonly moved: number[]
  readonly shapes: Map<string, Shape>
  readonly groups: Map<string, Group>
}

/** What pods share that ask for the same, and the nodes say to it. */
interface Asked {
  readonly demand: Demand
  /** by slot: why the node will not do; undefined: it will */
  readonly refusals: readonly (string | undefined)[]
  readonly standing: Float64Array | undefined
}

interface Shape extends Asked {
  /** set when a pod of this shape did not fit */
  full: string | undefined
}

/** Pods of one shape and one controller: the same pod for every node. */
interface Group {
  readonly shape: Shape
  readonly owner: string | undefined
  ranking: Ranking
  /** most pods of the controller on one node, when the scores were made */
  most: number
  /** how much of `moved` the ranking knows */
  known: number
}

function shapeKey(pod: Pod): string {
  const { containers = [], initContainers, nodeSelector, affinity, tolerations, overhead, resources } = pod.spec ?? {}
  const asks = [...containers, ...(initContainers ?? [])].map((one) => [
    one.resources?.requests,
    one.ports,
    one.restartPolicy,
  ])
  return JSON.stringify([asks, containers.length, nodeSelector, affinity, tolerations, overhead, resources])
}

function shapeOf({ shapes, room }: Board, key: string, pod: Pod): Shape {
  const found = shapes.get(key)
  if (found !== undefined) return found
  const shape: Shape = { ...room.ofNodes(key, () => askedOf(room, pod)), full: undefined }
  shapes.set(key, shape)
  return shape
}

function askedOf({ nodes }: Room, pod: Pod): Asked {
  const refusals = nodes.map((node) => {
    if (node === undefined) return GONE
    for (const check of NODE_CHECKS) {
      const why = check.why(pod, node)
      if (why !== undefined) return why
    }
    return undefined
  })
  return { demand: demandOf(pod), refusals, standing: standing(pod, nodes) }
}

/** No node is in this slot. */
const GONE = ''

function groupOf(board: Board, key: string, shape: Shape, owner: string | undefined): Group {
  const name = `${owner ?? ''} ${key}`
  const found = board.groups.get(name)
  if (found !== undefined) return found
  const group: Group = { shape, owner, ranking: new Ranking(new Float64Array(0)), most: 0, known: 0 }
  rescore(board, group)
  board.groups.set(name, group)
  return group
}

function rescore(board: Board, group: Group): void {
  group.most = 0
  for (const count of countsOf(board, group)?.values() ?? []) if (count > group.most) group.most = count
  group.known = board.moved.length
  const scores = new Float64Array(board.room.nodes.length)
  for (let slot = 0; slot < scores.length; slot++) scores[slot] = scoreOf(board, group, slot)
  group.ranking = new Ranking(scores)
}

function countsOf({ taken }: Board, { owner }: Group): ReadonlyMap<number, number> | undefined {
  return owner === undefined ? undefined : taken.owners.get(owner)
}

/** Below zero: the pod does not fit there. */
function scoreOf(board: Board, group: Group, slot: number): number {
  const { room, taken } = board
  const { shape, most } = group
  if (shape.refusals[slot] !== undefined || !hasRoom(room, taken, slot, shape.demand)) return -1
  const score = usage(room, taken, slot, shape.demand) + (shape.standing?.[slot] ?? 0)
  if (most === 0) return score
  return score + (SPREAD_WEIGHT * 100 * (most - (countsOf(board, group)?.get(slot) ?? 0))) / most
}

/** The best slot, -1 when there is none. */
function best(board: Board, group: Group): number {
  const { moved } = board
  const counts = countsOf(board, group)
  for (; group.known < moved.length; group.known++) {
    const slot = moved[group.known] ?? 0
    // A new most changes the weight of every pod of the controller.
    if ((counts?.get(slot) ?? 0) > group.most) {
      rescore(board, group)
      break
    }
    group.ranking.set(slot, scoreOf(board, group, slot))
  }
  return group.ranking.top
}

/** `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) ... . preemption: 0/3 nodes are available: ...` */
function explained(room: Room, taken: Taken, shape: Shape): string {
  if (room.size === 0) return 'no nodes available to schedule pods'
  const reasons = new Map<string, number>()
  const remedies = new Map<string, number>()
  const count = (counts: Map<string, number>, text: string): void => void counts.set(text, (counts.get(text) ?? 0) + 1)
  for (const [slot, refusal] of shape.refusals.entries()) {
    if (refusal === GONE) continue
    if (refusal !== undefined) {
      count(reasons, refusal)
      count(remedies, NOT_HELPFUL)
      continue
    }
    const no = whyNoRoom(room, taken, slot, shape.demand)
    for (const reason of no.reasons) count(reasons, reason)
    count(remedies, no.preemption === 'helpful' ? NO_VICTIMS : NOT_HELPFUL)
  }
  const none = `0/${room.size} nodes are available`
  return `${none}: ${listed(reasons)}. no new claims to deallocate, preemption: ${none}: ${listed(remedies)}.`
}

const NO_VICTIMS = 'No preemption victims found for incoming pod'
const NOT_HELPFUL = 'Preemption is not helpful for scheduling'

function listed(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .map(([text, count]) => `${count} ${text}`)
    .toSorted(compare)
    .join(', ')
}

function unschedulable(pod: Row<Pod>, message: string, at: Instant): readonly Action[] {
  const conditions = pod.object.status?.conditions ?? []
  const old = conditionOf(conditions, 'PodScheduled')
  if (old?.status === 'False' && old.reason === 'Unschedulable' && old.message === message) return []
  const next = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }
  const patch = { status: { conditions: withCondition(conditions, next, at) } }
  return [
    { do: 'patch-status', target: targetOf(pod), patch, why: message },
    eventAbout(pod, { type: 'Warning', reason: 'FailedScheduling', message, source: SCHEDULER }),
  ]
}
