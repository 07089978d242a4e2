// The phase of a pod, counted over the statuses of its containers as a kubelet counts.
import type { ContainerStatus, Pod, PodPhase } from '../../schema/k8s/generated/types.ts'
import { isSidecar, restarts } from './restart-policy.ts'

interface Counts {
  pendingInit: number
  failedInit: number
  running: number
  waiting: number
  stopped: number
  final: number
  succeeded: number
}

/** `terminal`: no container runs and none will again. */
export function phaseOf(pod: Pod, statuses: readonly ContainerStatus[], terminal: boolean): PodPhase {
  const counts = count(pod, statuses)
  if (counts.failedInit > 0) return 'Failed'
  if (counts.pendingInit > 0 || counts.waiting > 0) return 'Pending'
  if (counts.running > 0) return 'Running'
  if (counts.stopped === 0) return 'Pending'
  if (!terminal && counts.final !== counts.stopped) return 'Running'
  return counts.stopped === counts.succeeded ? 'Succeeded' : 'Failed'
}

function count(pod: Pod, statuses: readonly ContainerStatus[]): Counts {
  const counts: Counts = { pendingInit: 0, failedInit: 0, running: 0, waiting: 0, stopped: 0, final: 0, succeeded: 0 }
  const started = (pod.spec?.containers ?? []).some((spec) => {
    const status = statuses.find((one) => one.name === spec.name)
    return status?.state?.running !== undefined || status?.state?.terminated !== undefined
  })
  for (const spec of pod.spec?.initContainers ?? []) {
    const status = statuses.find((one) => one.name === spec.name)
    const ended = status?.state?.terminated ?? (status?.state?.waiting ? status.lastState?.terminated : undefined)
    if (isSidecar(spec)) {
      if (status?.state?.running !== undefined) counts.running++
      else if (ended === undefined && !started) counts.pendingInit++
      continue
    }
    if (ended === undefined) counts.pendingInit++
    else if (ended.exitCode !== 0 && !restarts(pod, spec, ended.exitCode)) counts.failedInit++
    else if (ended.exitCode !== 0) counts.pendingInit++
  }
  for (const spec of pod.spec?.containers ?? []) {
    const status = statuses.find((one) => one.name === spec.name)
    const ended = status?.state?.terminated ?? (status?.state?.waiting ? status.lastState?.terminated : undefined)
    if (status?.state?.running !== undefined) counts.running++
    else if (ended === undefined) counts.waiting++
    else {
      counts.stopped++
      if (!restarts(pod, spec, ended.exitCode)) counts.final++
      if (status?.state?.terminated?.exitCode === 0) counts.succeeded++
    }
  }
  return counts
}
