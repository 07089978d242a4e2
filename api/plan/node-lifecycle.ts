/**
 * Nodes that fall silent, and the pods on them.
 *
 * A node whose agent was not heard for 40 s is Unknown and tainted; its pods are no longer ready. Pods that do not
 * tolerate the taint for ever are deleted when their time is up. When most nodes are silent it is more likely that we
 * are the ones cut off: then nothing is evicted. Pods of nodes that do not exist any more are removed.
 */
import type { Node, NodeCondition, Pod, Taint } from '../../schema/k8s/generated/types.ts'
import { printTime, timeMs } from '../../schema/k8s/time.ts'
import { conditionOf, withCondition } from './conditions.ts'
import type { Action, Instant, Plan } from './plan.ts'
import { isFinished } from './pods.ts'
import { equal, eventAbout, isBeingDeleted, type Row, targetOf } from './seen.ts'
import { tolerates } from './tolerations.ts'

export interface NodeSeen {
  readonly name: string
  /** undefined: there is no such node (any more) */
  readonly node: Row<Node> | undefined
  /** when its agent was last heard; undefined: not since `listeningSince` */
  readonly heard: Instant | undefined
  /** when this control plane began to listen, or to miss a node that is gone */
  readonly listeningSince: Instant
  /** too many nodes are silent to trust our own ears */
  readonly massFailure: boolean
  /** pods bound to it; read only when the node is not as it should be */
  readonly pods: readonly Row<Pod>[]
}

/** How long a node may be silent, and how long the pods of a node that is gone are kept. */
export const GRACE_MS = 40_000
/** Deletes of one plan; the rest follows in the next. */
const BURST = 500
const SOURCE = 'node-controller'
const UNREACHABLE = 'node.kubernetes.io/unreachable'
const NOT_READY = 'node.kubernetes.io/not-ready'

/** Taints that follow from conditions: [condition, status, taint]. */
const BY_CONDITION: readonly (readonly [string, string, string])[] = [
  ['Ready', 'False', NOT_READY],
  ['Ready', 'Unknown', UNREACHABLE],
  ['MemoryPressure', 'True', 'node.kubernetes.io/memory-pressure'],
  ['DiskPressure', 'True', 'node.kubernetes.io/disk-pressure'],
  ['PIDPressure', 'True', 'node.kubernetes.io/pid-pressure'],
  ['NetworkUnavailable', 'True', 'node.kubernetes.io/network-unavailable'],
]
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable'
const OURS: ReadonlySet<string> = new Set([...BY_CONDITION.map(([, , key]) => key), UNSCHEDULABLE])

export function planNode(seen: NodeSeen, at: Instant): Plan {
  const { node } = seen
  if (node === undefined) return afterlife(seen, at)
  if (isBeingDeleted(node.object)) return { actions: [] }
  const silentAt = Math.max(seen.heard ?? 0, seen.listeningSince) + GRACE_MS
  const conditions = conditionsOf(seen, node.object, silentAt, at)
  const taints = taintsOf(node.object, conditions, seen.massFailure, at)
  const status = readyOf(conditions)?.status
  const away = status !== 'True'
  const evictions = away || taints.some(({ effect }) => effect === 'NoExecute') ? evicted(seen, taints, at) : NONE
  const actions: Action[] = [
    ...spoken(node, conditions),
    ...statusActions(node, conditions),
    ...taintActions(node, taints),
    ...(away ? seen.pods.flatMap((pod) => unready(pod, at)) : []),
    ...evictions.actions,
  ]
  // Also of one that is Unknown: whoever began to listen lately may hear it until then.
  const times = [silentAt > at ? silentAt : undefined, evictions.again]
  const next = Math.min(...times.filter((time) => time !== undefined))
  return Number.isFinite(next) ? { actions, again: next } : { actions }
}

const NONE: Plan = { actions: [] }

function readyOf(conditions: readonly NodeCondition[]): NodeCondition | undefined {
  return conditionOf(conditions, 'Ready')
}

