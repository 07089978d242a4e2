/** What every cluster has from its first start: four namespaces, and the Service that names the API inside it. */
import { isRefusal } from '../../schema/k8s/status.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import type { Cluster } from '../platform/port.ts'
import { create } from '../registry/create.ts'
import type { Key } from '../store/store.ts'
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

/** One read when all is there. */
export async function bootstrap(cluster: Cluster): Promise<void> {
  const wanted = [...NAMESPACES, API]
  const found = await cluster.store.getMany(wanted.map(({ key }) => key))
  for (const [at, { key, object }] of wanted.entries()) {
    if (found[at] !== undefined) continue
    try {
      await create(requestOf(cluster, USER, 'create', key), object)
    } catch (error) {
      // Another control plane starts at the same time.
      if (!isRefusal(error, 'AlreadyExists')) throw error
    }
  }
}
