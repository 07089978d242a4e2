/**
 * What a planner is. `seen` is one consistent view, the slice for the keys at hand; clock, randomness and ids
 * are arguments. Running a planner on the world its own plan made yields an empty plan.
 */
import type { K8sObject } from '../../schema/k8s/meta.ts'

/** milliseconds since the epoch */
export type Instant = number

export type Planner<Seen> = (seen: Seen, at: Instant) => Plan

export interface Plan {
  readonly actions: readonly Action[]
  /** run again for the same key at this time at the latest */
  readonly again?: Instant
}

/** Names an object in an action. `resource` as in the store: 'pods', 'replicasets.apps'. */
export interface Target {
  readonly resource: string
  readonly namespace: string
  readonly name: string
  readonly uid: string
  /** the revision it was seen at; the action is lost if it changed since */
  readonly atRevision: number
}

/** Every action says why: the reason becomes the Event, the log line and the line in the golden file. */
export type Action =
  | {
      readonly do: 'create'
      readonly resource: string
      readonly object: K8sObject
      readonly why: string
      readonly guards?: readonly Target[]
    }
  /** merge patch of the main resource */
  | {
      readonly do: 'patch'
      readonly target: Target
      readonly patch: Readonly<Record<string, unknown>>
      readonly why: string
      readonly guards?: readonly Target[]
    }
  /** merge patch of `/status` */
  | {
      readonly do: 'patch-status'
      readonly target: Target
      readonly patch: Readonly<Record<string, unknown>>
      readonly why: string
    }
  | { readonly do: 'bind'; readonly target: Target; readonly node: string; readonly why: string }
  | {
      readonly do: 'delete'
      readonly target: Target
      readonly propagation?: 'Background' | 'Foreground' | 'Orphan'
      readonly graceSeconds?: number
      readonly why: string
      readonly guards?: readonly Target[]
    }
  /** clears `kubernetes` from a namespace's spec.finalizers, through `/finalize` */
  | { readonly do: 'finalize'; readonly target: Target; readonly why: string }
  /** an Event about `target` (upstream's reason and message), coalesced by the loop */
  | {
      readonly do: 'event'
      readonly target: Target & { readonly kind: string; readonly apiVersion: string }
      readonly type: 'Normal' | 'Warning'
      readonly reason: string
      readonly message: string
      readonly source: string
    }
