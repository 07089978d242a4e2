/** Requests of the control plane's own parts: the way to a registry verb, as whoever the write is recorded for. */
import { systemAllowed } from '../access/authorize.ts'
import type { Allowed, Verb } from '../access/request.ts'
import { kindByStore } from '../kinds/all.ts'
import type { Kind } from '../kinds/kind.ts'
import type { Cluster } from '../platform/port.ts'
import type { Key } from '../store/store.ts'

export function requestOf(cluster: Cluster, user: string, verb: Verb, key: Key, subresource?: string): Allowed {
  const { group, version, plural, namespaced } = mustKind(key.resource)
  return systemAllowed(cluster, user, {
    verb,
    group,
    version,
    resource: plural,
    namespace: namespaced ? key.namespace : undefined,
    name: key.name,
    subresource,
  })
}

export function mustKind(resource: string): Kind {
  const kind = kindByStore(resource)
  if (kind === undefined) throw new Error(`a plan names the resource ${resource}, which is not served`)
  return kind
}
