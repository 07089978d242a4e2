/**
 * What planners see and how they name it in actions: rows, targets, patches as differences. A row is an object and
 * the revision it was read at; actions carry that revision, so that a plan made from an old view is lost, never wrong.
 */
import type { K8sObject, ObjectMeta, OwnerReference } from '../../schema/k8s/meta.ts'
import type { Action, Target } from './plan.ts'

export interface Row<T> {
  readonly object: T
  readonly revision: number
}

/** The part of an object planners use when they do not care which kind it is. */
export interface Thing {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: ObjectMeta
}

const RESOURCES: Readonly<Record<string, string>> = {
  'v1 ConfigMap': 'configmaps',
  'v1 Event': 'events',
  'v1 Namespace': 'namespaces',
  'v1 Node': 'nodes',
  'v1 Pod': 'pods',
  'v1 Secret': 'secrets',
  'v1 Service': 'services',
  'v1 ServiceAccount': 'serviceaccounts',
  'apps/v1 Deployment': 'deployments.apps',
  'apps/v1 ReplicaSet': 'replicasets.apps',
  'coordination.k8s.io/v1 Lease': 'leases.coordination.k8s.io',
  'discovery.k8s.io/v1 EndpointSlice': 'endpointslices.discovery.k8s.io',
}

/** `resource` for kinds planners do not write themselves (the collector, namespaces) comes from the reader. */
export function targetOf(row: Row<Thing>, resource?: string): Target {
  const { apiVersion, kind, metadata } = row.object
  return {
    resource: resource ?? RESOURCES[`${apiVersion} ${kind}`] ?? kind,
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    uid: metadata.uid ?? '',
    atRevision: row.revision,
  }
}

export interface Notice {
  readonly type?: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
  readonly source: string
}

/** An Event about the object of a row. */
export function eventAbout(row: Row<Thing>, { type = 'Normal', reason, message, source }: Notice): Action {
  const { apiVersion, kind } = row.object
  return { do: 'event', target: { ...targetOf(row), apiVersion, kind }, type, reason, message, source }
}

export function controllerOf(object: Thing): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller === true)
}

/** The reference a controller leaves on what it makes. */
export function ownedBy(owner: Thing): OwnerReference {
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: owner.metadata.name ?? '',
    uid: owner.metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  }
}

export function isBeingDeleted(object: Thing): boolean {
  return object.metadata.deletionTimestamp !== undefined
}

/**
 * The merge patch that makes `next` of `old`, undefined when there is nothing to change. Lists are replaced whole,
 * what `next` lacks is removed.
 */
export function difference(old: unknown, next: unknown): Readonly<Record<string, unknown>> | undefined {
  const before = asRecord(old) ?? {}
  const after = asRecord(next) ?? {}
  const patch: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(after)) {
    if (value === undefined || equal(before[key], value)) continue
    const nested = asRecord(before[key]) !== undefined && asRecord(value) !== undefined
    patch[key] = nested ? difference(before[key], value) : value
  }
  for (const [key, value] of Object.entries(before)) {
    if (value !== undefined && after[key] === undefined) patch[key] = null
  }
  return Object.keys(patch).length === 0 ? undefined : patch
}

/** A patch of `/status`, or nothing when the status is already so. */
export function statusAction(
  row: Row<Thing & { readonly status?: unknown }>,
  status: unknown,
  why: string,
): readonly Action[] {
  const patch = difference(row.object.status, status)
  return patch === undefined ? [] : [{ do: 'patch-status', target: targetOf(row), patch: { status: patch }, why }]
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined
}

/** Equality of JSON values; the order of keys does not matter, undefined is absent. */
export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => equal(item, b[index]))
  }
  const left = asRecord(a)
  const right = asRecord(b)
  if (left === undefined || right === undefined) return false
  for (const key in left) if (!equal(left[key], right[key])) return false
  for (const key in right) if (right[key] !== undefined && left[key] === undefined) return false
  return true
}

/** Creation order, then name: what upstream sorts by before it scales. */
export function byAge(a: Row<Thing>, b: Row<Thing>): number {
  const one = a.object.metadata
  const other = b.object.metadata
  return (
    compare(one.creationTimestamp ?? '', other.creationTimestamp ?? '') || compare(one.name ?? '', other.name ?? '')
  )
}

export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Objects a plan makes are plain JSON of a known kind. */
export function asObject(object: Thing): K8sObject {
  return object as K8sObject
}
