// PodStatus as a kubelet reports it, computed from what the engine shows and what the last status was.
import type { Pod, PodPhase, PodStatus } from '../../schema/k8s/generated/types.ts'
import { printTime } from '../../schema/k8s/time.ts'
import { conditions } from './conditions.ts'
import { containerStatuses } from './container-status.ts'
import type { ObservedContainer } from './observed.ts'
import { phaseOf } from './phase.ts'
import { qosClass } from './qos.ts'

export interface Waiting {
  readonly reason: string
  readonly message: string
}

export interface StatusInput {
  readonly pod: Pod
  /** all attempts of all containers of the pod, without the sandbox */
  readonly containers: readonly ObservedContainer[]
  /** a running sandbox, or undefined */
  readonly sandbox: ObservedContainer | undefined
  readonly podIP: string
  readonly hostIP: string
  /** why a container that should run does not, by name */
  readonly waiting: ReadonlyMap<string, Waiting>
  /** last words of ended containers, by id */
  readonly messages: ReadonlyMap<string, string>
  /** the engine's name of an image with its digest, by image id */
  readonly imageRefs: ReadonlyMap<string, string>
  /** the last status made, or the one the API has */
  readonly previous: PodStatus | undefined
  /** running and said to be ready; without probes: running */
  readonly ready: (container: ObservedContainer) => boolean
  /** running and past its startup probe */
  readonly started: (container: ObservedContainer) => boolean
  /** no container runs and none will again */
  readonly terminal: boolean
  /** the agent ended the pod itself, e.g. DeadlineExceeded */
  readonly failed?: Waiting
  readonly atMs: number
}

export function podStatus(input: StatusInput): PodStatus {
  const { pod, previous } = input
  const spec = pod.spec
  const initSpecs = spec?.initContainers ?? []
  const init = containerStatuses(initSpecs, previous?.initContainerStatuses, input, true)
  const main = containerStatuses(spec?.containers ?? [], previous?.containerStatuses, input, false)
  const computed = phaseOf(pod, [...init, ...main], input.terminal)
  const ended = previous?.phase === 'Failed' || previous?.phase === 'Succeeded' ? previous.phase : undefined
  const phase: PodPhase = input.failed !== undefined ? 'Failed' : (ended ?? computed)
  const reason = input.failed?.reason ?? (phase === previous?.phase ? previous.reason : undefined)
  const message = input.failed?.message ?? (phase === previous?.phase ? previous.message : undefined)
  const host = spec?.hostNetwork === true
  const podIP = host ? input.hostIP : input.podIP === '' ? (previous?.podIP ?? '') : input.podIP
  const shown = host && input.sandbox === undefined && previous?.podIP === undefined ? '' : podIP
  return {
    ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    phase,
    conditions: conditions(input, phase, init, main),
    ...(message === undefined || message === '' ? {} : { message }),
    ...(reason === undefined || reason === '' ? {} : { reason }),
    hostIP: input.hostIP,
    hostIPs: [{ ip: input.hostIP }],
    ...(shown === '' ? {} : { podIP: shown, podIPs: [{ ip: shown }] }),
    startTime: previous?.startTime ?? printTime(input.atMs),
    ...(init.length > 0 ? { initContainerStatuses: init } : {}),
    containerStatuses: main.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    qosClass: qosClass(pod),
  }
}
