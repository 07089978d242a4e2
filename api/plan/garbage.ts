/**
 * The garbage collector: what becomes of an object when its owners go. Background: dependents of an owner that is gone
 * are deleted. Foreground: an owner waits until the dependents that block it are gone. Orphan: dependents lose the
 * reference and stay.
 */
import type { OwnerReference } from '../../schema/k8s/meta.ts'
import type { Action, Plan } from './plan.ts'
import { isBeingDeleted, type Row, targetOf, type Thing } from './seen.ts'

/** A row and where it is stored; the collector does not know kinds. */
export interface Stored extends Row<Thing> {
  readonly resource: string
}

/** An owner that waits for its dependents, or lets go of them. */
export interface OwnerSeen {
  readonly owner: Stored
  /** at most as many as one plan handles, those with a reference to the owner */
  readonly dependents: readonly Stored[]
  /** more than `dependents` shows */
  readonly more: boolean
}

export type OwnerState =
  | 'solid'
  /** it is there and waits for its dependents (foreground) */
  | 'waiting'
  | 'absent'
  /** of a kind that is not served: nothing is known about it */
  | 'unknown'

/** An object whose owners are in question. */
export interface DependentSeen {
  readonly dependent: Stored
  /** by uid, one for each of its owner references */
  readonly owners: ReadonlyMap<string, OwnerState>
  /** something names it as its owner */
  readonly hasDependents: boolean
  /** one of those waits for its own dependents (foreground): owners may wait for each other in a circle */
  readonly dependentWaits: boolean
}

const FOREGROUND = 'foregroundDeletion'
const ORPHAN = 'orphan'

export function waitsForCollector(object: Thing): boolean {
  const finalizers = object.metadata.finalizers ?? []
  return isBeingDeleted(object) && (finalizers.includes(FOREGROUND) || finalizers.includes(ORPHAN))
}

export function planOwner({ owner, dependents, more }: OwnerSeen): Plan {
  if (!waitsForCollector(owner.object)) return { actions: [] }
  const { uid = '', name = '', finalizers = [] } = owner.object.metadata
  if (finalizers.includes(ORPHAN)) {
    const released = dependents.map((row) => letGo(row, [uid], `${name} is deleted, its dependents stay`))
    return { actions: [...released, ...(more ? [] : [without(owner, ORPHAN, 'its dependents are orphans')])] }
  }
  const blocking = dependents.filter(({ object }) =>
    ownersOf(object).some((reference) => reference.uid === uid && reference.blockOwnerDeletion === true),
  )
  if (blocking.length === 0 && !more) {
    return { actions: [without(owner, FOREGROUND, 'no dependent blocks it')] }
  }
  // Owners other than this one may keep a blocking dependent: its own plan decides, and it is asked to.
  return { actions: [] }
}

export function planDependent(seen: DependentSeen): Plan {
  const { dependent, owners, hasDependents, dependentWaits } = seen
  const references = ownersOf(dependent.object)
  if (references.length === 0 || isBeingDeleted(dependent.object)) return { actions: [] }
  const inState = (state: OwnerState): readonly OwnerReference[] =>
    references.filter(({ uid }) => (owners.get(uid) ?? 'unknown') === state)
  const absent = inState('absent')
  const waiting = inState('waiting')
  if (inState('unknown').length > 0 || (absent.length === 0 && waiting.length === 0)) return { actions: [] }
  if (inState('solid').length > 0) {
    const gone = [...absent, ...waiting].map(({ uid }) => uid)
    return { actions: [letGo(dependent, gone, 'other owners keep it')] }
  }
  const why = `its owner ${(waiting[0] ?? absent[0])?.name ?? ''} ${waiting.length > 0 ? 'is being deleted' : 'is gone'}`
  const policy = waiting.length > 0 && hasDependents ? 'Foreground' : ownPolicy(dependent.object)
  const end: Action = { do: 'delete', target: targetOf(dependent, dependent.resource), propagation: policy, why }
  return { actions: policy === 'Foreground' && dependentWaits ? [...unblocked(dependent), end] : [end] }
}

/** In a circle everybody would wait for ever: this one blocks its owners no longer. */
function unblocked(row: Stored): readonly Action[] {
  const references = ownersOf(row.object)
  if (!references.some(({ blockOwnerDeletion }) => blockOwnerDeletion === true)) return []
  const ownerReferences = references.map((reference) => ({ ...reference, blockOwnerDeletion: false }))
  const why = 'its dependents wait, too: it may not hold up its owners'
  return [{ do: 'patch', target: targetOf(row, row.resource), patch: { metadata: { ownerReferences } }, why }]
}

/** The finalizers an object was made with decide about its own dependents. */
function ownPolicy(object: Thing): 'Background' | 'Foreground' | 'Orphan' {
  const finalizers = object.metadata.finalizers ?? []
  if (finalizers.includes(ORPHAN)) return 'Orphan'
  return finalizers.includes(FOREGROUND) ? 'Foreground' : 'Background'
}

function ownersOf(object: Thing): readonly OwnerReference[] {
  return object.metadata.ownerReferences ?? []
}

function letGo(row: Stored, uids: readonly string[], why: string): Action {
  const kept = ownersOf(row.object).filter(({ uid }) => !uids.includes(uid))
  const patch = { metadata: { ownerReferences: kept.length === 0 ? null : kept } }
  return { do: 'patch', target: targetOf(row, row.resource), patch, why }
}

function without(row: Stored, finalizer: string, why: string): Action {
  const kept = (row.object.metadata.finalizers ?? []).filter((name) => name !== finalizer)
  const patch = { metadata: { finalizers: kept.length === 0 ? null : kept } }
  return { do: 'patch', target: targetOf(row, row.resource), patch, why }
}
