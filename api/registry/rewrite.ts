/**
 * The one loop behind update, patch, status, scale, binding, eviction and finalize: read, compute the next
 * state, settle it by the rules of its part, write it if nothing changed in between, else look again.
 */
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { badRequest, conflict, type FieldError, invalid, type Refusal } from '../../schema/k8s/status.ts'
import type { Allowed } from '../access/request.ts'
import type { Kind } from '../kinds/kind.ts'
import { metadataErrors } from '../kinds/metadata.ts'
import type { Effect, Lost } from '../store/store.ts'
import { admitUpdate } from './admit.ts'
import { commit, groupOf } from './commit.ts'
import { releaseAll } from './delete.ts'
import { deepEqual } from './equal.ts'
import { find, missing } from './get.ts'
import { indexOf, Item, keyOf, storedText, withRevision } from './item.ts'
import type { WriteOptions } from './options.ts'
import { withoutRepeatedOwners } from './owners.ts'

const MOST_ATTEMPTS = 20

export interface Rewrite {
  /** Which rules hold: `main` keeps status, `status` keeps the rest, `free` is the server's own change. */
  readonly part: 'main' | 'status' | 'free'
  /** The next state, from the one stored. Called again after a conflict. */
  next(held: Item): K8sObject | Promise<K8sObject>
  /** How often a conflict is tried again; the state a client named itself is tried once. */
  readonly attempts: number
  /** Decides instead of the finalizers whether a settled object is to be removed now. */
  readonly removes?: (next: K8sObject, old: K8sObject) => boolean
}

export async function rewrite(
  request: Allowed,
  kind: Kind,
  change: Rewrite,
  options: WriteOptions = {},
): Promise<Item> {
  const { cluster } = request
  let held: Item =
    options.held === undefined
      ? ((await find(request, kind)) ?? missing(request, kind))
      : new Item(options.held.text, options.held.revision, options.held.object)
  // However often addresses are taken in between, the loop ends.
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
    const old = held.object
    const wanted = await change.next(held)
    checkRevision(kind, wanted, held)
    const settled = settle(request, kind, change, withoutRepeatedOwners(wanted, options.warn), old)
    const admitted = change.part === 'main' ? await admitUpdate(request, kind, settled, old) : undefined
    const object = admitted?.object ?? settled
    const problems = problemsOf(kind, change.part, object, old)
    if (problems.length > 0) throw invalid(kind.kind, kind.group, old.metadata.name ?? '', problems)
    if (options.warn !== undefined && change.part === 'main') {
      for (const warning of kind.warnings(object, old)) options.warn(warning)
    }

    const key = keyOf(kind, old.metadata.namespace, old.metadata.name ?? '')
    const text = storedText(object)
    const gone = (change.removes ?? emptied)(object, old)
    if (!gone && (text === held.text || deepEqual(comparable(object), comparable(old)))) return held
    const effects: Effect[] = gone
      ? [{ op: 'delete', key, expect: held.revision }, ...(await releaseAll(request, kind, old))]
      : [
          { op: 'put', key, expect: held.revision, value: text, index: indexOf(kind, object), sealed: kind.sealed },
          ...(admitted?.effects ?? []),
        ]
    const outcome = await commit(
      cluster,
      groupOf(effects, admitted?.guards, change.part === 'status' ? { lane: 'first', ...options } : options),
      options.dryRun,
    )
    if (outcome.ok) {
      const revision = outcome.revisions[0] ?? 0
      return new Item(
        text,
        revision === 0 ? held.revision : revision,
        withRevision(object, revision === 0 ? held.revision : revision),
      )
    }
    held = again(request, kind, held, outcome.lost, attempt < change.attempts, admitted?.judge)
  }
  throw conflict(kind.plural, kind.group, held.object.metadata.name ?? '')
}

/** The state to try again with, or the refusal the loss means. */
function again(
  request: Allowed,
  kind: Kind,
  held: Item,
  lost: readonly Lost[],
  mayRetry: boolean,
  verdictOf: ((lost: Lost) => Refusal | 'again' | undefined) | undefined,
): Item {
  let current = held
  const name = request.name ?? ''
  for (const one of lost) {
    if (one.key.resource === kind.resource && one.key.name === name) {
      if (one.current === undefined) missing(request, kind)
      current = Item.of(one.current)
      continue
    }
    const verdict = verdictOf?.(one)
    if (verdict !== undefined && verdict !== 'again') throw verdict
    if (verdict === undefined) {
      throw conflict(kind.plural, kind.group, name, `${one.key.resource} ${one.key.name} has changed`)
    }
  }
  if (!mayRetry && current !== held) throw conflict(kind.plural, kind.group, name)
  return current
}

