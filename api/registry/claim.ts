/**
 * Addresses and ports that only one Service may hold: a record of the control plane per value, written and
 * removed in the same group as the Service, so two Services can never end up with the same one.
 */
import type { K8sObject } from '../../schema/k8s/meta.ts'
import type { Cluster } from '../platform/port.ts'
import type { Effect, Key } from '../store/store.ts'

export const CLUSTER_IP = '~clusterip'
export const NODE_PORT = '~nodeport'

export function claimKey(resource: string, value: string): Key {
  return { resource, namespace: '', name: value }
}

/** Loses its group when somebody else holds the value. */
export function claim(resource: string, value: string, holder: K8sObject): Effect {
  const { namespace = '', name = '', uid = '' } = holder.metadata
  return {
    op: 'put',
    key: claimKey(resource, value),
    expect: 'absent',
    value: JSON.stringify({ namespace, name, uid }),
    index: {},
  }
}

/** Removes records this object holds. One that is missing, or that names another holder, is left alone. */
export async function release(cluster: Cluster, keys: readonly Key[], holder: K8sObject): Promise<readonly Effect[]> {
  if (keys.length === 0) return []
  const stored = await cluster.store.getMany(keys)
  return stored.flatMap((record) =>
    record !== undefined && (JSON.parse(record.value) as { uid?: string }).uid === holder.metadata.uid
      ? [{ op: 'delete' as const, key: record.key, expect: record.revision }]
      : [],
  )
}
