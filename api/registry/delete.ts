/**
 * delete: at once, or, when a grace period or finalizers stand in between, by marking the object. What the
 * object held alone (addresses, ports) is given back in the group that removes it. Dependents are the garbage
 * collector's work; the finalizers `orphan` and `foregroundDeletion` tell it what to do.
 */
import type { K8sObject, ObjectMeta } from '../../schema/k8s/meta.ts'
import { conflict, forbidden, type Refusal } from '../../schema/k8s/status.ts'
import { printTime, timeMs } from '../../schema/k8s/time.ts'
import type { Allowed } from '../access/request.ts'
import type { Kind } from '../kinds/kind.ts'
import type { Effect } from '../store/store.ts'
import { releaseAddress } from './cluster-ip.ts'
import { commit, groupOf } from './commit.ts'
import { find, missing } from './get.ts'
import { indexOf, Item, keyOf, storedText, withRevision } from './item.ts'
import { kindOf } from './kind-of.ts'
import { releasePorts } from './node-port.ts'
import type { DeleteOptions } from './options.ts'

/** Tries when others write the object at the same time. */
const ATTEMPTS = 10
/** Namespaces that stay; upstream's list. */
const IMMORTAL: readonly string[] = ['default', 'kube-public', 'kube-system']

export interface Deleted {
  /** the object as it was removed, or as it was marked */
  readonly item: Item
  /** false: it is marked and will go away later */
  readonly removed: boolean
}

export async function remove(request: Allowed, options: DeleteOptions = {}): Promise<Deleted> {
  const kind = kindOf(request)
  if (kind.resource === 'namespaces' && IMMORTAL.includes(request.name ?? '')) {
    throw forbidden(kind.plural, kind.group, request.name ?? '', 'this namespace may not be deleted')
  }
  let held: Item =
    options.held === undefined
      ? ((await find(request, kind)) ?? missing(request, kind))
      : new Item(options.held.text, options.held.revision, options.held.object)
  for (let attempt = 1; ; attempt++) {
    checkPreconditions(kind, held, options)
    const verdict = judge(request, kind, held.object, options)
    if (verdict.do === 'nothing') return { item: held, removed: false }
    const key = keyOf(kind, held.object.metadata.namespace, held.object.metadata.name ?? '')
    const effects: Effect[] =
      verdict.do === 'remove'
        ? [{ op: 'delete', key, expect: held.revision }, ...(await releaseAll(request, kind, held.object))]
        : [
            {
              op: 'put',
              key,
              expect: held.revision,
              value: storedText(verdict.object),
              index: indexOf(kind, verdict.object),
              sealed: kind.sealed,
            },
          ]
    const outcome = await commit(request.cluster, groupOf(effects, [], options), options.dryRun)
    if (outcome.ok) {
      if (verdict.do === 'remove') return { item: held, removed: true }
      const revision = outcome.revisions[0] || held.revision
      return {
        item: new Item(storedText(verdict.object), revision, withRevision(verdict.object, revision)),
        removed: false,
      }
    }
    const current = outcome.lost.find((one) => one.key.resource === kind.resource && one.key.name === key.name)
    if (current !== undefined && current.current === undefined) missing(request, kind)
    const foreign = outcome.lost.some((one) => options.guards?.some((guard) => guard.key === one.key) === true)
    if (attempt >= ATTEMPTS || foreign || options.held !== undefined) throw conflict(kind.plural, kind.group, key.name)
    if (current?.current !== undefined) held = Item.of(current.current)
  }
}

type Verdict =
  | { readonly do: 'nothing' }
  | { readonly do: 'remove' }
  | { readonly do: 'mark'; readonly object: K8sObject }

