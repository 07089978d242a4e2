/**
 * What the garbage collector sees. Keys name an owner that waits for its dependents, or an object whose owners are in
 * question. Dependents are found through the owner index, which knows the controlling owner of an object, else its
 * first; who else owns something is remembered, and so is that most objects own nothing and need no look.
 */
import type { OwnerReference } from '../../schema/k8s/meta.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { kindByName } from '../kinds/all.ts'
import type { Kind } from '../kinds/kind.ts'
import {
  type DependentSeen,
  type OwnerSeen,
  type OwnerState,
  planDependent,
  planOwner,
  type Stored,
  waitsForCollector,
} from '../plan/garbage.ts'
import { equal } from '../plan/seen.ts'
import { type Changed, planned, type Planned } from './controller.ts'
import { mustKind } from './requests.ts'
import type { Reading } from './reading.ts'

/** Dependents an owner's plan handles; what is left comes with the changes those make. */
const AT_ONCE = 250
/** Dependents named because of one deletion. */
const MOST_DEPENDENTS = 50_000

type Seen = { readonly owner: OwnerSeen } | { readonly dependent: DependentSeen }

export function garbage(): Planned {
  const family = new Family()
  return planned<Seen>({
    name: 'garbage-collector',
    user: 'system:serviceaccount:kube-system:generic-garbage-collector',
    watches: { '*': (changed, view) => concerned(changed, view, family) },
    seed() {
      family.isComplete = false
      return Promise.resolve([])
    },
    async read(view, key) {
      const [role = '', resource = '', namespace = '', name = ''] = key.split(' ')
      const row = await view.get(resource, namespace, name)
      if (row === undefined) return undefined
      const stored = { ...row, resource }
      if (role === 'dependent') return { dependent: await dependentOf(view, stored) }
      return waitsForCollector(row.object) ? { owner: await ownerOf(view, stored, family) } : undefined
    },
    planner: (seen) => ('owner' in seen ? planOwner(seen.owner) : planDependent(seen.dependent)),
  })
}

/** Who owns something. All of it follows from the changes the loop has seen. */
class Family {
  /** false: the loop has not seen everything there is, so anybody may own something */
  isComplete = true
  readonly #owners = new Set<string>()
  /** owners that an object names behind the one in the index: keys of those objects */
  readonly #others = new Map<string, Set<string>>()

  saw(changed: Changed): void {
    const [now, before] = [changed.now(), changed.before()]
    const key = keyOf('dependent', changed)
    for (const uid of otherOwners(before)) this.#others.get(uid)?.delete(key)
    for (const { uid } of now?.metadata.ownerReferences ?? []) this.#owners.add(uid)
    for (const uid of otherOwners(now)) this.#others.set(uid, (this.#others.get(uid) ?? new Set()).add(key))
  }

  mayOwn(uid: string): boolean {
    return !this.isComplete || this.#owners.has(uid)
  }

  /** Keys of dependents the index does not know. */
  others(uid: string): Iterable<string> {
    return this.#others.get(uid) ?? []
  }

  forget(uid: string): void {
    this.#owners.delete(uid)
    this.#others.delete(uid)
  }
}

function otherOwners(object: K8sObject | undefined): readonly string[] {
  const references = object?.metadata.ownerReferences ?? []
  const first = references.find(({ controller }) => controller === true) ?? references[0]
  return references.filter((reference) => reference !== first).map(({ uid }) => uid)
}

