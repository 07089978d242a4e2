/**
 * Which of the nodes that fit is best. Upstream's weights: emptier and more evenly used nodes, fewer pods of the same
 * controller, preferred affinity, and taints that only ask. What depends on the node alone is scored once for all pods
 * of one shape.
 */
import type { Node, Pod } from '../../schema/k8s/generated/types.ts'
import type { Demand } from './demand.ts'
import { matchesTerm } from './fit.ts'
import type { Room, Taken } from './room.ts'
import { isTolerated } from './tolerations.ts'

const AFFINITY_WEIGHT = 2
const TAINT_WEIGHT = 3
export const SPREAD_WEIGHT = 2

/** Preferred affinity and PreferNoSchedule taints, normalised over all nodes; undefined when all score alike. */
export function standing(pod: Pod, nodes: readonly (Node | undefined)[]): Float64Array | undefined {
  const preferred = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
  const liked = nodes.map((node) =>
    node === undefined
      ? 0
      : preferred.reduce((sum, { weight, preference }) => sum + (matchesTerm(preference, node) ? weight : 0), 0),
  )
  const disliked = nodes.map((node) => (node === undefined ? 0 : asked(pod, node)))
  const mostLiked = Math.max(0, ...liked)
  const mostDisliked = Math.max(0, ...disliked)
  if (mostLiked === 0 && mostDisliked === 0) return undefined
  return Float64Array.from(nodes, (_, slot) => {
    const affinity = mostLiked === 0 ? 0 : Math.floor((100 * (liked[slot] ?? 0)) / mostLiked)
    const taint = mostDisliked === 0 ? 100 : 100 - Math.floor((100 * (disliked[slot] ?? 0)) / mostDisliked)
    return AFFINITY_WEIGHT * affinity + TAINT_WEIGHT * taint
  })
}

/** Taints that ask pods to stay away and that this one does not tolerate. */
function asked(pod: Pod, node: Node): number {
  return (node.spec?.taints ?? []).filter(
    (taint) => taint.effect === 'PreferNoSchedule' && !isTolerated(taint, pod.spec?.tolerations),
  ).length
}

/** Least allocated plus balanced allocation, 0 to 200. */
export function usage(room: Room, taken: Taken, slot: number, demand: Demand): number {
  const cpu = room.cpu[slot] ?? 0
  const memory = room.memory[slot] ?? 0
  const cpuShare = cpu === 0 ? 1 : Math.min(1, ((taken.cpuScore[slot] ?? 0) + demand.cpuScore) / cpu)
  const memoryShare = memory === 0 ? 1 : Math.min(1, ((taken.memoryScore[slot] ?? 0) + demand.memoryScore) / memory)
  const least = Math.floor((1 - cpuShare) * 100) + Math.floor((1 - memoryShare) * 100)
  const uneven = Math.abs(cpuShare - memoryShare) / 2
  return Math.floor(least / 2) + Math.floor((1 - uneven) * 100)
}
