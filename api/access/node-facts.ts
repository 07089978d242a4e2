/**
 * Is what a node asks for its own? Read from the store for each request at the API's door; agents themselves use
 * another one, so this is rare. A credential whose Node is gone, or was made anew, owns nothing.
 */
import type { Pod } from '../../schema/k8s/generated/types.ts'
import { fieldSelectorTerms } from './narrowed.ts'
import type { NodeFacts } from './node-rules.ts'
import { referencesOf } from './references.ts'
import type { Known } from './request.ts'
import { nodeUidOf } from './user.ts'

/** A node runs some hundred pods; what it asks for beyond this many in one namespace is refused. */
const PODS_LOOKED_AT = 1_000

export interface Narrowed {
  /** of a list or watch, as the client sent it */
  readonly fieldSelector?: string | undefined
}

export async function factsOf(node: string, known: Known, narrowed: Narrowed): Promise<NodeFacts> {
  const present = await stillThere(node, known)
  return { present, own: present && (await ownsIt(node, known, narrowed)), door: 'api' }
}

async function ownsIt(node: string, known: Known, narrowed: Narrowed): Promise<boolean> {
  const name = nameOf(known, narrowed)
  switch (known.resource) {
    case 'nodes':
      return name === node
    case 'pods':
      return known.verb === 'get'
        ? ownsPod(node, known)
        : fieldSelectorTerms(narrowed.fieldSelector).get('spec.nodeName') === node
    case 'secrets':
    case 'configmaps':
      return name !== undefined && usesIt(node, known, name)
    case 'leases':
      return known.namespace === 'kube-node-lease' && name === node
    default:
      return false
  }
}

/** The one object meant: by the path, or by a field selector, as clients watch a single object. */
function nameOf(known: Known, narrowed: Narrowed): string | undefined {
  return known.name ?? fieldSelectorTerms(narrowed.fieldSelector).get('metadata.name')
}

async function stillThere(node: string, known: Known): Promise<boolean> {
  const stored = await known.cluster.store.get({ resource: 'nodes', namespace: '', name: node })
  if (stored === undefined) return false
  return (JSON.parse(stored.value) as Pod).metadata?.uid === nodeUidOf(known.user)
}

async function ownsPod(node: string, known: Known): Promise<boolean> {
  const { name = '', namespace = '' } = known
  const stored = await known.cluster.store.get({ resource: 'pods', namespace, name })
  return stored !== undefined && (JSON.parse(stored.value) as Pod).spec?.nodeName === node
}

async function usesIt(node: string, known: Known, name: string): Promise<boolean> {
  if (known.namespace === undefined) return false
  const page = await known.cluster.store.list({
    resource: 'pods',
    namespace: known.namespace,
    where: { nodeName: node },
    limit: PODS_LOOKED_AT,
  })
  if ('expired' in page) return false
  return page.items.some((item) => {
    const references = referencesOf(JSON.parse(item.value) as Pod)
    return (known.resource === 'secrets' ? references.secrets : references.configMaps).has(name)
  })
}