/** What is known of a silent node is that nothing is known; one that is heard again is as it was. */
function conditionsOf(seen: NodeSeen, node: Node, silentAt: Instant, at: Instant): readonly NodeCondition[] {
  let conditions = node.status?.conditions ?? []
  const ready = readyOf(conditions)
  if (silentAt > at) {
    const returned = seen.heard !== undefined && ready?.reason === 'NodeStatusUnknown'
    if (!returned) return conditions
    for (const { type } of conditions.filter(({ reason }) => reason === 'NodeStatusUnknown')) {
      conditions = withCondition(conditions, { ...HEARD[type], type, status: type === 'Ready' ? 'True' : 'False' }, at)
    }
    return conditions
  }
  const known = ready !== undefined
  const reason = known ? 'NodeStatusUnknown' : 'NodeStatusNeverUpdated'
  const message = known ? 'Kubelet stopped posting node status.' : 'Kubelet never posted node status.'
  for (const type of ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure']) {
    const old = conditionOf(conditions, type)
    if (old?.status === 'Unknown') continue
    const heartbeat = old?.lastHeartbeatTime ?? node.metadata.creationTimestamp
    const next = {
      type,
      status: 'Unknown',
      reason,
      message,
      ...(heartbeat === undefined ? {} : { lastHeartbeatTime: heartbeat }),
    }
    conditions = withCondition(conditions, next, at)
  }
  return conditions
}

const HEARD: Readonly<Record<string, { readonly reason: string; readonly message: string }>> = {
  Ready: { reason: 'KubeletReady', message: 'kubelet is posting ready status' },
  MemoryPressure: { reason: 'KubeletHasSufficientMemory', message: 'kubelet has sufficient memory available' },
  DiskPressure: { reason: 'KubeletHasNoDiskPressure', message: 'kubelet has no disk pressure' },
  PIDPressure: { reason: 'KubeletHasSufficientPID', message: 'kubelet has sufficient PID available' },
}

function spoken(node: Row<Node>, conditions: readonly NodeCondition[]): readonly Action[] {
  const was = readyOf(node.object.status?.conditions ?? [])?.status
  const is = readyOf(conditions)?.status
  if ((was === 'True') === (is === 'True')) return []
  const reason = is === 'True' ? 'NodeReady' : 'NodeNotReady'
  const message = `Node ${node.object.metadata.name ?? ''} status is now: ${reason}`
  return [eventAbout(node, { reason, message, source: SOURCE })]
}

function statusActions(node: Row<Node>, conditions: readonly NodeCondition[]): readonly Action[] {
  if (conditions === node.object.status?.conditions || equal(conditions, node.object.status?.conditions ?? []))
    return []
  const why = `Ready is ${readyOf(conditions)?.status ?? 'unknown'}`
  return [{ do: 'patch-status', target: targetOf(node), patch: { status: { conditions } }, why }]
}

/** Ours follow from the conditions; all others stay. Nothing is executed during a mass failure. */
function taintsOf(
  node: Node,
  conditions: readonly NodeCondition[],
  massFailure: boolean,
  at: Instant,
): readonly Taint[] {
  const old = node.spec?.taints ?? []
  const wanted: Taint[] = []
  for (const [type, status, key] of BY_CONDITION) {
    if (conditionOf(conditions, type)?.status !== status) continue
    wanted.push({ key, effect: 'NoSchedule' })
    if (type === 'Ready' && !massFailure) wanted.push({ key, effect: 'NoExecute' })
  }
  if (node.spec?.unschedulable === true) wanted.push({ key: UNSCHEDULABLE, effect: 'NoSchedule' })
  const same = (a: Taint, b: Taint): boolean => a.key === b.key && a.effect === b.effect
  const kept = old.filter((taint) => !OURS.has(taint.key) || wanted.some((next) => same(next, taint)))
  const added = wanted
    .filter((next) => !old.some((taint) => same(next, taint)))
    .map((next) => ({ ...next, timeAdded: printTime(at) }))
  return added.length === 0 && kept.length === old.length ? old : [...kept, ...added]
}

function taintActions(node: Row<Node>, taints: readonly Taint[]): readonly Action[] {
  const old = node.object.spec?.taints ?? []
  if (taints === old || equal(taints, old)) return []
  const patch = { spec: { taints: taints.length === 0 ? null : taints } }
  const why = `taints follow from the conditions: ${taints.map(({ key, effect }) => `${key}:${effect}`).join(', ') || 'none'}`
  return [{ do: 'patch', target: targetOf(node), patch, why }]
}