async function concerned(changed: Changed, view: Reading, family: Family): Promise<readonly string[]> {
  // Most changes are of objects that belong to nobody and stay.
  const stays = changed.op !== 'delete' && !changed.mentions('deletionTimestamp')
  if (stays && !changed.mentions('ownerReferences')) return []
  const [now, before] = [changed.now(), changed.before()]
  family.saw(changed)
  const keys: string[] = []
  // Whoever owned it may wait for it, and whoever it names now may be gone already.
  if (!equal(now?.metadata.ownerReferences, before?.metadata.ownerReferences)) {
    if (now?.metadata.ownerReferences !== undefined) keys.push(keyOf('dependent', changed))
    for (const reference of before?.metadata.ownerReferences ?? []) keys.push(...ownerKey(reference, changed.namespace))
  } else if (changed.op === 'create' && now?.metadata.ownerReferences !== undefined) {
    keys.push(keyOf('dependent', changed))
  }
  const waits = now !== undefined && waitsForCollector(now)
  if (waits) keys.push(keyOf('owner', changed))
  const began = waits && (before === undefined || !waitsForCollector(before))
  const uid = (now ?? before)?.metadata.uid ?? ''
  if ((changed.op === 'delete' || began) && family.mayOwn(uid) && !isOrphaning(now)) {
    keys.push(...family.others(uid))
    if (changed.op === 'delete') family.forget(uid)
    for (const { key } of await view.owned(uid, MOST_DEPENDENTS)) keys.push(keyOf('dependent', key))
  }
  return keys
}

/** Its dependents only lose a reference: its own plan sees to that. */
function isOrphaning(object: K8sObject | undefined): boolean {
  return object?.metadata.finalizers?.includes('orphan') === true
}

function keyOf(
  role: 'owner' | 'dependent',
  { resource, namespace, name }: { readonly resource: string; readonly namespace: string; readonly name: string },
): string {
  return [role, resource, namespace, name].join(' ')
}

function ownerKey({ apiVersion, kind: name, name: owner }: OwnerReference, namespace: string): readonly string[] {
  const kind = kindByName(apiVersion, name)
  return kind === undefined ? [] : [keyOf('owner', placeOf(kind, namespace, owner))]
}

function placeOf(kind: Kind, namespace: string, name: string): { resource: string; namespace: string; name: string } {
  return { resource: kind.resource, namespace: kind.namespaced ? namespace : '', name }
}

async function ownerOf(view: Reading, owner: Stored, family: Family): Promise<OwnerSeen> {
  const uid = owner.object.metadata.uid ?? ''
  const found = await view.owned(uid, AT_ONCE + 1)
  const keys = found.slice(0, AT_ONCE).map(({ key }) => keyOf('dependent', key))
  const dependents: Stored[] = []
  await Promise.all(
    [...new Set([...keys, ...family.others(uid)])].map(async (key) => {
      const [, resource = '', namespace = '', name = ''] = key.split(' ')
      const row = await view.get(resource, namespace, name)
      const owned = row?.object.metadata.ownerReferences?.some((reference) => reference.uid === uid) === true
      if (row !== undefined && owned) dependents.push({ ...row, resource })
    }),
  )
  return { owner, dependents, more: found.length > AT_ONCE }
}

async function dependentOf(view: Reading, dependent: Stored): Promise<DependentSeen> {
  const { metadata } = dependent.object
  const owners = new Map<string, OwnerState>()
  for (const reference of metadata.ownerReferences ?? []) {
    owners.set(reference.uid, await stateOf(view, dependent, reference))
  }
  if (![...owners.values()].includes('waiting'))
    return { dependent, owners, hasDependents: false, dependentWaits: false }
  const own = await view.owned(metadata.uid ?? '', AT_ONCE)
  const rows = await Promise.all(own.map(({ key }) => view.get(key.resource, key.namespace, key.name)))
  const dependentWaits = rows.some((row) => row !== undefined && waitsForDependents(row.object))
  return { dependent, owners, hasDependents: own.length > 0, dependentWaits }
}

function waitsForDependents(object: K8sObject): boolean {
  return waitsForCollector(object) && object.metadata.finalizers?.includes('foregroundDeletion') === true
}

async function stateOf(view: Reading, dependent: Stored, reference: OwnerReference): Promise<OwnerState> {
  const kind = kindByName(reference.apiVersion, reference.kind)
  if (kind === undefined) return 'unknown'
  // Nothing at cluster scope can belong to something in a namespace; upstream leaves it alone, too.
  if (kind.namespaced && !mustKind(dependent.resource).namespaced) return 'unknown'
  const { resource, namespace, name } = placeOf(kind, dependent.object.metadata.namespace ?? '', reference.name)
  const row = await view.get(resource, namespace, name)
  if (row === undefined || row.object.metadata.uid !== reference.uid) return 'absent'
  return waitsForDependents(row.object) ? 'waiting' : 'solid'
}
