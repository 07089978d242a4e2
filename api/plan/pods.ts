/** What controllers ask about a pod, answered as upstream's pod utilities answer it. */
import type { Pod } from '../../schema/k8s/generated/types.ts'
import { timeMs } from '../../schema/k8s/time.ts'
import { conditionOf } from './conditions.ts'
import type { Instant } from './plan.ts'

export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
}

/** Counts towards replicas: neither finished nor on its way out. */
export function isActive(pod: Pod): boolean {
  return !isFinished(pod) && pod.metadata.deletionTimestamp === undefined
}

export function isReady(pod: Pod): boolean {
  return conditionOf(pod.status?.conditions, 'Ready')?.status === 'True'
}

/** When a pod is or becomes available: ready for `minReadySeconds`; undefined while it is not ready. */
export function availableFrom(pod: Pod, minReadySeconds: number): Instant | undefined {
  const ready = conditionOf(pod.status?.conditions, 'Ready')
  if (ready?.status !== 'True') return undefined
  if (minReadySeconds === 0) return Number.NEGATIVE_INFINITY
  const since = timeMs(ready.lastTransitionTime ?? '')
  return since === undefined ? undefined : since + minReadySeconds * 1000
}

/** Deleting it leaves it terminating until its agent says it has stopped. */
export function stopsGracefully(pod: Pod): boolean {
  if ((pod.spec?.nodeName ?? '') === '' || isFinished(pod)) return false
  return (pod.spec?.terminationGracePeriodSeconds ?? 30) > 0
}
