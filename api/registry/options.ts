/** Arguments of the registry verbs, parsed once from query and body by `api/http`. */
import type { K8sObject } from '../../schema/k8s/meta.ts'
import type { DueChange, Effect, Guard } from '../store/store.ts'

/** An object as it stands in the store, resourceVersion included in `object.metadata`. */
export interface Held {
  readonly object: K8sObject
  readonly revision: number
  /** stored text, without resourceVersion */
  readonly text: string
}

export interface WriteOptions {
  readonly dryRun?: boolean
  readonly fieldManager?: string
  /** guards that join the group: the pass epoch, the owner, the namespace at the revision read */
  readonly guards?: readonly Guard[]
  /** the control plane's own records that are written or lost together with the object: a join token used up */
  readonly effects?: readonly Effect[]
  readonly due?: readonly DueChange[]
  readonly lane?: 'first' | 'normal' | 'last'
  /** The caller already holds the current object: saves the read; a conflict is answered, not retried. */
  readonly held?: Held
  /** collects `Warning:` texts */
  readonly warn?: (text: string) => void
}

export interface DeleteOptions extends WriteOptions {
  readonly gracePeriodSeconds?: number
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan'
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
}

export interface ListOptions {
  readonly labelSelector?: string
  readonly fieldSelector?: string
  readonly limit?: number
  readonly continue?: string
  readonly resourceVersion?: string
  readonly resourceVersionMatch?: string
}

export interface WatchOptions extends ListOptions {
  readonly allowWatchBookmarks?: boolean
  readonly sendInitialEvents?: boolean
  readonly timeoutSeconds?: number
}
