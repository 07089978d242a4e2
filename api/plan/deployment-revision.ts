/**
 * Which ReplicaSet is the one of a Deployment's template, and the annotations that carry its history: revision,
 * revision history, and the sizes from which a scaling in the middle of a rollout is shared out. `kubectl rollout
 * history` and `undo` read them.
 */
import type { Deployment, PodTemplateSpec, ReplicaSet } from '../../schema/k8s/generated/types.ts'
import { canonical, shortHash } from './hash.ts'
import { byAge, type Row } from './seen.ts'

export const HASH_LABEL = 'pod-template-hash'
export const REVISION = 'deployment.kubernetes.io/revision'
const HISTORY = 'deployment.kubernetes.io/revision-history'
export const DESIRED = 'deployment.kubernetes.io/desired-replicas'
export const MAXIMUM = 'deployment.kubernetes.io/max-replicas'

/** Annotations of a Deployment that its ReplicaSets do not inherit. */
const OWN: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'deprecated.deployment.rollback.to',
  REVISION,
  HISTORY,
  DESIRED,
  MAXIMUM,
])

/** Follows from the template and the number of collisions so far. */
export function templateHash(deployment: Deployment): string {
  return shortHash(`${canonical(deployment.spec?.template)}${deployment.status?.collisionCount ?? ''}`)
}

/** The name the next new ReplicaSet would get; the reader looks whether it is taken. */
export function newSetName(deployment: Deployment): string {
  return `${deployment.metadata.name ?? ''}-${templateHash(deployment)}`
}

/** The oldest ReplicaSet with the Deployment's template, its hash label aside. */
export function currentSet(deployment: Deployment, sets: readonly Row<ReplicaSet>[]): Row<ReplicaSet> | undefined {
  const wanted = canonical(withoutHash(deployment.spec?.template))
  return sets.toSorted(byAge).find((set) => canonical(withoutHash(set.object.spec?.template)) === wanted)
}

function withoutHash(template: PodTemplateSpec | undefined): PodTemplateSpec | undefined {
  if (template?.metadata?.labels?.[HASH_LABEL] === undefined) return template
  const { [HASH_LABEL]: _, ...labels } = template.metadata.labels
  return { ...template, metadata: { ...template.metadata, labels } }
}

export function revisionOf(set: ReplicaSet): number {
  const text = set.metadata.annotations?.[REVISION] ?? ''
  return /^\d{1,15}$/.test(text) ? Number(text) : 0
}

/** Annotations of the current ReplicaSet: the Deployment's own, and the highest revision of all. */
export function currentAnnotations(
  deployment: Deployment,
  set: ReplicaSet | undefined,
  old: readonly Row<ReplicaSet>[],
): Readonly<Record<string, string>> {
  const inherited = Object.entries(deployment.metadata.annotations ?? {}).filter(([key]) => !OWN.has(key))
  const before = set?.metadata.annotations ?? {}
  const next = Math.max(0, ...old.map((row) => revisionOf(row.object))) + 1
  const was = set === undefined ? 0 : revisionOf(set)
  const annotations = { ...before, ...Object.fromEntries(inherited) }
  if (was >= next) return annotations
  const history = before[REVISION] === undefined ? undefined : joined(before[HISTORY], before[REVISION])
  return { ...annotations, [REVISION]: String(next), ...(history === undefined ? {} : { [HISTORY]: history }) }
}

function joined(history: string | undefined, revision: string): string {
  return history === undefined || history === '' ? revision : `${history},${revision}`
}

export function numberIn(set: ReplicaSet, annotation: string): number | undefined {
  const text = set.metadata.annotations?.[annotation] ?? ''
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined
}
