/**
 * Carries out a plan through the registry, like any client: each action names the revision it was planned from, and
 * all of them are guarded by the pass epoch, so a plan made from an old view is lost and never wrong.
 *
 * Actions on different objects are written at the same time and share flushes. Three things are kept in order: actions
 * on one object follow each other, an object whose revision other actions are guarded by is changed after them, and a
 * finalizer is taken off last, when everything else of the plan has happened.
 */
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { isRefusal } from '../../schema/k8s/status.ts'
import type { Action, Plan, Target } from '../plan/plan.ts'
import type { Cluster } from '../platform/port.ts'
import { bind } from '../registry/binding.ts'
import { create } from '../registry/create.ts'
import { remove } from '../registry/delete.ts'
import { finalize } from '../registry/finalize.ts'
import type { Held, WriteOptions } from '../registry/options.ts'
import { patch } from '../registry/patch.ts'
import { kindByName } from '../kinds/all.ts'
import type { Guard, Key } from '../store/store.ts'
import type { EventAction, EventWriter } from './events.ts'
import { requestOf } from './requests.ts'
import { type Reading, textOf } from './reading.ts'
import type { Width } from './width.ts'

export interface ApplyContext {
  readonly cluster: Cluster
  readonly user: string
  readonly view: Reading
  readonly epoch: Guard
  readonly events: EventWriter
  /** of all plans of a pass together */
  readonly width: Width
}

/** 'lost': somebody else was faster, plan again. 'failed': the API refused, for the reason given. */
export type Applied =
  | { readonly result: 'done' }
  | { readonly result: 'lost' }
  | { readonly result: 'failed'; readonly why: string }

const DONE: Applied = { result: 'done' }
const LOST: Applied = { result: 'lost' }

type Change = Exclude<Action, EventAction>

/** Never throws. */
export async function applyPlan(context: ApplyContext, plan: Plan): Promise<Applied> {
  const changes = plan.actions.filter((action): action is Change => action.do !== 'event')
  const { first, second, last } = inOrder(changes)
  const results = await applyAll(context, first)
  let applied = worst(results)
  if (applied.result !== 'lost') applied = worst([applied, ...(await applyAll(context, second))])
  if (applied.result === 'done') applied = worst(await applyAll(context, last))

  const own = new Map(first.map((chain, at) => [subjectOf(chain), results[at]]))
  // What has happened may be told whoever holds the epoch by now; what was only seen, by its holder.
  const guards = changes.length === 0 ? [context.epoch] : []
  for (const action of plan.actions) {
    if (action.do !== 'event') continue
    // One pod that was bound is told of, though another was not; otherwise a plan is told of as a whole.
    const { result } = own.get(textOf(action.target)) ?? applied
    // What did not happen is not told, and of what was refused only the warnings.
    if (result === 'done' || (result === 'failed' && action.type === 'Warning'))
      context.events.write(action, context.user, guards)
  }
  return applied
}

function applyAll(context: ApplyContext, chains: readonly Chain[]): Promise<readonly Applied[]> {
  return Promise.all(chains.map((chain) => context.width.run(() => applyChain(context, chain))))
}

/** The object that a chain changes; a new one has no name here. */
function subjectOf([change]: Chain): string | undefined {
  return change === undefined || change.do === 'create' ? undefined : textOf(change.target)
}

function worst(results: readonly Applied[]): Applied {
  return results.find(({ result }) => result === 'failed') ?? results.find(({ result }) => result === 'lost') ?? DONE
}

type Chain = readonly Change[]

interface Order {
  readonly first: readonly Chain[]
  /** what others are guarded by */
  readonly second: readonly Chain[]
  /** what waits for everything else */
  readonly last: readonly Chain[]
}

/** Chains of actions on one object, in three steps. */
function inOrder(changes: readonly Change[]): Order {
  const guarded = new Set<string>()
  const chains = new Map<string, Change[]>()
  for (const [at, change] of changes.entries()) {
    if ('guards' in change) for (const target of change.guards ?? []) guarded.add(textOf(target))
    const key = change.do === 'create' ? `create ${at}` : textOf(change.target)
    const chain = chains.get(key)
    if (chain === undefined) chains.set(key, [change])
    else chain.push(change)
  }
  const order = { first: [] as Chain[], second: [] as Chain[], last: [] as Chain[] }
  for (const [key, chain] of chains) {
    order[chain.some(releases) ? 'last' : guarded.has(key) ? 'second' : 'first'].push(chain)
  }
  return order
}

/** Takes off a finalizer: what it waited for must have happened. */
function releases(change: Change): boolean {
  if (change.do === 'finalize') return true
  const metadata = change.do === 'patch' ? (change.patch['metadata'] as object | undefined) : undefined
  return metadata !== undefined && 'finalizers' in metadata
}

