// Ends containers: asked first, with their preStop hook if they have one, then killed. When is the planner's to say.
import type { Container, LifecycleHandler } from '../../schema/k8s/generated/types.ts'
import { podLabel } from '../plan/names.ts'
import type { ObservedContainer } from '../plan/observed.ts'
import { LABEL } from '../plan/observed.ts'
import { runHook } from './hooks.ts'
import type { PodRecord } from './record.ts'

const SIGNAL_TIMEOUT_MS = 10_000

/** `message`: why, for the event; empty: because the pod ends. */
export async function askToEnd(
  record: PodRecord,
  containers: readonly ObservedContainer[],
  message: string,
  signal: AbortSignal,
): Promise<void> {
  const { driver, clock, log } = record.ground
  // All containers share the grace period that begins with the first, also those whose turn comes later.
  if (message === '' && !record.asked.has('')) record.asked.set('', clock.now())
  for (const one of containers) {
    const name = one.labels[LABEL.container] ?? ''
    record.asked.set(one.id, clock.now())
    record.containerEvent(name, 'Normal', 'Killing', message === '' ? `Stopping container ${name}` : message)
  }
  const asking = containers.map((one) => {
    const spec = record.specOf(one)
    const handler = spec?.lifecycle?.preStop
    if (spec === undefined || handler === undefined) return driver.signal(one.id, one.stopSignal, signal)
    // Not waited for: a shortened grace period must not wait for the hook.
    hookThenSignal(record, one, spec, handler).catch((error: unknown) =>
      log('warn', 'preStop hook', { pod: podLabel(record.pod), error: String(error) }),
    )
    return Promise.resolve()
  })
  await Promise.all(asking)
}

/** The planner kills when the grace period is over, hook or not. */
async function hookThenSignal(
  record: PodRecord,
  one: ObservedContainer,
  container: Container,
  handler: LifecycleHandler,
): Promise<void> {
  const { metadata, spec } = record.pod
  const grace = metadata.deletionGracePeriodSeconds ?? spec?.terminationGracePeriodSeconds ?? 30
  const timeoutSeconds = Math.max(grace, 1)
  const signal = AbortSignal.timeout(timeoutSeconds * 1000)
  const result = await runHook(record, { one, container, handler, timeoutSeconds }, signal)
  if (!result.ok) record.containerEvent(container.name, 'Warning', 'FailedPreStopHook', 'PreStopHook failed')
  await record.ground.driver.signal(one.id, one.stopSignal, AbortSignal.timeout(SIGNAL_TIMEOUT_MS))
}

export async function kill(
  record: PodRecord,
  containers: readonly ObservedContainer[],
  signal: AbortSignal,
): Promise<void> {
  const { driver } = record.ground
  await Promise.all(containers.map((one) => driver.signal(one.id, 'SIGKILL', signal)))
  for (const one of containers) {
    const now = await driver.inspect(one.id, signal)
    if (now === undefined) record.seen.delete(one.id)
    else record.observe(now)
  }
}
