/** `/scale` of kinds with `spec.replicas`, and label selectors as text. */
import type { LabelSelector } from '../../schema/k8s/generated/types.ts'
import { labelMatchOf, printLabelMatch } from '../../schema/k8s/selector.ts'
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

/** `app=web,tier in (a,b),!old` as upstream prints a selector; `none` when there is nothing, `wrong` when it is invalid. */
export function selectorText(
  selector: LabelSelector | undefined,
  options: { readonly none: string; readonly wrong?: string },
): string {
  try {
    const text = printLabelMatch(labelMatchOf(selector))
    return text === '' ? options.none : text
  } catch {
    return options.wrong ?? ''
  }
}

/** A plain label map as text: `app=web,tier=a`, `<none>` when empty. */
export function labelsText(labels: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`)
  return pairs.length === 0 ? '<none>' : pairs.toSorted().join(',')
}
