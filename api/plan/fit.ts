/**
 * May a pod run on a node? A list of checks in upstream's order; the first that says no explains itself, in the words
 * of the event FailedScheduling. Checks of the pod against the node itself are made once for all pods of one shape;
 * checks of room are made for each pod.
 */
import type { Node, NodeSelectorRequirement, NodeSelectorTerm, Pod } from '../../schema/k8s/generated/types.ts'
import { type Demand, portsMeet } from './demand.ts'
import type { Room, Taken } from './room.ts'
import { isTolerated } from './tolerations.ts'

export interface NodeCheck {
  readonly name: string
  /** undefined: the node will do */
  why(pod: Pod, node: Node): string | undefined
}

export const NODE_CHECKS: readonly NodeCheck[] = [
  {
    name: 'NodeUnschedulable',
    why(pod, node) {
      if (node.spec?.unschedulable !== true) return undefined
      const taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' } as const
      return isTolerated(taint, pod.spec?.tolerations) ? undefined : 'node(s) were unschedulable'
    },
  },
  {
    name: 'TaintToleration',
    why(pod, node) {
      const taint = node.spec?.taints?.find(
        (one) =>
          (one.effect === 'NoSchedule' || one.effect === 'NoExecute') && !isTolerated(one, pod.spec?.tolerations),
      )
      return taint === undefined ? undefined : 'node(s) had untolerated taint(s)'
    },
  },
  {
    name: 'NodeAffinity',
    why: (pod, node) => (selects(pod, node) ? undefined : "node(s) didn't match Pod's node affinity/selector"),
  },
]

/** nodeSelector and required node affinity */
function selects(pod: Pod, node: Node): boolean {
  const labels = node.metadata.labels ?? {}
  for (const [key, value] of Object.entries(pod.spec?.nodeSelector ?? {})) if (labels[key] !== value) return false
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  return required === undefined || required.nodeSelectorTerms.some((term) => matchesTerm(term, node))
}

/** A term without requirements matches nothing. */
export function matchesTerm(term: NodeSelectorTerm, node: Node): boolean {
  const { matchExpressions = [], matchFields = [] } = term
  if (matchExpressions.length === 0 && matchFields.length === 0) return false
  const labels = node.metadata.labels ?? {}
  return (
    matchExpressions.every((requirement) => meets(requirement, labels[requirement.key])) &&
    matchFields.every((requirement) =>
      meets(requirement, requirement.key === 'metadata.name' ? node.metadata.name : undefined),
    )
  )
}

function meets({ operator, values = [] }: NodeSelectorRequirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    case 'Gt':
    case 'Lt':
      return compares(operator, value, values[0])
    default:
      return false
  }
}

const INTEGER = /^[-+]?\d{1,15}$/

function compares(operator: 'Gt' | 'Lt', value: string | undefined, limit: string | undefined): boolean {
  if (value === undefined || limit === undefined || !INTEGER.test(value) || !INTEGER.test(limit)) return false
  return operator === 'Gt' ? Number(value) > Number(limit) : Number(value) < Number(limit)
}

/** The hot check: does what is left suffice? Says nothing about why not. */
export function hasRoom(room: Room, taken: Taken, slot: number, demand: Demand): boolean {
  if ((taken.pods[slot] ?? 0) + 1 > (room.pods[slot] ?? 0)) return false
  if (demand.cpu > 0 && demand.cpu > (room.cpu[slot] ?? 0) - (taken.cpu[slot] ?? 0)) return false
  if (demand.memory > 0 && demand.memory > (room.memory[slot] ?? 0) - (taken.memory[slot] ?? 0)) return false
  for (const [name, amount] of demand.others) {
    if (amount > (room.others.get(name)?.[slot] ?? 0) - (taken.others.get(name)?.[slot] ?? 0)) return false
  }
  return demand.hostPorts.length === 0 || portsFree(taken, slot, demand)
}

function portsFree(taken: Taken, slot: number, demand: Demand): boolean {
  const ports = taken.ports.get(slot) ?? []
  return demand.hostPorts.every((wanted) => !ports.some((port) => portsMeet(wanted, port)))
}

export interface NoRoom {
  readonly reasons: readonly string[]
  /** less than the node has altogether: taking room from others could help */
  readonly preemption: 'helpful' | 'not helpful'
}

/** Every reason why there is no room, as upstream counts them. */
export function whyNoRoom(room: Room, taken: Taken, slot: number, demand: Demand): NoRoom {
  if (!portsFree(taken, slot, demand)) {
    return { reasons: ["node(s) didn't have free ports for the requested pod ports"], preemption: 'helpful' }
  }
  const reasons: string[] = []
  let preemption: NoRoom['preemption'] = 'helpful'
  const check = (name: string, wanted: number, has: number, used: number): void => {
    if (wanted === 0 || wanted <= has - used) return
    reasons.push(`Insufficient ${name}`)
    if (wanted > has) preemption = 'not helpful'
  }
  if ((taken.pods[slot] ?? 0) + 1 > (room.pods[slot] ?? 0)) reasons.push('Too many pods')
  check('cpu', demand.cpu, room.cpu[slot] ?? 0, taken.cpu[slot] ?? 0)
  check('memory', demand.memory, room.memory[slot] ?? 0, taken.memory[slot] ?? 0)
  for (const [name, amount] of demand.others) {
    check(name, amount, room.others.get(name)?.[slot] ?? 0, taken.others.get(name)?.[slot] ?? 0)
  }
  return { reasons, preemption }
}
