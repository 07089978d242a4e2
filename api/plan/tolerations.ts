/** Taints of nodes and what pods tolerate, as upstream matches them. */
import type { Taint, Toleration } from '../../schema/k8s/generated/types.ts'

export function tolerates(toleration: Toleration, taint: Taint): boolean {
  const { key = '', operator = 'Equal', value = '', effect = '' } = toleration
  if (effect !== '' && effect !== taint.effect) return false
  if (key !== '' && key !== taint.key) return false
  if (operator === 'Exists') return true
  if (operator === 'Equal') return key !== '' && value === (taint.value ?? '')
  return false
}

export function isTolerated(taint: Taint, tolerations: readonly Toleration[] | undefined): boolean {
  return tolerations?.some((toleration) => tolerates(toleration, taint)) ?? false
}
