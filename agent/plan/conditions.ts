// The conditions of a pod that are a kubelet's to say; those of others are kept as they are.
import type { ContainerStatus, Pod, PodCondition, PodPhase } from '../../schema/k8s/generated/types.ts'
import { printTime } from '../../schema/k8s/time.ts'
import { isSidecar } from './restart-policy.ts'
import type { StatusInput } from './status.ts'

const OWN = new Set(['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'])

type Told = Pick<PodCondition, 'status' | 'reason' | 'message'>

export function conditions(
  input: StatusInput,
  phase: PodPhase,
  init: readonly ContainerStatus[],
  main: readonly ContainerStatus[],
): PodCondition[] {
  const { pod } = input
  const foreign = (pod.status?.conditions ?? []).filter((condition) => !OWN.has(condition.type))
  const containersReady = containersReadyOf(pod, phase, [...init, ...main])
  const told: [string, Told][] = [
    ['PodReadyToStartContainers', { status: input.sandbox === undefined ? 'False' : 'True' }],
    ['Initialized', initializedOf(pod, phase, init, main)],
    ['Ready', containersReady.status === 'True' ? gatesOf(pod, foreign) : containersReady],
    ['ContainersReady', containersReady],
    ['PodScheduled', { status: 'True' }],
  ]
  const own = told.map(([type, condition]) => dated(type, condition, input))
  return [...foreign, ...own]
}

/** A condition keeps the time it took its status. */
function dated(type: string, told: Told, input: StatusInput): PodCondition {
  const old = (input.previous?.conditions ?? input.pod.status?.conditions)?.find((one) => one.type === type)
  const kept = old?.status === told.status ? old.lastTransitionTime : undefined
  const generation = input.pod.metadata.generation
  return {
    type,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    status: told.status,
    lastTransitionTime: kept ?? printTime(input.atMs),
    ...(told.reason === undefined ? {} : { reason: told.reason }),
    ...(told.message === undefined ? {} : { message: told.message }),
  }
}

function containersReadyOf(pod: Pod, phase: PodPhase, statuses: readonly ContainerStatus[]): Told {
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' }
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' }
  const specs = [...(pod.spec?.initContainers ?? []).filter(isSidecar), ...(pod.spec?.containers ?? [])]
  const unready = specs
    .filter((spec) => statuses.find((status) => status.name === spec.name)?.ready !== true)
    .map((spec) => spec.name)
  if (unready.length === 0) return { status: 'True' }
  const message = `containers with unready status: [${unready.join(' ')}]`
  return { status: 'False', reason: 'ContainersNotReady', message }
}

function gatesOf(pod: Pod, foreign: readonly PodCondition[]): Told {
  const unmet = (pod.spec?.readinessGates ?? []).flatMap(({ conditionType }) => {
    const found = foreign.find((condition) => condition.type === conditionType)
    if (found === undefined) return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`]
    if (found.status === 'True') return []
    return [`the status of pod readiness gate "${conditionType}" is not "True", but ${found.status}`]
  })
  if (unmet.length === 0) return { status: 'True' }
  return { status: 'False', reason: 'ReadinessGatesNotReady', message: unmet.join(', ') }
}

function initializedOf(
  pod: Pod,
  phase: PodPhase,
  init: readonly ContainerStatus[],
  main: readonly ContainerStatus[],
): Told {
  if (phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' }
  const started = main.some(
    ({ state, lastState }) => state?.running !== undefined || state?.terminated !== undefined || lastState?.terminated,
  )
  if (started) return { status: 'True' }
  const incomplete = (pod.spec?.initContainers ?? [])
    .filter((spec) => {
      const status = init.find((one) => one.name === spec.name)
      return isSidecar(spec) ? status?.started !== true : status?.ready !== true
    })
    .map((spec) => spec.name)
  if (incomplete.length === 0) return { status: 'True' }
  const message = `containers with incomplete status: [${incomplete.join(' ')}]`
  return { status: 'False', reason: 'ContainersNotInitialized', message }
}
