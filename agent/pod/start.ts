// Starts one container: its image, then the container made and started, then its postStart hook. What fails is said in
// upstream's words and held back for a while; nothing here is tried twice.
import type { Container, Secret } from '../../schema/k8s/generated/types.ts'
import { describeContainer, rootRefusal } from '../plan/container.ts'
import { attemptOf, LABEL } from '../plan/observed.ts'
import type { Step } from '../plan/pod.ts'
import { FIRST_BACKOFF_MS } from '../plan/restart.ts'
import { Unmet } from '../plan/sources.ts'
import { runHook } from './hooks.ts'
import type { PodRecord } from './record.ts'
import { messageOf } from './record.ts'

/** a postStart hook that takes longer has failed */
const HOOK_LIMIT_SECONDS = 300
const START_RETRY_MS = 1000

export type Start = Extract<Step, { do: 'start' }>

export async function startContainer(record: PodRecord, step: Start, signal: AbortSignal): Promise<void> {
  const { container: spec } = step
  const { images, clock, limited } = record.ground
  record.holds.delete(spec.name)
  const outcome = await images.ensure({
    pod: record.pod,
    container: spec,
    secrets: pullSecrets(record),
    event: (event) => record.containerEvent(spec.name, event.type, event.reason, event.message),
    now: () => clock.now(),
    signal,
  })
  if (!outcome.ok) {
    record.containerEvent(spec.name, 'Warning', 'Failed', `Error: ${outcome.reason}`)
    record.hold(spec.name, outcome.reason, outcome.message, outcome.untilMs)
    return
  }
  record.imageRefs.set(outcome.image.id, outcome.image.reference)
  await limited(() => create(record, step, outcome.image.user, signal))
  await afterStart(record, spec, signal)
}

function pullSecrets(record: PodRecord): Secret[] {
  return (record.pod.spec?.imagePullSecrets ?? []).flatMap(({ name = '' }): Secret[] => {
    const secret = record.ground.sources.secret(record.id.namespace, name)
    return secret === undefined ? [] : [secret]
  })
}

async function create(record: PodRecord, step: Start, imageUser: string, signal: AbortSignal): Promise<void> {
  const { driver, clock } = record.ground
  const { name } = step.container
  const retryMs = clock.now() + FIRST_BACKOFF_MS
  let id: string
  try {
    id = await make(record, step, imageUser, signal)
  } catch (error) {
    if (signal.aborted) throw error
    const reason = error instanceof Unmet ? 'CreateContainerConfigError' : 'CreateContainerError'
    record.containerEvent(name, 'Warning', 'Failed', `Error: ${messageOf(error)}`)
    record.hold(name, reason, messageOf(error), retryMs)
    return
  }
  record.containerEvent(name, 'Normal', 'Created', 'Container created')
  try {
    await driver.start(id, signal)
    record.containerEvent(name, 'Normal', 'Started', 'Container started')
  } catch (error) {
    if (signal.aborted) throw error
    record.containerEvent(name, 'Warning', 'Failed', `Error: ${messageOf(error)}`)
    record.hold(name, 'RunContainerError', messageOf(error), clock.now() + START_RETRY_MS)
  }
  const made = await driver.inspect(id, signal)
  if (made !== undefined) record.observe(made)
}

async function make(record: PodRecord, step: Start, imageUser: string, signal: AbortSignal): Promise<string> {
  const { driver, node, sources, volumes } = record.ground
  const { container, sandbox } = step
  const refusal = rootRefusal(record.pod, container, imageUser)
  if (refusal !== undefined) throw new Unmet(refusal)
  const described = describeContainer({
    pod: record.pod,
    container,
    node,
    sources,
    volumes: record.volumes,
    attempt: step.attempt,
    sandbox: { id: sandbox.id, attempt: attemptOf(sandbox) },
    podIP: sandbox.labels[LABEL.ip] ?? node.ip,
    backoffMs: step.backoffMs,
  })
  const mounts = await volumes.mounts(record.id.uid, described.mounts, signal)
  return driver.create({ ...described, mounts }, signal)
}

/** A container whose postStart hook fails is killed, and so started again. */
async function afterStart(record: PodRecord, spec: Container, signal: AbortSignal): Promise<void> {
  const one = record.attempts(spec.name)[0]
  const handler = spec.lifecycle?.postStart
  if (handler === undefined || one?.state !== 'running') return
  const hook = { one, container: spec, handler, timeoutSeconds: HOOK_LIMIT_SECONDS }
  const result = await runHook(record, hook, signal)
  if (result.ok || signal.aborted) return
  record.containerEvent(spec.name, 'Warning', 'FailedPostStartHook', 'PostStartHook failed')
  record.containerEvent(spec.name, 'Normal', 'Killing', 'FailedPostStartHook')
  await record.ground.driver.signal(one.id, 'SIGKILL', signal)
}
