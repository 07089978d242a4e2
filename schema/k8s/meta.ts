// The part every Kubernetes object shares, as generic code sees it.
import type { ObjectMeta } from './generated/types.ts'

export type { LabelSelector, ListMeta, ManagedFieldsEntry, ObjectMeta, OwnerReference } from './generated/types.ts'

/**
 * Any object. The generated types (Pod, Deployment, ...) are assignable to it; the way back is a
 * cast at the place that knows the kind.
 */
export interface K8sObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: ObjectMeta
  readonly [field: string]: unknown
}
