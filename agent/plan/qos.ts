// A pod's class of service and the out-of-memory score that follows from it, as the kubelet computes them.
import type { Container, Pod, PodQOSClass } from '../../schema/k8s/generated/types.ts'
import { amountOf } from './quantities.ts'

const COMPUTE = ['cpu', 'memory'] as const

export function qosClass(pod: Pod): PodQOSClass {
  const stored = pod.status?.qosClass
  if (stored !== undefined) return stored
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]
  const asks = (container: Container): boolean =>
    COMPUTE.some((name) => asked(container, 'requests', name) > 0 || asked(container, 'limits', name) > 0)
  if (!containers.some(asks)) return 'BestEffort'
  const exact = (container: Container): boolean =>
    COMPUTE.every((name) => {
      const limit = asked(container, 'limits', name)
      const request = container.resources?.requests?.[name] === undefined ? limit : asked(container, 'requests', name)
      return limit > 0 && request === limit
    })
  return containers.every(exact) ? 'Guaranteed' : 'Burstable'
}

function asked(container: Container, side: 'requests' | 'limits', name: string): number {
  return amountOf(container.resources?.[side]?.[name])
}

export function oomScoreAdj(
  pod: Pod,
  container: Container,
  node: { memoryBytes: number; canLowerOomScore: boolean },
): number {
  const lowest = node.canLowerOomScore ? -997 : 0
  const qos = qosClass(pod)
  if (qos === 'Guaranteed') return lowest
  if (qos === 'BestEffort') return 1000
  const share = (1000 * asked(container, 'requests', 'memory')) / Math.max(node.memoryBytes, 1)
  const score = Math.floor(1000 - share)
  return Math.min(Math.max(score, 1000 - 997), 999)
}
