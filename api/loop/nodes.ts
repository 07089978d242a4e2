/**
 * What the planner of nodes sees: the Node, when its agent was last heard of, and its pods when something is wrong. A
 * node that is as it should be costs no read when its time comes: who was heard is memory, and so is how it looked.
 */
import type { Node, Pod } from '../../schema/k8s/generated/types.ts'
import { conditionOf } from '../plan/conditions.ts'
import { GRACE_MS, isMassFailure, type NodeSeen, planNode } from '../plan/node-lifecycle.ts'
import type { Instant, Plan } from '../plan/plan.ts'
import { planned, type Planned } from './controller.ts'
import type { Reading } from './reading.ts'

const MOST_NODES = 50_000
/** Pods read for one plan; what is left is the next plan's. */
const MOST_PODS = 1_000

type Seen = { readonly fineUntil: Instant } | NodeSeen

export function nodes(): Planned {
  /** by name: was the node as it should be when it was planned last, and did it not change since? */
  const known = new Map<string, 'fine' | 'look'>()
  const goneSince = new Map<string, Instant>()
  /** nodes that say they are not ready, and whether that is most of them: a change of that concerns all of these */
  const away = new Set<string>()
  let mostAway = false

  function saw(name: string, node: Node | undefined): readonly string[] {
    if (node === undefined || isReady(node)) away.delete(name)
    else away.add(name)
    const most = isMassFailure({ all: known.size, silent: away.size })
    if (most === mostAway) return [name]
    mostAway = most
    return [name, ...away]
  }

  /** Counted once for all keys that are planned together: each of thousands that fall silent at once would count them all. */
  const silent = new WeakMap<Reading, number>()
  function silentIn(view: Reading, silentAt: (node: string) => Instant): number {
    const counted = silent.get(view)
    if (counted !== undefined) return counted
    const now = view.cluster.clock.now()
    let count = 0
    for (const name of known.keys()) if (silentAt(name) <= now) count++
    silent.set(view, count)
    return count
  }

  return planned<Seen>({
    name: 'node-lifecycle',
    user: 'system:serviceaccount:kube-system:node-controller',
    watches: {
      nodes(changed, view) {
        const { op, name } = changed
        if (op === 'delete') {
          known.delete(name)
          goneSince.set(name, view.cluster.clock.now())
        } else {
          known.set(name, 'look')
          goneSince.delete(name)
        }
        return saw(name, changed.now() as unknown as Node | undefined)
      },
      // A pod bound to a node that is not there is nobody's.
      pods(changed) {
        const node = nodeOf(changed.now())
        if (node === '' || known.has(node)) return []
        return node === nodeOf(changed.before()) ? [] : [node]
      },
    },
    async seed(view) {
      const { rows } = await view.list<Node>({ resource: 'nodes', limit: MOST_NODES })
      for (const { object } of rows) {
        known.set(object.metadata.name ?? '', 'look')
        saw(object.metadata.name ?? '', object)
      }
      return known.keys()
    },
    async read(view, name) {
      const { since, nodes: heardOf } = await view.cluster.live.snapshot()
      const now = view.cluster.clock.now()
      const silentAt = (node: string): Instant => Math.max(heardOf.get(node) ?? 0, since) + GRACE_MS
      if (known.get(name) === 'fine' && silentAt(name) > now) return { fineUntil: silentAt(name) }
      const node = await view.get<Node>('nodes', '', name)
      const fine = node !== undefined && isFine(node.object) && silentAt(name) > now
      if (node !== undefined) known.set(name, 'look')
      const pods = fine ? [] : await podsOn(view, name)
      if (node === undefined && pods.length === 0) {
        goneSince.delete(name)
        return undefined
      }
      if (node === undefined && !goneSince.has(name)) goneSince.set(name, now)
      return {
        name,
        node,
        heard: heardOf.get(name),
        listeningSince: node === undefined ? (goneSince.get(name) ?? now) : since,
        // It only matters for a node that is not well.
        massFailure: !fine && isMassFailure({ all: known.size, silent: silentIn(view, silentAt) }),
        pods,
      }
    },
    planner(seen, at): Plan {
      if ('fineUntil' in seen) return { actions: [], again: seen.fineUntil }
      const plan = planNode(seen, at)
      // Only when nothing is left to write: a write that was lost must be planned again.
      if (plan.actions.length === 0 && seen.node !== undefined && isFine(seen.node.object)) known.set(seen.name, 'fine')
      return plan
    },
  })
}

async function podsOn(view: Reading, nodeName: string): Promise<NodeSeen['pods']> {
  return (await view.list<Pod>({ resource: 'pods', limit: MOST_PODS, where: { nodeName } })).rows
}

function isReady({ status }: Pick<Node, 'status'>): boolean {
  return conditionOf(status?.conditions, 'Ready')?.status === 'True'
}

/** Ready, and nothing on it that drives pods away. */
function isFine(node: Node): boolean {
  return isReady(node) && !(node.spec?.taints ?? []).some(({ effect }) => effect === 'NoExecute')
}

function nodeOf(object: unknown): string {
  return (object as Pod | undefined)?.spec?.nodeName ?? ''
}
