// What to do next for one pod: the pod, what the engine shows of it and what failed lately in; steps out.
// Asked again after every step's effect and whenever something happens, so it decides one thing at a time and
// keeps nothing. On the world its own steps made it answers no steps.
import type { Container, Pod } from '../../schema/k8s/generated/types.ts'
import { end, endPod, graceMs } from './ending.ts'
import { podLabel, specHash } from './names.ts'
import type { ObservedContainer } from './observed.ts'
import { attemptOf, LABEL, newestFirst } from './observed.ts'
import { goDuration, restartOf } from './restart.ts'
import type { Waiting } from './status.ts'
import { exitCodeOf, isSidecar, restarts } from './restart-policy.ts'

/** run it; end it and say so; end it without a word, as the control plane does not know it (any more) */
export type Fate = 'run' | 'delete' | 'forget'

/** A step failed: not to be tried again before then; until then the container waits for this reason. */
export interface Hold extends Waiting {
  readonly untilMs: number
}

/** Why a running container must end, and how long it may take to. */
export interface Sick {
  readonly message: string
  readonly graceMs: number
}

export interface PodInput {
  readonly pod: Pod
  readonly fate: Fate
  /** pause containers of the pod, newest first */
  readonly sandboxes: readonly ObservedContainer[]
  readonly containers: readonly ObservedContainer[]
  /** directories and files of the pod are in place since the agent started */
  readonly volumesReady: boolean
  /** by container name; '' for the sandbox and the volumes */
  readonly holds: ReadonlyMap<string, Hold>
  /** when containers were asked to end, by id; under '' when the first was because the pod ends */
  readonly asked: ReadonlyMap<string, number>
  /** why a running container must end and start again, by id: its liveness or startup probe failed */
  readonly sick: ReadonlyMap<string, Sick>
  /** running, and past its startup probe */
  readonly started: (container: ObservedContainer) => boolean
  /** the pod has ended for good, as the last status said, or must (activeDeadlineSeconds) */
  readonly ended: boolean
  /** nothing of the pod is left on the node: network, volumes, cgroups */
  readonly tornDown: boolean
  readonly atMs: number
}

export type Step =
  | { readonly do: 'sandbox'; readonly attempt: number }
  | { readonly do: 'volumes' }
  | {
      readonly do: 'start'
      readonly container: Container
      readonly attempt: number
      readonly sandbox: ObservedContainer
      readonly backoffMs: number
    }
  /** `message`: why; empty: because the pod ends, which begins then even if nobody is to be asked */
  | { readonly do: 'ask'; readonly containers: readonly ObservedContainer[]; readonly message: string }
  | { readonly do: 'kill'; readonly containers: readonly ObservedContainer[] }
  | { readonly do: 'remove'; readonly containers: readonly ObservedContainer[] }
  | { readonly do: 'drop-sandbox'; readonly sandboxes: readonly ObservedContainer[] }
  | { readonly do: 'teardown' }

export interface PodPlan {
  /** to be done in order; plan again after */
  readonly steps: readonly Step[]
  /** why containers that should run do not, by name */
  readonly waiting: ReadonlyMap<string, Waiting>
  /** plan again then, if nothing happens before */
  readonly againAtMs: number | undefined
  /** no container runs and none will again */
  readonly terminal: boolean
  readonly stopped: boolean
}

export function planPod(input: PodInput): PodPlan {
  if (input.fate !== 'run') return leave(input)
  if (input.ended) return rest(input)
  return run(input)
}

const NONE: ReadonlyMap<string, Waiting> = new Map()
const REBUILT = 'Pod sandbox changed, it will be killed and re-created.'
const running = (one: ObservedContainer): boolean => one.state === 'running'

/** End every container, then everything else of the pod. */
function leave(input: PodInput): PodPlan {
  const plan = { waiting: NONE, terminal: true, stopped: false, againAtMs: undefined }
  const alive = input.containers.filter(running)
  if (alive.length > 0) return { ...plan, terminal: false, ...endPod(alive, input) }
  if (input.sandboxes.length > 0) return { ...plan, steps: [{ do: 'drop-sandbox', sandboxes: input.sandboxes }] }
  if (input.containers.length > 0) return { ...plan, steps: [{ do: 'remove', containers: input.containers }] }
  if (!input.tornDown) return { ...plan, steps: [{ do: 'teardown' }] }
  return { ...plan, steps: [], stopped: true }
}

