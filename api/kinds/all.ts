/** Every kind there is, in the order of discovery (which decides what an unqualified name means). */
import { configMap } from './config-map.ts'
import { deployment } from './deployment.ts'
import { endpointSlice } from './endpoint-slice.ts'
import { event } from './event.ts'
import type { Kind } from './kind.ts'
import { lease } from './lease.ts'
import { namespace } from './namespace.ts'
import { node } from './node.ts'
import { pod } from './pod.ts'
import { replicaSet } from './replica-set.ts'
import { secret } from './secret.ts'
import { service } from './service.ts'
import { serviceAccount } from './service-account.ts'

export const kinds: readonly Kind[] = [
  configMap,
  event,
  namespace,
  node,
  pod,
  secret,
  serviceAccount,
  service,
  deployment,
  replicaSet,
  lease,
  endpointSlice,
]

const byResource = new Map(kinds.map((kind) => [`${kind.group}/${kind.version}/${kind.plural}`, kind]))
const byStore = new Map(kinds.map((kind) => [kind.resource, kind]))
const byName = new Map(kinds.map((kind) => [`${apiVersionOf(kind)} ${kind.kind}`, kind]))

/** By its place in a URL: `kindByResource('apps', 'v1', 'deployments')`; the core group is ''. */
export function kindByResource(group: string, version: string, plural: string): Kind | undefined {
  return byResource.get(`${group}/${version}/${plural}`)
}

/** By the store's resource: `pods`, `deployments.apps`. */
export function kindByStore(resource: string): Kind | undefined {
  return byStore.get(resource)
}

/** By what an object says of itself: `kindByName('apps/v1', 'Deployment')`. */
export function kindByName(apiVersion: string, kind: string): Kind | undefined {
  return byName.get(`${apiVersion} ${kind}`)
}

/** `v1`, `apps/v1` */
export function apiVersionOf(kind: Pick<Kind, 'group' | 'version'>): string {
  return kind.group === '' ? kind.version : `${kind.group}/${kind.version}`
}