/** Nobody can say whether a pod on a silent node is ready: it gets no traffic. */
function unready(pod: Row<Pod>, at: Instant): readonly Action[] {
  const conditions = pod.object.status?.conditions ?? []
  const ready = conditionOf(conditions, 'Ready')
  if (ready?.status !== 'True') return []
  const next = conditions.map((condition) =>
    condition === ready ? { ...ready, status: 'False', lastTransitionTime: printTime(at) } : condition,
  )
  const why = `node ${pod.object.spec?.nodeName ?? ''} is not ready`
  return [
    { do: 'patch-status', target: targetOf(pod), patch: { status: { conditions: next } }, why },
    eventAbout(pod, { type: 'Warning', reason: 'NodeNotReady', message: 'Node is not ready', source: SOURCE }),
  ]
}

/** Pods go when they do not tolerate a NoExecute taint, at once or when their time is up. */
function evicted(seen: NodeSeen, taints: readonly Taint[], at: Instant): Plan {
  const executing = taints.filter(({ effect }) => effect === 'NoExecute')
  if (executing.length === 0) return NONE
  const actions: Action[] = []
  let again: Instant | undefined
  let count = 0
  for (const pod of seen.pods) {
    if (isBeingDeleted(pod.object)) continue
    const when = evictionTime(pod.object, executing, at)
    if (when === undefined) continue
    if (when > at || count >= BURST) {
      again = Math.min(again ?? Number.POSITIVE_INFINITY, Math.max(when, at + 1))
      continue
    }
    count++
    actions.push(...evict(pod, at))
  }
  return again === undefined ? { actions } : { actions, again }
}

/** undefined: never. */
function evictionTime(pod: Pod, taints: readonly Taint[], at: Instant): Instant | undefined {
  let earliest = Number.POSITIVE_INFINITY
  for (const taint of taints) {
    const tolerations = (pod.spec?.tolerations ?? []).filter((toleration) => tolerates(toleration, taint))
    if (tolerations.length === 0) return at
    const seconds = Math.min(...tolerations.map((one) => one.tolerationSeconds ?? Number.POSITIVE_INFINITY))
    const since = timeMs(taint.timeAdded ?? '') ?? at
    earliest = Math.min(earliest, since + Math.max(0, seconds) * 1000)
  }
  return Number.isFinite(earliest) ? earliest : undefined
}

function evict(pod: Row<Pod>, at: Instant): readonly Action[] {
  const { namespace = '', name = '' } = pod.object.metadata
  const reason = 'TaintManagerEviction'
  return [
    eventAbout(pod, {
      reason,
      message: `Marking for deletion Pod ${namespace}/${name}`,
      source: 'taint-eviction-controller',
    }),
    disrupted(pod, 'DeletionByTaintManager', 'Taint manager: deleting due to NoExecute taint', at),
    { do: 'delete', target: targetOf(pod), why: 'it does not tolerate a NoExecute taint of its node' },
  ]
}

function disrupted(pod: Row<Pod>, reason: string, message: string, at: Instant, phase?: 'Failed'): Action {
  const next = { type: 'DisruptionTarget', status: 'True', reason, message }
  const conditions = withCondition(pod.object.status?.conditions ?? [], next, at)
  const status = { conditions, ...(phase === undefined ? {} : { phase }) }
  return { do: 'patch-status', target: targetOf(pod), patch: { status }, why: message }
}

/** The node is gone, and nobody is left to say that its pods have stopped. */
function afterlife({ name, listeningSince, pods }: NodeSeen, at: Instant): Plan {
  if (pods.length === 0) return NONE
  const due = listeningSince + GRACE_MS
  if (due > at) return { actions: [], again: due }
  const actions = pods.slice(0, BURST).flatMap((pod): readonly Action[] => {
    const target = targetOf(pod)
    const gone: Action = { do: 'delete', target, graceSeconds: 0, why: `node ${name} is gone` }
    if (isFinished(pod.object)) return [gone]
    return [disrupted(pod, 'DeletionByPodGC', 'PodGC: node no longer exists', at, 'Failed'), gone]
  })
  return pods.length > BURST ? { actions, again: at } : { actions }
}

/** More than 55 % of the nodes, and more than two, or all of them: rather our line than theirs. */
export function isMassFailure(nodes: { readonly all: number; readonly silent: number }): boolean {
  if (nodes.silent === 0) return false
  return nodes.silent === nodes.all || (nodes.silent > 2 && nodes.silent / nodes.all > 0.55)
}
