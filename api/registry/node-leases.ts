/**
 * The Leases of `kube-node-lease`: upstream each kubelet renews one, here they are a view. An agent is heard by its
 * poll, which costs no write; who asks for a Lease is shown when that was. A node that was not heard since this control
 * plane began to listen has none. They are read only, and come last in a list, beyond its limit if it has one.
 */
import { printMicroTime } from '../../schema/k8s/time.ts'
import type { Allowed } from '../access/request.ts'
import type { Kind } from '../kinds/kind.ts'
import type { Cluster } from '../platform/port.ts'
import type { Stored } from '../store/store.ts'
import { Item, storedText } from './item.ts'
import type { Listing } from './list.ts'
import type { Selection } from './selection.ts'

const LEASES = 'leases.coordination.k8s.io'
const NODE_LEASES = 'kube-node-lease'
/** What a kubelet says; a node that is silent for so long is not Ready. */
const DURATION_S = 40
const PAGE = 1000

/** Is everything of this kind and namespace a view, which nobody writes? */
export function isView(kind: Kind, namespace: string | undefined): boolean {
  return kind.resource === LEASES && namespace === NODE_LEASES
}

/** Are some in a list of this kind and namespace, or of all of them? */
export function hasViews(kind: Kind, namespace: string | undefined): boolean {
  return kind.resource === LEASES && (namespace === undefined || namespace === NODE_LEASES)
}

/** undefined when there is no such node, or it was not heard. */
export async function nodeLease({ cluster }: Allowed, name: string): Promise<Item | undefined> {
  const heard = (await cluster.live.snapshot()).nodes.get(name)
  if (heard === undefined) return undefined
  const node = await cluster.store.get({ resource: 'nodes', namespace: '', name })
  return node === undefined ? undefined : leaseOf(node, heard)
}

/** The listing, and behind its last page the Leases of nodes it is about. */
export function withNodeLeases({ cluster }: Allowed, kind: Kind, selection: Selection, listing: Listing): Listing {
  if (!hasViews(kind, selection.namespace) || listing.continue !== undefined) return listing
  return {
    ...listing,
    async *pages() {
      yield* listing.pages()
      for await (const items of nodeLeases(cluster)) yield items.filter((item) => isSelected(selection, item))
    },
  }
}

function isSelected(selection: Selection, item: Item): boolean {
  const { name = '' } = item.object.metadata
  if (!selection.key({ resource: LEASES, namespace: NODE_LEASES, name })) return false
  return !selection.filters || selection.matches(item)
}

async function* nodeLeases({ live, store }: Cluster): AsyncGenerator<readonly Item[]> {
  const { nodes } = await live.snapshot()
  if (nodes.size === 0) return
  for (let after: Stored['key'] | undefined; ;) {
    const page = await store.list({ resource: 'nodes', limit: PAGE, ...(after === undefined ? {} : { after }) })
    if ('expired' in page) return
    yield page.items.flatMap((node) => {
      const heard = nodes.get(node.key.name)
      return heard === undefined ? [] : [leaseOf(node, heard)]
    })
    after = page.items.at(-1)?.key
    if (!page.more || after === undefined) return
  }
}

function leaseOf(node: Stored, heard: number): Item {
  const { name = '', uid = '', creationTimestamp } = Item.of(node).object.metadata
  const text = storedText({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: {
      name,
      namespace: NODE_LEASES,
      uid,
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid }],
    },
    spec: { holderIdentity: name, leaseDurationSeconds: DURATION_S, renewTime: printMicroTime(heard) },
  })
  return new Item(text, node.revision)
}