/** A pod that ended keeps its dead containers, for their logs, and gives the rest back. */
function rest(input: PodInput): PodPlan {
  const plan = { waiting: NONE, terminal: true, stopped: false, againAtMs: undefined }
  const alive = input.containers.filter(running)
  if (alive.length > 0) return { ...plan, terminal: false, ...endPod(alive, input) }
  if (input.sandboxes.length > 0) return { ...plan, steps: [{ do: 'drop-sandbox', sandboxes: input.sandboxes }] }
  return { ...plan, steps: [] }
}

function run(input: PodInput): PodPlan {
  const { pod, containers } = input
  const plan = { waiting: NONE, terminal: false, stopped: false, againAtMs: undefined }
  const sandbox = input.sandboxes.find(running)
  if (sandbox === undefined) return withoutSandbox(input)

  const old = input.sandboxes.filter((one) => one.id !== sandbox.id)
  if (old.length > 0) return { ...plan, steps: [{ do: 'drop-sandbox', sandboxes: old }] }
  // A container of an earlier sandbox shares namespaces with nothing.
  const astray = containers.filter((one) => running(one) && one.labels[LABEL.sandbox] !== sandbox.labels[LABEL.attempt])
  if (astray.length > 0) return { ...plan, ...end(astray, 0, input, REBUILT) }
  if (!input.volumesReady) {
    const hold = input.holds.get('')
    if (hold !== undefined && hold.untilMs > input.atMs) return { ...plan, steps: [], againAtMs: hold.untilMs }
    return { ...plan, steps: [{ do: 'volumes' }] }
  }
  const spare = superseded(containers)
  if (spare.length > 0) return { ...plan, steps: [{ do: 'remove', containers: spare }] }
  const changed = definitionChanged(pod, containers)
  if (changed !== undefined) {
    const name = changed.labels[LABEL.container] ?? ''
    const message = `Container ${name} definition changed, will be restarted`
    return { ...plan, ...end([changed], graceMs(input), input, message) }
  }
  const sick = containers.find((one) => running(one) && input.sick.has(one.id))
  const why = sick === undefined ? undefined : input.sick.get(sick.id)
  if (sick !== undefined && why !== undefined) return { ...plan, ...end([sick], why.graceMs, input, why.message) }
  return startNext(input, sandbox)
}

/** At most the newest and the one before it are kept, the latter for `kubectl logs --previous`. */
function superseded(containers: readonly ObservedContainer[]): ObservedContainer[] {
  const names = new Set(containers.map((one) => one.labels[LABEL.container]))
  return [...names].flatMap((name) =>
    newestFirst(containers.filter((one) => one.labels[LABEL.container] === name))
      .slice(2)
      .filter((one) => !running(one)),
  )
}

function definitionChanged(pod: Pod, containers: readonly ObservedContainer[]): ObservedContainer | undefined {
  const specs = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? []).filter(isSidecar)]
  return containers.find((one) => {
    const spec = specs.find(({ name }) => name === one.labels[LABEL.container])
    return running(one) && spec !== undefined && one.labels[LABEL.specHash] !== specHash(spec)
  })
}

function withoutSandbox(input: PodInput): PodPlan {
  const { pod, containers, sandboxes } = input
  const plan = { waiting: NONE, terminal: false, stopped: false, againAtMs: undefined }
  const alive = containers.filter(running)
  if (alive.length > 0) return { ...plan, ...end(alive, 0, input, REBUILT) }
  if (sandboxes.length > 0) return { ...plan, steps: [{ do: 'drop-sandbox', sandboxes }] }
  // A pod whose containers all ended for good needs no new sandbox.
  if (containers.length > 0 && finished(pod, containers)) return { ...plan, terminal: true, steps: [] }
  const hold = input.holds.get('')
  if (hold !== undefined && hold.untilMs > input.atMs) return { ...plan, steps: [], againAtMs: hold.untilMs }
  const attempts = containers.map((one) => Number(one.labels[LABEL.sandbox] ?? 0))
  const attempt = containers.length === 0 ? 0 : Math.max(...attempts) + 1
  return { ...plan, steps: [{ do: 'sandbox', attempt }] }
}

function newestOf(containers: readonly ObservedContainer[], name: string): ObservedContainer | undefined {
  return newestFirst(containers.filter((one) => one.labels[LABEL.container] === name))[0]
}

