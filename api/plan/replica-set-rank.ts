/** Which pods of a ReplicaSet go first when there are too many: upstream's order, the first difference decides. */
import type { Pod } from '../../schema/k8s/generated/types.ts'
import { timeMs } from '../../schema/k8s/time.ts'
import { conditionOf } from './conditions.ts'
import { isReady } from './pods.ts'
import type { Instant } from './plan.ts'
import { compare, type Row } from './seen.ts'

const COST = 'controller.kubernetes.io/pod-deletion-cost'
const PHASES: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 }

/** First to go first. */
export function rankedForDeletion(pods: readonly Row<Pod>[], at: Instant): readonly Row<Pod>[] {
  const perNode = new Map<string, number>()
  for (const { object } of pods) {
    const node = object.spec?.nodeName ?? ''
    perNode.set(node, (perNode.get(node) ?? 0) + 1)
  }
  const neighbours = (pod: Pod): number => perNode.get(pod.spec?.nodeName ?? '') ?? 0
  return pods.toSorted(({ object: a }, { object: b }) => {
    for (const rule of RULES) {
      const order = rule(a, b, at)
      if (order !== 0) return order
    }
    return neighbours(b) - neighbours(a) || byTimes(a, b, at)
  })
}

type Rule = (a: Pod, b: Pod, at: Instant) => number

const RULES: readonly Rule[] = [
  // without a node before those with one
  (a, b) => Number(hasNode(a)) - Number(hasNode(b)),
  (a, b) => phase(a) - phase(b),
  (a, b) => Number(isReady(a)) - Number(isReady(b)),
  (a, b) => cost(a) - cost(b),
]

/** Shorter ready, more restarts, younger; times count by their magnitude, so that age alone does not pick victims. */
function byTimes(a: Pod, b: Pod, at: Instant): number {
  if (isReady(a) && isReady(b)) {
    const order = magnitude(readySince(a), at) - magnitude(readySince(b), at)
    if (readySince(a) !== readySince(b)) return order === 0 ? byUid(a, b) : order
  }
  const restarted = restarts(b) - restarts(a)
  if (restarted !== 0) return restarted
  const born = magnitude(createdAt(a), at) - magnitude(createdAt(b), at)
  return createdAt(a) !== createdAt(b) && born !== 0 ? born : byUid(a, b)
}

function byUid(a: Pod, b: Pod): number {
  return compare(a.metadata.uid ?? '', b.metadata.uid ?? '')
}

function hasNode(pod: Pod): boolean {
  return (pod.spec?.nodeName ?? '') !== ''
}

function phase(pod: Pod): number {
  return PHASES[pod.status?.phase ?? ''] ?? 0
}

/** `pod-deletion-cost`, 0 when it is absent or no 32 bit integer. */
function cost(pod: Pod): number {
  const text = pod.metadata.annotations?.[COST] ?? ''
  if (!/^(?:0|-?[1-9]\d{0,9})$/.test(text)) return 0
  const value = Number(text)
  return value >= -(2 ** 31) && value < 2 ** 31 ? value : 0
}

function readySince(pod: Pod): number {
  return timeMs(conditionOf(pod.status?.conditions, 'Ready')?.lastTransitionTime ?? '') ?? 0
}

function createdAt(pod: Pod): number {
  return timeMs(pod.metadata.creationTimestamp ?? '') ?? 0
}

function restarts(pod: Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map((status) => status.restartCount))
}

/** Power of two of the time since; -1 for now and the future. */
function magnitude(time: number, at: Instant): number {
  return at > time ? Math.floor(Math.log2((at - time) * 1e6)) : -1
}
