/** Conditions of a status: found by type, replaced in place, with the time of the last transition kept when none happened. */
import { printTime } from '../../schema/k8s/time.ts'
import type { Instant } from './plan.ts'

export interface Condition {
  readonly type: string
  readonly status: string
  readonly lastTransitionTime?: string
  readonly reason?: string
  readonly message?: string
}

export function conditionOf<T extends Condition>(conditions: readonly T[] | undefined, type: string): T | undefined {
  return conditions?.find((condition) => condition.type === type)
}

/** The same list when type, status, reason and message are there already. */
export function withCondition<T extends Condition>(conditions: readonly T[], next: T, at: Instant): readonly T[] {
  const old = conditionOf(conditions, next.type)
  if (old?.status === next.status && old.reason === next.reason && old.message === next.message) return conditions
  const kept = old?.status === next.status ? old.lastTransitionTime : undefined
  const placed: T = { ...next, lastTransitionTime: kept ?? printTime(at) }
  if (old === undefined) return [...conditions, placed]
  return conditions.map((condition) => (condition.type === next.type ? placed : condition))
}

export function withoutCondition<T extends Condition>(conditions: readonly T[], type: string): readonly T[] {
  return conditions.some((condition) => condition.type === type)
    ? conditions.filter((condition) => condition.type !== type)
    : conditions
}
