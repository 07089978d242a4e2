/**
 * Each node's range of pod addresses: a /24, held by a record `~podcidr/<n>` that is written in the group which creates
 * the Node, so two nodes never get the same. Numbers go up; those of Nodes that are gone are used again when no fresh
 * one is left, so that an address is not met again soon.
 *
 * The first 256 lie in 10.244.0.0/16, upstream's habit; clusters with more nodes go on in 10.128.0.0/10.
 */
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { serviceUnavailable } from '../../schema/k8s/status.ts'
import type { Cluster } from '../platform/port.ts'
import type { Effect } from '../store/store.ts'

const RESOURCE = '~podcidr'
const FIRST_RANGE = 256
/** 10.128.0.0/10 has 64 times 256 of them. */
export const MOST_RANGES = FIRST_RANGE + 64 * 256
const PAGE = 500

/** Read once; from then on nodes that register need no read, and never try for the same number. */
const nextFresh = new WeakMap<Cluster, number>()

export interface Range {
  readonly podCIDR: string
  /** loses its group when another node took the number */
  readonly take: Effect
}

export function rangeOf(number: number): string {
  if (number < FIRST_RANGE) return `10.244.${number}.0/24`
  const rest = number - FIRST_RANGE
  return `10.${128 + (rest >> 8)}.${rest & 255}.0/24`
}

/**
 * A free range for this node. `lost`: the last one was lost to somebody else, so what is held is read anew, in at most
 * `MOST_RANGES / 500` pages.
 */
export async function freeRange(cluster: Cluster, node: string, lost = false): Promise<Range> {
  const fresh = nextFresh.get(cluster)
  if (fresh !== undefined && fresh < MOST_RANGES && !lost) {
    nextFresh.set(cluster, fresh + 1)
    return range(fresh, node, 'absent')
  }
  const held = await heldRanges(cluster)
  let number = nextFresh.get(cluster) ?? 0
  for (const taken of held.keys()) number = Math.max(number, taken + 1)
  nextFresh.set(cluster, number + 1)
  for (let hole = 0; number >= MOST_RANGES && hole < MOST_RANGES; hole++) if (!held.has(hole)) number = hole
  if (number < MOST_RANGES) return range(number, node, 'absent')
  for (const [taken, record] of held) {
    const stored = await cluster.store.get({ resource: 'nodes', namespace: '', name: record.node })
    const spec = stored === undefined ? undefined : (JSON.parse(stored.value) as K8sObject)['spec']
    if ((spec as { podCIDR?: string } | undefined)?.podCIDR !== rangeOf(taken))
      return range(taken, node, record.revision)
  }
  throw serviceUnavailable(`no pod range is left: ${MOST_RANGES} nodes hold one each`)
}

interface Held {
  readonly node: string
  readonly revision: number
}

async function heldRanges(cluster: Cluster): Promise<ReadonlyMap<number, Held>> {
  const held = new Map<number, Held>()
  for (let after: { namespace: string; name: string } | undefined, more = true; more;) {
    const page = await cluster.store.index({ resource: RESOURCE, limit: PAGE, after })
    for (const { key, revision, nodeName } of page.rows) held.set(Number(key.name), { node: nodeName ?? '', revision })
    const last = page.rows.at(-1)
    more = page.more && last !== undefined
    after = last?.key
  }
  return held
}

function range(number: number, node: string, expect: 'absent' | number): Range {
  const key = { resource: RESOURCE, namespace: '', name: String(number) }
  const take: Effect = { op: 'put', key, expect, value: JSON.stringify({ node }), index: { nodeName: node } }
  return { podCIDR: rangeOf(number), take }
}
