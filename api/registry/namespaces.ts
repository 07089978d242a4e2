/**
 * The namespace an object is created in: it must exist and must not be going away, at the moment of the
 * write. Its revision is remembered and sent as a guard, so a create costs no extra read, and a namespace that
 * began to terminate in between (a new revision) makes the group lose. The answer to the lost guard then
 * carries the namespace as it is: forget nothing, look again, decide.
 */
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { forbidden, notFound } from '../../schema/k8s/status.ts'
import type { Kind } from '../kinds/kind.ts'
import type { Cluster } from '../platform/port.ts'
import type { Guard, Key, Lost, Store, Stored } from '../store/store.ts'

interface Seen {
  readonly revision: number
  readonly terminating: boolean
}

/** At most this many namespaces are remembered per cluster; then the memory starts over. */
const MOST = 10_000
/** By `meta`, which all openings of one database in a process share: on workerd each request opens its store. */
const memory = new WeakMap<Store['meta'], Map<string, Seen>>()

/** The guard for a create of `kind` in `namespace`; refuses when the namespace is missing or terminating. */
export async function namespaceGuard(cluster: Cluster, kind: Kind, namespace: string, name: string): Promise<Guard> {
  const seen =
    memoryOf(cluster).get(namespace) ?? remember(cluster, namespace, await cluster.store.get(namespaceKey(namespace)))
  if (seen === undefined) throw notFound('namespaces', '', namespace)
  if (seen.terminating) {
    throw forbidden(
      kind.plural,
      kind.group,
      name,
      `unable to create new content in namespace ${namespace} because it is being terminated`,
      [
        {
          reason: 'NamespaceTerminating',
          message: `namespace ${namespace} is being terminated`,
          field: 'metadata.namespace',
        },
      ],
    )
  }
  return { key: namespaceKey(namespace), expect: seen.revision }
}

/** Takes note of a namespace guard that was lost; false when the loss is about something else. */
export function namespaceMoved(cluster: Cluster, lost: Lost): boolean {
  if (lost.key.resource !== 'namespaces') return false
  remember(cluster, lost.key.name, lost.current)
  return true
}

function memoryOf(cluster: Cluster): Map<string, Seen> {
  let namespaces = memory.get(cluster.store.meta)
  if (namespaces === undefined) memory.set(cluster.store.meta, (namespaces = new Map()))
  return namespaces
}

function remember(cluster: Cluster, name: string, stored: Stored | undefined): Seen | undefined {
  const namespaces = memoryOf(cluster)
  if (stored === undefined) {
    namespaces.delete(name)
    return undefined
  }
  if (namespaces.size >= MOST) namespaces.clear()
  const object = JSON.parse(stored.value) as K8sObject
  const seen = { revision: stored.revision, terminating: object.metadata.deletionTimestamp !== undefined }
  // A terminating one is not remembered: it may be gone and there again the next time somebody asks.
  if (seen.terminating) namespaces.delete(name)
  else namespaces.set(name, seen)
  return seen
}

function namespaceKey(name: string): Key {
  return { resource: 'namespaces', namespace: '', name }
}
