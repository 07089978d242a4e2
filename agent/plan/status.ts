// PodStatus as a kubelet reports it, computed from what the engine shows and what the last status was.
import type {
  Container,
  ContainerState,
  ContainerStatus,
  Pod,
  PodCondition,
  PodPhase,
  PodStatus,
} from '../../schema/k8s/generated/types.ts'
import { printTime } from '../../schema/k8s/time.ts'
import type { ObservedContainer } from './observed.ts'
import { attemptOf, LABEL, newestFirst } from './observed.ts'
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
  const computed = phaseOf(pod, [...init, ...main], input)
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

export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always'
}

/** Would a container that ended with this code be started again? */
export function restarts(pod: Pod, container: Container, exitCode: number): boolean {
  const policy = container.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always'
  if (policy === 'Never') return false
  return policy === 'Always' || exitCode !== 0
}

/** 137 only: an engine also says so when a child was killed and the container went on to another end. */
function endReason(container: ObservedContainer): string {
  if (container.error !== '' && container.startedAtMs === 0) return 'StartError'
  if (container.oomKilled && container.exitCode === 137) return 'OOMKilled'
  return container.exitCode === 0 ? 'Completed' : 'Error'
}

export function exitCodeOf(container: ObservedContainer): number {
  return container.error !== '' && container.startedAtMs === 0 ? 128 : container.exitCode
}

function containerStatuses(
  specs: readonly Container[],
  previous: readonly ContainerStatus[] | undefined,
  input: StatusInput,
  isInit: boolean,
): ContainerStatus[] {
  return specs.map((spec) => {
    const old = previous?.find((status) => status.name === spec.name)
    const attempts = newestFirst(input.containers.filter((one) => one.labels[LABEL.container] === spec.name))
    return containerStatus({ spec, old, newest: attempts[0], before: attempts[1], input, isInit })
  })
}

interface OneContainer {
  readonly spec: Container
  readonly old: ContainerStatus | undefined
  readonly newest: ObservedContainer | undefined
  readonly before: ObservedContainer | undefined
  readonly input: StatusInput
  readonly isInit: boolean
}

function containerStatus(one: OneContainer): ContainerStatus {
  const { spec, old, newest, before, input, isInit } = one
  let state = newest === undefined ? stateWithout(one) : stateOf(newest, input)
  let lastState = before === undefined ? (old?.lastState ?? {}) : stateOf(before, input)
  const waiting = input.waiting.get(spec.name)
  if (waiting !== undefined && !input.terminal && state.running === undefined) {
    if (state.terminated !== undefined) lastState = state
    state = { waiting: { reason: waiting.reason, ...(waiting.message === '' ? {} : { message: waiting.message }) } }
  }
  const running = newest !== undefined && state.running !== undefined
  // A finished init container is ready; a running one is not, unless it is a sidecar.
  const completed = isInit && !isSidecar(spec) && state.terminated?.exitCode === 0
  const ready = running ? (!isInit || isSidecar(spec)) && input.ready(newest) : completed
  return {
    name: spec.name,
    state,
    lastState,
    ready,
    restartCount: newest === undefined ? (old?.restartCount ?? 0) : attemptOf(newest),
    image: newest?.image ?? spec.image ?? '',
    imageID: newest === undefined ? (old?.imageID ?? '') : (input.imageRefs.get(newest.imageId) ?? newest.imageId),
    ...idOf(newest, old),
    started: running && input.started(newest),
    ...(spec.resources?.requests === undefined ? {} : { allocatedResources: spec.resources.requests }),
    resources: spec.resources ?? {},
    ...mountsOf(spec),
  }
}

function idOf(newest: ObservedContainer | undefined, old: ContainerStatus | undefined): { containerID?: string } {
  if (newest !== undefined) return { containerID: containerID(newest) }
  return old?.containerID === undefined ? {} : { containerID: old.containerID }
}

function containerID(container: ObservedContainer): string {
  return `docker://${container.id}`
}

function mountsOf(spec: Container): Pick<ContainerStatus, 'volumeMounts'> {
  if (spec.volumeMounts === undefined || spec.volumeMounts.length === 0) return {}
  return {
    volumeMounts: spec.volumeMounts.map((mount) => ({
      name: mount.name,
      mountPath: mount.mountPath,
      ...(mount.readOnly === true ? { readOnly: true, recursiveReadOnly: 'Disabled' } : {}),
    })),
  }
}

function stateOf(container: ObservedContainer, input: StatusInput): ContainerState {
  const failedToStart = container.error !== '' && container.startedAtMs === 0
  if (container.state === 'running') return { running: { startedAt: printTime(container.startedAtMs) } }
  if (container.state === 'created' && !failedToStart) return { waiting: { reason: 'ContainerCreating' } }
  const message = failedToStart ? container.error : input.messages.get(container.id)
  return {
    terminated: {
      exitCode: exitCodeOf(container),
      reason: endReason(container),
      ...(message === undefined || message === '' ? {} : { message }),
      startedAt: printTime(failedToStart ? 0 : container.startedAtMs),
      finishedAt: printTime(failedToStart ? container.createdAtMs : container.finishedAtMs),
      containerID: containerID(container),
    },
  }
}

/** No container of that name is left: what was known of it stands, else it is about to be made. */
function stateWithout(one: OneContainer): ContainerState {
  if (one.old?.state?.terminated !== undefined) return { terminated: one.old.state.terminated }
  const hasInit = (one.input.pod.spec?.initContainers ?? []).length > 0
  if (one.old?.state?.running !== undefined && one.input.terminal) {
    return {
      terminated: {
        exitCode: 137,
        reason: 'ContainerStatusUnknown',
        message: 'The container could not be located when the pod was terminated',
      },
    }
  }
  return { waiting: { reason: hasInit ? 'PodInitializing' : 'ContainerCreating' } }
}

interface Counts {
  pendingInit: number
  failedInit: number
  running: number
  waiting: number
  stopped: number
  final: number
  succeeded: number
}

function phaseOf(pod: Pod, statuses: readonly ContainerStatus[], input: StatusInput): PodPhase {
  const counts = count(pod, statuses)
  if (counts.failedInit > 0) return 'Failed'
  if (counts.pendingInit > 0 || counts.waiting > 0) return 'Pending'
  if (counts.running > 0) return 'Running'
  if (counts.stopped === 0) return 'Pending'
  if (!input.terminal && counts.final !== counts.stopped) return 'Running'
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

const OWN = new Set(['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'])

type Told = Pick<PodCondition, 'status' | 'reason' | 'message'>

function conditions(
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
