// ContainerStatus as a kubelet reports it: one for each container of the spec, from its newest two attempts and what was
// said of it before.
import type { Container, ContainerState, ContainerStatus } from '../../schema/k8s/generated/types.ts'
import { printTime } from '../../schema/k8s/time.ts'
import type { ObservedContainer } from './observed.ts'
import { attemptOf, LABEL, newestFirst } from './observed.ts'
import { exitCodeOf, isSidecar } from './restart-policy.ts'
import type { StatusInput } from './status.ts'

export function containerStatuses(
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

/** 137 only: an engine also says so when a child was killed and the container went on to another end. */
function endReason(container: ObservedContainer): string {
  if (container.error !== '' && container.startedAtMs === 0) return 'StartError'
  if (container.oomKilled && container.exitCode === 137) return 'OOMKilled'
  return container.exitCode === 0 ? 'Completed' : 'Error'
}
