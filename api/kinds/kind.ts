/**
 * A kind: what the generic registry must know of one built-in resource. One file a kind, one line in `all.ts`.
 * Everything here is pure: objects in, objects out; inputs are never changed.
 */
import type { K8sObject } from '../../schema/k8s/meta.ts'
import type { FieldError } from '../../schema/k8s/status.ts'

export interface Kind {
  readonly group: string
  readonly version: string
  /** 'Deployment' */
  readonly kind: string
  /** 'deployments' */
  readonly plural: string
  readonly singular: string
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly namespaced: boolean
  readonly verbs: readonly string[]
  /** the store's resource: 'pods', 'deployments.apps' */
  readonly resource: string
  /** has `/status`: the main resource keeps status, `/status` keeps the rest */
  readonly hasStatus: boolean
  /** has `/scale` (autoscaling/v1 Scale) */
  readonly scale?: {
    read(object: K8sObject): {
      readonly specReplicas: number
      readonly statusReplicas: number
      readonly selector: string
    }
    write(object: K8sObject, replicas: number): K8sObject
  }
  /** values are encrypted at rest */
  readonly sealed: boolean
  /** PUT may create (upstream's AllowCreateOnUpdate) and may come without resourceVersion (AllowUnconditionalUpdate) */
  readonly createOnUpdate: boolean
  readonly unconditionalUpdate: boolean
  /** text problems of a name, [] when it is good (upstream's ValidateXName) */
  nameProblems(name: string, isPrefix: boolean): readonly string[]
  /** Upstream's defaulting (`SetDefaults_X`); idempotent. Applied to every object decoded from a client. */
  defaults(object: K8sObject): K8sObject
  /** Before validation on create: drops status or sets the initial one (Pod: Pending, qosClass). */
  prepareCreate(object: K8sObject, at: string): K8sObject
  /** Before validation on update of the main resource: keeps old status and what clients may not change. */
  prepareUpdate(object: K8sObject, old: K8sObject): K8sObject
  /** On `/status`: old object with the new status (and the metadata upstream lets through). */
  prepareStatus(object: K8sObject, old: K8sObject): K8sObject
  validate(object: K8sObject): readonly FieldError[]
  /** immutable fields and transitions; `validate` runs too */
  validateUpdate(object: K8sObject, old: K8sObject): readonly FieldError[]
  validateStatus(object: K8sObject, old: K8sObject): readonly FieldError[]
  /** Does the change bump metadata.generation? Upstream: spec differs. Kinds without generation answer false. */
  bumpsGeneration(object: K8sObject, old: K8sObject): boolean
  /** generation 1 is set on create */
  readonly hasGeneration: boolean
  /** Values of the supported field selectors beside metadata.name and metadata.namespace. */
  fields(object: K8sObject): Readonly<Record<string, string>>
  /** names of all supported field selectors, metadata.* included */
  readonly fieldNames: readonly string[]
  /** index columns beside labels, uid and owner, which the registry fills in */
  index(object: K8sObject): { readonly nodeName?: string; readonly expiresAt?: number; readonly facts?: string }
  /** finalizers set at creation (Namespace: spec.finalizers instead, in prepareCreate) */
  readonly columns: readonly Column[]
  /** cells in the order of `columns`; `now` in milliseconds for ages */
  cells(object: K8sObject, now: number): readonly (string | number | boolean | null)[]
  /** row conditions (finished pods), upstream's */
  rowConditions?(
    object: K8sObject,
  ): readonly { readonly type: string; readonly status: string; readonly reason?: string; readonly message?: string }[]
  /** Grace on delete in seconds: pods answer >0, everything else 0 (upstream's CheckGracefulDelete). */
  grace(object: K8sObject, asked: number | undefined): number
  /** propagation when the client names none */
  readonly defaultPropagation: 'Background' | 'Orphan'
  /** warnings for a create or a spec change: stored fields that nothing acts on, deprecated ones */
  warnings(object: K8sObject, old: K8sObject | undefined): readonly string[]
  /** what README's table of support says */
  readonly support: { readonly acts: string; readonly storedOnly: readonly string[] }
}

export interface Column {
  readonly name: string
  readonly type: 'string' | 'integer' | 'date' | 'boolean' | 'number'
  /** 'name' for the first column */
  readonly format: string
  readonly description: string
  /** 0 always, 1 with -o wide */
  readonly priority: 0 | 1
}