/** A resourceVersion in the wanted state must be the stored one; without one the kind must allow that. */
function checkRevision(kind: Kind, wanted: K8sObject, held: Item): void {
  const name = held.object.metadata.name ?? ''
  const asked = wanted.metadata.resourceVersion ?? ''
  if (asked !== '' && asked !== '0') {
    if (!/^\d{1,20}$/.test(asked)) {
      const rule = `strconv.ParseUint: parsing ${JSON.stringify(asked)}: invalid syntax`
      throw invalid(kind.plural, kind.group, name, [
        { type: 'FieldValueInvalid', field: 'metadata.resourceVersion', value: asked, detail: rule },
      ])
    }
    if (asked !== String(held.revision)) throw conflict(kind.plural, kind.group, name)
  } else if (!kind.unconditionalUpdate) {
    throw invalid(kind.plural, kind.group, name, [
      {
        type: 'FieldValueInvalid',
        field: 'metadata.resourceVersion',
        value: 0,
        detail: 'must be specified for an update',
      },
    ])
  }
  const { uid } = wanted.metadata
  const { uid: is } = held.object.metadata
  if (uid !== undefined && uid !== '' && uid !== is) {
    throw conflict(
      kind.plural,
      kind.group,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${is}`,
    )
  }
}

/** Puts back what a client may not change, and counts the generation. */
function settle(request: Allowed, kind: Kind, change: Rewrite, wanted: K8sObject, old: K8sObject): K8sObject {
  const was = old.metadata
  const { generation: _, uid: __, creationTimestamp: ___, ...given } = wanted.metadata
  const { deletionGracePeriodSeconds = was.deletionGracePeriodSeconds, deletionTimestamp = was.deletionTimestamp } =
    given
  const { namespace: asked } = given
  if (kind.namespaced && asked !== undefined && asked !== '' && asked !== request.namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
  }
  if (change.part === 'free') return wanted
  const object: K8sObject = {
    ...wanted,
    metadata: {
      ...given,
      ...(kind.namespaced ? { namespace: was.namespace ?? '' } : {}),
      ...(was.uid === undefined ? {} : { uid: was.uid }),
      ...(was.creationTimestamp === undefined ? {} : { creationTimestamp: was.creationTimestamp }),
      ...(was.generation === undefined ? {} : { generation: was.generation }),
      ...(was.deletionTimestamp === undefined
        ? deletionTimestamp === undefined
          ? {}
          : { deletionTimestamp }
        : { deletionTimestamp: was.deletionTimestamp }),
      ...(deletionGracePeriodSeconds === undefined ? {} : { deletionGracePeriodSeconds }),
    },
  }
  if (change.part === 'status') return kind.prepareStatus(kind.defaults(object), old)
  const prepared = kind.prepareUpdate(kind.defaults(object), old)
  if (!kind.bumpsGeneration(prepared, old)) return prepared
  return { ...prepared, metadata: { ...prepared.metadata, generation: (was.generation ?? 0) + 1 } }
}

function problemsOf(kind: Kind, part: Rewrite['part'], object: K8sObject, old: K8sObject): readonly FieldError[] {
  if (part === 'free') return []
  if (part === 'main') return [...kind.validate(object), ...kind.validateUpdate(object, old)]
  const { namespaced, nameProblems } = kind
  return [...metadataErrors(object.metadata, { namespaced, nameProblems }), ...kind.validateStatus(object, old)]
}

/** A deleted object that nothing holds any more goes with this write. */
function emptied(next: K8sObject, old: K8sObject): boolean {
  if (old.metadata.deletionTimestamp === undefined || (old.metadata.deletionGracePeriodSeconds ?? 0) > 0) return false
  if ((next.metadata.finalizers ?? []).length > 0) return false
  // A namespace is also held by what its controller has still to remove.
  const { finalizers = [] } = (next['spec'] ?? {}) as { readonly finalizers?: readonly string[] }
  return next.kind !== 'Namespace' || finalizers.length === 0
}

/** The object without what the store knows or nobody keeps. */
function comparable(object: K8sObject): unknown {
  const { resourceVersion: _, managedFields: __, selfLink: ___, ...metadata } = object.metadata
  return { ...object, metadata }
}
