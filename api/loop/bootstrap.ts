/**
 * What every cluster has: four namespaces, and the Service that names the API inside it. Made at the first start, and
 * again by a controller when somebody deletes one, as upstream's apiserver does.
 */
import { isRefusal } from '../../schema/k8s/status.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import type { Plan } from '../plan/plan.ts'
import type { Cluster } from '../platform/port.ts'
import { create } from '../registry/create.ts'
import type { Key } from '../store/store.ts'
import { type Planned, planned, type Watch } from './controller.ts'
import { textOf } from './reading.ts'
import { requestOf } from './requests.ts'

const USER = 'system:apiserver'
/** Kept free of other Services by the allocator of addresses. */
const API_ADDRESS = '10.96.0.1'

const NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease'].map((name): Wanted => ({
  key: { resource: 'namespaces', namespace: '', name },
  object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
}))

const API: Wanted = {
  key: { resource: 'services', namespace: 'default', name: 'kubernetes' },
  object: {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      labels: { component: 'apiserver', provider: 'kubernetes' },
    },
    spec: {
      type: 'ClusterIP',
      clusterIP: API_ADDRESS,
      clusterIPs: [API_ADDRESS],
      ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: 6443 }],
    },
  },
}

interface Wanted {
  readonly key: Key
  readonly object: K8sObject
}

const WANTED = new Map([...NAMESPACES, API].map((wanted) => [textOf(wanted.key), wanted]))

/** One read when all is there. */
export async function bootstrap(cluster: Cluster): Promise<void> {
  const found = await cluster.store.getMany([...WANTED.values()].map(({ key }) => key))
  for (const [at, { key, object }] of [...WANTED.values()].entries()) {
    if (found[at] !== undefined) continue
    try {
      await create(requestOf(cluster, USER, 'create', key), object)
    } catch (error) {
      // Another control plane starts at the same time.
      if (!isRefusal(error, 'AlreadyExists')) throw error
    }
  }
}

/** Makes again what somebody deleted. */
export function standing(): Planned {
  const gone: Watch = (changed) => {
    const text = textOf(changed)
    return changed.op === 'delete' && WANTED.has(text) ? [text] : []
  }
  return planned<Wanted>({
    name: 'standing',
    user: USER,
    watches: { services: gone, namespaces: gone },
    async read(view, text) {
      const wanted = WANTED.get(text)
      if (wanted === undefined) return undefined
      const { resource, namespace, name } = wanted.key
      return (await view.get(resource, namespace, name)) === undefined ? wanted : undefined
    },
    planner: ({ key, object }): Plan => ({
      actions: [{ do: 'create', resource: key.resource, object, why: 'every cluster has it' }],
    }),
  })
}
