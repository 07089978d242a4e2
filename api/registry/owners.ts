/** Repeated owners are removed with a warning instead of being refused, as upstream does. */
import type { K8sObject } from '../../schema/k8s/meta.ts'

export function withoutRepeatedOwners(object: K8sObject, warn: ((text: string) => void) | undefined): K8sObject {
  const owners = object.metadata.ownerReferences
  if (owners === undefined || owners.length < 2) return object
  const seen = new Set<string>()
  const repeated = new Set<string>()
  const kept = owners.filter((owner) => {
    const { apiVersion, kind, name, uid, controller, blockOwnerDeletion } = owner
    const text = JSON.stringify([apiVersion, kind, name, uid, controller, blockOwnerDeletion])
    if (!seen.has(text)) return seen.add(text)
    repeated.add(uid)
    return false
  })
  if (repeated.size === 0) return object
  warn?.(
    `.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${[...repeated].join(', ')}`,
  )
  return { ...object, metadata: { ...object.metadata, ownerReferences: kept } }
}
