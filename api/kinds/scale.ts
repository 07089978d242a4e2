/** `/scale` of kinds with `spec.replicas`, and label selectors as text. */
import type { LabelSelector } from '../../schema/k8s/generated/types.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import type { Kind } from './kind.ts'

interface Replicated extends K8sObject {
  readonly spec?: { readonly replicas?: number; readonly selector?: LabelSelector }
  readonly status?: { readonly replicas?: number }
}

export const replicaScale: NonNullable<Kind['scale']> = {
  read(object) {
    const { spec, status } = object as Replicated
    return {
      specReplicas: spec?.replicas ?? 0,
      statusReplicas: status?.replicas ?? 0,
      selector: selectorText(spec?.selector, { none: '' }),
    }
  },
  write: (object, replicas) => ({ ...object, spec: { ...(object as Replicated).spec, replicas } }),
}

export function replicasOf(object: K8sObject): number {
  return (object as Replicated).spec?.replicas ?? 0
}

/**
 * `app=web,tier in (a,b),!old` as upstream prints a selector: by key, values sorted; an absent or empty selector
 * is `none`.
 */
export function selectorText(selector: LabelSelector | undefined, options: { readonly none: string }): string {
  const terms: (readonly [string, string])[] = []
  for (const [key, value] of Object.entries(selector?.matchLabels ?? {})) terms.push([key, `${key}=${value}`])
  for (const { key, operator, values = [] } of selector?.matchExpressions ?? []) {
    const list = values.toSorted().join(',')
    if (operator === 'In') terms.push([key, `${key} in (${list})`])
    else if (operator === 'NotIn') terms.push([key, `${key} notin (${list})`])
    else if (operator === 'Exists') terms.push([key, key])
    else if (operator === 'DoesNotExist') terms.push([key, `!${key}`])
    else return '<invalid>'
  }
  if (terms.length === 0) return options.none
  return terms
    .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([, text]) => text)
    .join(',')
}

/** A plain label map as text: `app=web,tier=a`, `<none>` when empty. */
export function labelsText(labels: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`)
  return pairs.length === 0 ? '<none>' : pairs.toSorted().join(',')
}
