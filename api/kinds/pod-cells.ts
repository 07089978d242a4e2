/** The row kubectl prints for a pod: one word for the state of all its containers, in upstream's precedence. */
import type { Container, ContainerStatus, Pod } from '../../schema/k8s/generated/types.ts'
import { timeMs } from '../../schema/k8s/time.ts'
import { age, since } from './column.ts'
import type { Cell } from './generic.ts'

export function podCells(pod: Pod, now: number): readonly Cell[] {
  const { ready, total, reason, restarts, lastRestart } = summarize(pod)
  const ago = restarts > 0 && lastRestart !== undefined ? ` (${since(lastRestart, now)} ago)` : ''
  return [
    pod.metadata.name ?? '',
    `${ready}/${total}`,
    reason,
    `${restarts}${ago}`,
    age(pod, now),
    orNone(pod.status?.podIPs?.[0]?.ip),
    orNone(pod.spec?.nodeName),
    orNone(pod.status?.nominatedNodeName),
    gatesCell(pod),
  ]
}

interface Summary {
  readonly ready: number
  readonly total: number
  readonly reason: string
  readonly restarts: number
  readonly lastRestart: string | undefined
}

function summarize(pod: Pod): Summary {
  const sidecars = new Set((pod.spec?.initContainers ?? []).filter(isSidecar).map((one) => one.name))
  const total = (pod.spec?.containers ?? []).length + sidecars.size
  const init = initState(pod, sidecars)
  const initialized =
    pod.status?.conditions?.some((one) => one.type === 'Initialized' && one.status === 'True') ?? false
  const main = init.reason === undefined || initialized ? mainState(pod, init.reason ?? baseReason(pod)) : undefined
  const counted = main === undefined ? init.all : latest([init.sidecars, main])
  return {
    ready: init.ready + (main?.ready ?? 0),
    total,
    reason: deletionReason(pod) ?? main?.reason ?? init.reason ?? baseReason(pod),
    restarts: counted.restarts,
    lastRestart: counted.lastRestart,
  }
}

function baseReason(pod: Pod): string {
  const gated = pod.status?.conditions?.some((one) => one.type === 'PodScheduled' && one.reason === 'SchedulingGated')
  if (gated === true) return 'SchedulingGated'
  const { reason = '', phase = '' } = pod.status ?? {}
  return reason === '' ? phase : reason
}

function deletionReason(pod: Pod): string | undefined {
  if (pod.metadata.deletionTimestamp === undefined) return undefined
  if (pod.status?.reason === 'NodeLost') return 'Unknown'
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed' ? undefined : 'Terminating'
}

/** Restarts of some containers, and when the last of them ended. */
interface Restarts {
  readonly restarts: number
  readonly lastRestart: string | undefined
}

const NO_RESTARTS: Restarts = { restarts: 0, lastRestart: undefined }

/** The first init container that is not done decides the word; restartable ones count as containers once started. */
function initState(pod: Pod, sidecars: ReadonlySet<string>) {
  let all = NO_RESTARTS
  let ofSidecars = NO_RESTARTS
  let ready = 0
  const total = (pod.spec?.initContainers ?? []).length
  for (const [index, status] of (pod.status?.initContainerStatuses ?? []).entries()) {
    const own = restartsOf(status)
    const sidecar = sidecars.has(status.name)
    all = latest([all, own])
    if (sidecar) ofSidecars = latest([ofSidecars, own])
    const { terminated, waiting } = status.state ?? {}
    if (terminated !== undefined && terminated.exitCode === 0) continue
    if (sidecar && status.started === true) {
      if (status.ready) ready += 1
      continue
    }
    return { all, sidecars: ofSidecars, ready, reason: `Init:${initWord(terminated, waiting, `${index}/${total}`)}` }
  }
  return { all, sidecars: ofSidecars, ready, reason: undefined }
}

type State = NonNullable<ContainerStatus['state']>

function initWord(terminated: State['terminated'], waiting: State['waiting'], progress: string): string {
  if (terminated !== undefined) return terminatedWord(terminated)
  const reason = waiting?.reason ?? ''
  return reason !== '' && reason !== 'PodInitializing' ? reason : progress
}

function terminatedWord(terminated: NonNullable<State['terminated']>): string {
  if ((terminated.reason ?? '') !== '') return terminated.reason ?? ''
  const { signal = 0, exitCode } = terminated
  return signal === 0 ? `ExitCode:${exitCode}` : `Signal:${signal}`
}

/** Later containers speak first, earlier ones have the last word. */
function mainState(pod: Pod, start: string) {
  let counted = NO_RESTARTS
  let reason = start
  let failure = ''
  let ready = 0
  let running = false
  for (const status of (pod.status?.containerStatuses ?? []).toReversed()) {
    counted = latest([counted, restartsOf(status)])
    const { waiting, terminated, running: runs } = status.state ?? {}
    if (waiting !== undefined && (waiting.reason ?? '') !== '') reason = waiting.reason ?? ''
    else if (terminated !== undefined) {
      reason = terminatedWord(terminated)
      if (terminated.exitCode !== 0) failure = reason
    } else if (status.ready && runs !== undefined) {
      running = true
      ready += 1
    }
  }
  if (reason === 'Completed') {
    const isReady = pod.status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') ?? false
    if (running && isReady) reason = 'Running'
    else if (failure !== '') reason = failure
    else if (running) reason = 'NotReady'
  }
  return { ...counted, reason, ready }
}

function restartsOf(status: ContainerStatus): Restarts {
  return { restarts: status.restartCount ?? 0, lastRestart: status.lastState?.terminated?.finishedAt }
}

function latest(all: readonly Restarts[]): Restarts {
  return all.reduce((left, right) => ({
    restarts: left.restarts + right.restarts,
    lastRestart: isAfter(right.lastRestart, left.lastRestart) ? right.lastRestart : left.lastRestart,
  }))
}

function isAfter(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined) return a !== undefined
  return (timeMs(a) ?? 0) > (timeMs(b) ?? 0)
}

function gatesCell(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? []
  if (gates.length === 0) return '<none>'
  const met = gates.filter(
    (gate) => pod.status?.conditions?.find((one) => one.type === gate.conditionType)?.status === 'True',
  )
  return `${met.length}/${gates.length}`
}

function orNone(text: string | undefined): string {
  return text === undefined || text === '' ? '<none>' : text
}

/** An init container that keeps running beside the others. */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always'
}