function finished(pod: Pod, containers: readonly ObservedContainer[]): boolean {
  const failedInit = (pod.spec?.initContainers ?? []).some((spec) => {
    const newest = newestOf(containers, spec.name)
    return newest !== undefined && endedForGood(pod, spec, newest) && exitCodeOf(newest) !== 0
  })
  if (failedInit) return true
  return (pod.spec?.containers ?? []).every((spec) => {
    const newest = newestOf(containers, spec.name)
    return newest !== undefined && endedForGood(pod, spec, newest)
  })
}

function endedForGood(pod: Pod, spec: Container, newest: ObservedContainer): boolean {
  return hasEnded(newest) && !restarts(pod, spec, exitCodeOf(newest))
}

/** A container that never started, and says why, has ended as well. */
function hasEnded(one: ObservedContainer): boolean {
  return one.state === 'exited' || (one.state === 'created' && one.error !== '')
}

interface Next {
  readonly steps: Step[]
  readonly waiting: Map<string, Waiting>
  againAtMs: number | undefined
}

/** Init containers one after another, sidecars among them left running, then all containers. */
function startNext(input: PodInput, sandbox: ObservedContainer): PodPlan {
  const { pod, containers } = input
  const next: Next = { steps: [], waiting: new Map(), againAtMs: undefined }
  const done = (terminal: boolean): PodPlan => ({ ...next, terminal, stopped: false })
  if (finished(pod, containers)) {
    const sidecars = containers.filter(running)
    if (sidecars.length === 0) return done(true)
    return { ...done(false), ...endPod(sidecars, input) }
  }
  const current = sandbox.labels[LABEL.attempt]
  const inThis = containers.filter((one) => one.labels[LABEL.sandbox] === current)
  const initialized = (pod.spec?.containers ?? []).some((spec) => newestOf(inThis, spec.name) !== undefined)
  for (const spec of pod.spec?.initContainers ?? []) {
    const newest = newestOf(inThis, spec.name)
    if (isSidecar(spec)) {
      if (newest === undefined || !running(newest)) consider(spec, input, sandbox, next)
      if (!initialized && (newest === undefined || !running(newest) || !input.started(newest))) return done(false)
      continue
    }
    if (initialized) continue
    if (newest !== undefined && newest.state === 'exited' && newest.exitCode === 0) continue
    if (newest === undefined || !running(newest)) consider(spec, input, sandbox, next)
    return done(false)
  }
  for (const spec of pod.spec?.containers ?? []) {
    const newest = newestOf(containers, spec.name)
    if (newest !== undefined && running(newest)) continue
    if (newest !== undefined && endedForGood(pod, spec, newest) && inThis.includes(newest)) continue
    if (newest !== undefined && exitCodeOf(newest) === 0 && endedForGood(pod, spec, newest)) continue
    consider(spec, input, sandbox, next)
  }
  return done(false)
}

/** Start it now, or say why not and when. */
function consider(spec: Container, input: PodInput, sandbox: ObservedContainer, next: Next): void {
  const hold = input.holds.get(spec.name)
  if (hold !== undefined && hold.untilMs > input.atMs) {
    wait(spec.name, hold, hold.untilMs, next)
    return
  }
  const newest = newestOf(input.containers, spec.name)
  if (newest === undefined) {
    next.steps.push({ do: 'start', container: spec, attempt: 0, sandbox, backoffMs: 0 })
    return
  }
  // One that was made and never started (the agent died in between) is made anew under the next number.
  const attempt = attemptOf(newest) + 1
  const again = hasEnded(newest) ? restartOf(newest, input.atMs) : { when: 'now' as const, backoffMs: 0 }
  const sameSandbox = newest.labels[LABEL.sandbox] === sandbox.labels[LABEL.attempt]
  if (again.when === 'now' || !sameSandbox) {
    next.steps.push({ do: 'start', container: spec, attempt, sandbox, backoffMs: again.backoffMs })
    return
  }
  const message = `back-off ${goDuration(again.backoffMs)} restarting failed container=${spec.name} pod=${podLabel(input.pod)}`
  wait(spec.name, { reason: 'CrashLoopBackOff', message }, again.atMs, next)
}

function wait(name: string, waiting: Waiting, atMs: number, next: Next): void {
  if (waiting.reason !== '') next.waiting.set(name, { reason: waiting.reason, message: waiting.message })
  next.againAtMs = Math.min(next.againAtMs ?? atMs, atMs)
}
