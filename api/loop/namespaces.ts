/** What the namespace planner sees: the namespace, what every living one has, and, at its end, what is still inside. */
import type { ConfigMap, Namespace, ServiceAccount } from '../../schema/k8s/generated/types.ts'
import { kinds } from '../kinds/all.ts'
import { type Contents, type NamespaceSeen, planNamespace } from '../plan/namespace.ts'
import { isBeingDeleted } from '../plan/seen.ts'
import { type Changed, planned, type Planned } from './controller.ts'
import type { Reading } from './reading.ts'

/** Objects of one resource that one plan deletes. */
const AT_ONCE = 100

const MOST_NAMESPACES = 100_000
const GO_ON_MS = 50
const LOOK_AGAIN_MS = 15_000

const INSIDE = kinds
  .filter(({ namespaced, verbs }) => namespaced && verbs.includes('delete'))
  .map((kind) => kind.resource)
const ROOT_CERTIFICATE = 'kube-root-ca.crt'

export function namespaces(): Planned {
  /** Only these care about what happens to their contents. */
  const ending = new Map<string, boolean>()

  function inside(changed: Changed): readonly string[] {
    const { namespace, name, resource } = changed
    if (namespace === '') return []
    const furniture =
      (resource === 'serviceaccounts' && name === 'default') || (resource === 'configmaps' && name === ROOT_CERTIFICATE)
    if (furniture) return changed.op === 'create' ? [] : [namespace]
    // Asked first: most namespaces stay, and then no object is parsed for it.
    if (ending.get(namespace) === false) return []
    return changed.op === 'delete' || isBeingDeletedNow(changed) ? [namespace] : []
  }

  async function contents(view: Reading, namespace: string): Promise<readonly Contents[]> {
    return Promise.all(
      INSIDE.map(async (resource) => ({
        resource,
        rows: (await view.list({ resource, namespace, limit: AT_ONCE })).rows,
      })),
    )
  }

  return planned<NamespaceSeen>({
    name: 'namespace',
    user: 'system:serviceaccount:kube-system:namespace-controller',
    watches: {
      namespaces({ name, op }) {
        if (op === 'delete') ending.delete(name)
        return op === 'delete' ? [] : [name]
      },
      '*': inside,
    },
    async seed(view) {
      const { rows } = await view.list<Namespace>({ resource: 'namespaces', limit: MOST_NAMESPACES })
      const names: string[] = []
      for (const { object } of rows) {
        const { name = '' } = object.metadata
        ending.set(name, isBeingDeleted(object))
        if (isBeingDeleted(object)) names.push(name)
      }
      return names
    },
    async read(view, name) {
      const namespace = await view.get<Namespace>('namespaces', '', name)
      if (namespace === undefined) return undefined
      const isEnding = isBeingDeleted(namespace.object)
      ending.set(name, isEnding)
      const { caPem } = view.cluster.keys
      if (isEnding) {
        const found = await contents(view, name)
        return { namespace, serviceAccount: undefined, rootCertificate: undefined, caPem, contents: found }
      }
      const [serviceAccount, rootCertificate] = await Promise.all([
        view.get<ServiceAccount>('serviceaccounts', name, 'default'),
        view.get<ConfigMap>('configmaps', name, ROOT_CERTIFICATE),
      ])
      return { namespace, serviceAccount, rootCertificate, caPem, contents: [] }
    },
    planner(seen, at) {
      const plan = planNamespace(seen, at)
      if (!seen.contents.some(({ rows }) => rows.length > 0)) return plan
      // Deletions wake this planner, those of Events do not: nobody watches them.
      const quiet = plan.actions.some((action) => action.do === 'delete' && action.target.resource === 'events')
      return { ...plan, again: at + (quiet ? GO_ON_MS : LOOK_AGAIN_MS) }
    },
  })
}

function isBeingDeletedNow(changed: Changed): boolean {
  const now = changed.now()
  return now !== undefined && isBeingDeleted(now)
}
