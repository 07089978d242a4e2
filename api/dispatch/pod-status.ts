/**
 * The status of a pod after a report. A node says what its containers do; what others wrote stays: conditions it does
 * not own, the time of a transition that was none, the class of service.
 */
import type { Pod, PodStatus } from '../../schema/k8s/generated/types.ts'

/** What an agent may say nothing about. */
const KEPT = ['qosClass', 'nominatedNodeName', 'resourceClaimStatuses', 'observedGeneration', 'resize'] as const

/** undefined: the pod has ended, and the report would have it run again. `at` is an API timestamp. */
export function nextPodStatus(
  pod: Pod,
  reported: Readonly<Record<string, unknown>>,
  at: string,
): PodStatus | undefined {
  const old: PodStatus = pod.status ?? {}
  const said = reported as PodStatus
  if (hasEnded(old) && !hasEnded(said)) return undefined
  const kept = Object.fromEntries(KEPT.flatMap((field) => (old[field] === undefined ? [] : [[field, old[field]]])))
  return {
    ...said,
    ...kept,
    ...(old.startTime === undefined ? { startTime: said.startTime ?? at } : { startTime: old.startTime }),
    conditions: mergeConditions(old.conditions ?? [], said.conditions ?? [], at),
  }
}

interface Condition {
  readonly type: string
  readonly status: string
  readonly lastTransitionTime?: string
}

/** In the order of the old ones, new types at the end. */
export function mergeConditions<T extends Condition>(old: readonly T[], said: readonly T[], at: string): T[] {
  const byType = new Map(said.map((condition) => [condition.type, condition]))
  const types = new Set([...old, ...said].map(({ type }) => type))
  return [...types].flatMap((type) => {
    const was = old.find((condition) => condition.type === type)
    const is = byType.get(type)
    if (is === undefined) return was === undefined ? [] : [was]
    const since = was?.status === is.status ? was.lastTransitionTime : is.lastTransitionTime
    return [{ ...is, lastTransitionTime: since ?? is.lastTransitionTime ?? at }]
  })
}

const hasEnded = ({ phase }: PodStatus): boolean => phase === 'Succeeded' || phase === 'Failed'
