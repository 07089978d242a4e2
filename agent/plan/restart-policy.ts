// What a container's restart policy asks for, and how a container that ended is read.
import type { Container, Pod } from '../../schema/k8s/generated/types.ts'
import type { ObservedContainer } from './observed.ts'

export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always'
}

/** Would a container that ended with this code be started again? */
export function restarts(pod: Pod, container: Container, exitCode: number): boolean {
  const policy = container.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always'
  if (policy === 'Never') return false
  return policy === 'Always' || exitCode !== 0
}

export function exitCodeOf(container: ObservedContainer): number {
  return container.error !== '' && container.startedAtMs === 0 ? 128 : container.exitCode
}