function judge(request: Allowed, kind: Kind, object: K8sObject, options: DeleteOptions): Verdict {
  const now = request.cluster.clock.now()
  const meta = object.metadata
  const graceful = gracePeriod(kind, object, options)
  if (graceful === 'pending') return { do: 'nothing' }
  const finalizers = finalizersFor(kind, object, options)
  // A namespace is emptied by its controller, which then clears spec.finalizers through /finalize.
  const holds =
    kind.resource === 'namespaces' &&
    ((object['spec'] as { finalizers?: string[] } | undefined)?.finalizers ?? []).length > 0
  if (graceful > 0 || finalizers.length > 0 || holds) {
    const marked = mark(meta, finalizers, graceful, now)
    const status =
      kind.resource === 'namespaces'
        ? { status: { ...(object['status'] as object | undefined), phase: 'Terminating' } }
        : {}
    if (sameMark(meta, marked)) return { do: 'nothing' }
    return { do: 'mark', object: { ...object, ...status, metadata: marked } }
  }
  return { do: 'remove' }
}

/** Seconds still to wait; 'pending' when a deletion is under way that this one does not shorten. */
function gracePeriod(kind: Kind, object: K8sObject, options: DeleteOptions): number | 'pending' {
  const meta = object.metadata
  if (meta.deletionTimestamp === undefined) return Math.max(0, kind.grace(object, options.gracePeriodSeconds))
  const left = meta.deletionGracePeriodSeconds ?? 0
  if (left === 0) return 0
  if (options.gracePeriodSeconds === undefined) return 'pending'
  const asked = kind.grace(object, options.gracePeriodSeconds)
  return asked >= left ? 'pending' : asked
}

function mark(meta: ObjectMeta, finalizers: readonly string[], grace: number, now: number): ObjectMeta {
  const began = meta.deletionTimestamp === undefined ? undefined : timeMs(meta.deletionTimestamp)
  const start = began === undefined ? now : began - (meta.deletionGracePeriodSeconds ?? 0) * 1000
  const { finalizers: _, ...rest } = meta
  const bump = began === undefined && (meta.generation ?? 0) > 0 ? { generation: (meta.generation ?? 0) + 1 } : {}
  return {
    ...rest,
    ...bump,
    ...(finalizers.length === 0 ? {} : { finalizers }),
    deletionTimestamp: printTime(grace === 0 && began !== undefined && began < now ? began : start + grace * 1000),
    deletionGracePeriodSeconds: grace,
  }
}

function sameMark(was: ObjectMeta, now: ObjectMeta): boolean {
  return (
    was.deletionTimestamp === now.deletionTimestamp &&
    was.deletionGracePeriodSeconds === now.deletionGracePeriodSeconds &&
    String(was.finalizers ?? []) === String(now.finalizers ?? [])
  )
}

/** The object's finalizers with the garbage collector's two put as the options, else the object, else the kind say. */
function finalizersFor(kind: Kind, object: K8sObject, options: DeleteOptions): readonly string[] {
  const own = object.metadata.finalizers ?? []
  const named = own.includes('orphan') ? 'Orphan' : own.includes('foregroundDeletion') ? 'Foreground' : undefined
  const policy = options.propagationPolicy ?? named ?? kind.defaultPropagation
  const others = own.filter((name) => name !== 'orphan' && name !== 'foregroundDeletion')
  if (policy === 'Orphan') return [...others, 'orphan']
  return policy === 'Foreground' ? [...others, 'foregroundDeletion'] : others
}

function checkPreconditions(kind: Kind, held: Item, options: DeleteOptions): void {
  const { uid, resourceVersion } = options.preconditions ?? {}
  const name = held.object.metadata.name ?? ''
  const refuse = (why: string): Refusal => conflict(kind.kind, kind.group, name, why)
  if (uid !== undefined && uid !== held.object.metadata.uid) {
    throw refuse(
      `the UID in the precondition (${uid}) does not match the UID in record (${held.object.metadata.uid ?? ''}). The object might have been deleted and then recreated`,
    )
  }
  if (resourceVersion !== undefined && resourceVersion !== String(held.revision)) {
    throw refuse(
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${held.revision}). The object might have been modified`,
    )
  }
}

/** What only this object held and what goes with it. */
export async function releaseAll(request: Allowed, kind: Kind, object: K8sObject): Promise<readonly Effect[]> {
  if (kind.resource !== 'services') return []
  return [...(await releaseAddress(request, object)), ...(await releasePorts(request, object))]
}
