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
  const shapes = new Map<string, Shape>()
  const actions: Action[] = []
  let start = 0
  for (const pod of pods.filter((row) => isSchedulable(row.object)).toSorted(byPriority)) {
    const shape = shapeOf(shapes, room, pod.object)
    const owner = pod.object.metadata.ownerReferences?.find((reference) => reference.controller === true)?.uid
    const slot = shape.full === undefined ? best(room, taken, shape, owner, start) : -1
    if (slot < 0) {
      // Room only shrinks within a plan: what did not fit once fits no later pod of the shape.
      shape.full ??= explained(room, taken, shape)
      actions.push(...unschedulable(pod, shape.full, at))
      continue
    }
    take(taken, slot, shape.demand, owner, 1)
    start = slot + 1
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

interface Shape {
  readonly pod: Pod
  readonly demand: Demand
  /** by slot: why the node will not do; undefined: it will */
  readonly refusals: readonly (string | undefined)[]
  /** slots that will do */
  readonly slots: Int32Array
  readonly standing: Float64Array | undefined
  /** set when a pod of this shape did not fit */
  full: string | undefined
}

function shapeOf(shapes: Map<string, Shape>, room: Room, pod: Pod): Shape {
  const { containers = [], initContainers, nodeSelector, affinity, tolerations, overhead, resources } = pod.spec ?? {}
  const asks = [...containers, ...(initContainers ?? [])].map((one) => [one.resources?.requests, one.ports, one.restartPolicy])
  const key = JSON.stringify([asks, containers.length, nodeSelector, affinity, tolerations, overhead, resources])
  const found = shapes.get(key)
  if (found !== undefined) return found
  const refusals = room.nodes.map((node) => {
    if (node === undefined) return GONE
    for (const check of NODE_CHECKS) {
      const why = check.why(pod, node)
      if (why !== undefined) return why
    }
    return undefined
  })
  const slots = Int32Array.from(refusals.flatMap((why, slot) => (why === undefined ? slot : [])))
  const shape: Shape = { pod, demand: demandOf(pod), refusals, slots, standing: standing(pod, room.nodes), full: undefined }
  shapes.set(key, shape)
  return shape
}

const GONE = ''

/** The best slot, -1 when there is none. Of equals the first after the last choice, so that equals take turns. */
function best(room: Room, taken: Taken, shape: Shape, owner: string | undefined, start: number): number {
  const { slots, demand } = shape
  const counts = owner === undefined ? undefined : taken.owners.get(owner)
  let most = 0
  if (counts !== undefined) for (const count of counts.values()) if (count > most) most = count
  let chosen = -1
  let top = -1
  let offset = 0
  while (offset < slots.length && (slots[offset] ?? 0) < start) offset++
  for (let step = 0; step < slots.length; step++) {
    const index = offset + step
    const slot = slots[index < slots.length ? index : index - slots.length] ?? 0
    if (!hasRoom(room, taken, slot, demand)) continue
    let score = usage(room, taken, slot, demand) + (shape.standing?.[slot] ?? 0)
    if (most > 0) score += (SPREAD_WEIGHT * 100 * (most - (counts?.get(slot) ?? 0))) / most
    if (score > top) {
      top = score
      chosen = slot
    }
  }
  return chosen
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