async function applyChain(context: ApplyContext, chain: readonly Change[]): Promise<Applied> {
  let held: Held | undefined
  for (const change of chain) {
    try {
      held = await carryOut(context, change, held)
    } catch (error) {
      return judge(context, change, error)
    }
  }
  return DONE
}

/** Answers the object as it is now, for the next action on it. */
async function carryOut(context: ApplyContext, change: Change, before: Held | undefined): Promise<Held | undefined> {
  const { cluster, user, view, epoch } = context
  const guards = [epoch, ...('guards' in change ? (change.guards ?? []).map(guardOf) : [])]
  if (change.do === 'create') {
    await create(requestOf(cluster, user, 'create', keyOfNew(change)), change.object, { guards })
    return undefined
  }
  const { target } = change
  const revision = before?.revision ?? target.atRevision
  const held = before ?? view.held(target, revision)
  const options: WriteOptions = { guards, ...(held === undefined ? {} : { held }) }
  switch (change.do) {
    case 'patch':
      return patch(requestOf(cluster, user, 'patch', target), bodyOf(change.patch, target, revision), options)
    case 'patch-status': {
      const request = requestOf(cluster, user, 'patch', target, 'status')
      return patch(request, bodyOf(change.patch, target, revision), { ...options, lane: 'first' })
    }
    case 'bind': {
      const metadata = { name: target.name, uid: target.uid, resourceVersion: String(revision) }
      const binding = { apiVersion: 'v1', kind: 'Binding', metadata, target: { kind: 'Node', name: change.node } }
      return bind(requestOf(cluster, user, 'create', target, 'binding'), binding, { ...options, lane: 'first' })
    }
    case 'finalize': {
      const namespace = held?.object ?? { apiVersion: 'v1', kind: 'Namespace', metadata: { name: target.name } }
      const request = requestOf(cluster, user, 'update', target, 'finalize')
      await finalize(request, withoutOwnFinalizer(namespace, revision), options)
      return undefined
    }
    case 'delete': {
      const preconditions = { uid: target.uid, resourceVersion: String(revision) }
      const { propagation, graceSeconds } = change
      const { item, removed } = await remove(requestOf(cluster, user, 'delete', target), {
        ...options,
        preconditions,
        ...(propagation === undefined ? {} : { propagationPolicy: propagation }),
        ...(graceSeconds === undefined ? {} : { gracePeriodSeconds: graceSeconds }),
      })
      return removed ? undefined : item
    }
  }
}

function judge(context: ApplyContext, change: Change, error: unknown): Applied {
  if (isRefusal(error, 'Conflict') || isRefusal(error, 'AlreadyExists')) return LOST
  // Gone already, or gone with its namespace: the next look will show it.
  if (isRefusal(error, 'NotFound')) return change.do === 'delete' ? DONE : LOST
  if (isRefusal(error, 'Forbidden') && error.details?.causes?.some(({ reason }) => reason === TERMINATING) === true)
    return DONE
  const name = change.do === 'create' ? nameOf(change.object) : `${change.target.namespace}/${change.target.name}`
  const resource = change.do === 'create' ? change.resource : change.target.resource
  context.cluster.log.warn(`${context.user} could not ${change.do} ${resource} ${name}`, { why: change.why, error })
  return { result: 'failed', why: error instanceof Error ? error.message : String(error) }
}

const TERMINATING = 'NamespaceTerminating'

function guardOf(target: Target): Guard {
  const { resource, namespace, name } = target
  return { key: { resource, namespace, name }, expect: target.atRevision }
}

function keyOfNew(action: Extract<Action, { do: 'create' }>): Key {
  const { metadata, apiVersion, kind } = action.object
  const resource = kindByName(apiVersion, kind)?.resource ?? action.resource
  return { resource, namespace: metadata.namespace ?? '', name: metadata.name ?? '' }
}

function nameOf({ metadata }: K8sObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name ?? metadata.generateName ?? ''}`
}

/** A patch that names the object and the revision: it loses when either is another one. */
function bodyOf(
  value: Readonly<Record<string, unknown>>,
  target: Target,
  revision: number,
): { readonly type: 'merge'; readonly value: unknown; readonly duplicates: readonly string[] } {
  const metadata = { ...(value['metadata'] as object | undefined), resourceVersion: String(revision), uid: target.uid }
  return { type: 'merge', value: { ...value, metadata }, duplicates: [] }
}

function withoutOwnFinalizer(namespace: K8sObject, revision: number): K8sObject {
  const spec = (namespace['spec'] ?? {}) as { readonly finalizers?: readonly string[] }
  const finalizers = (spec.finalizers ?? []).filter((name) => name !== 'kubernetes')
  return {
    ...namespace,
    metadata: { ...namespace.metadata, resourceVersion: String(revision) },
    spec: { ...spec, finalizers },
  }
}
