// One lifecycle hook: the same actions as a probe's, and a sleep.
import type { Container, LifecycleHandler } from '../../schema/k8s/generated/types.ts'
import type { ObservedContainer } from '../plan/observed.ts'
import { LABEL } from '../plan/observed.ts'
import type { ProbeResult } from '../probe/probe.ts'
import type { PodRecord } from './record.ts'

export interface Hook {
  readonly one: ObservedContainer
  readonly container: Container
  readonly handler: LifecycleHandler
  readonly timeoutSeconds: number
}

export async function runHook(record: PodRecord, hook: Hook, signal: AbortSignal): Promise<ProbeResult> {
  const { clock, node, probe } = record.ground
  const { sleep, ...action } = hook.handler
  if (sleep !== undefined) {
    const untilMs = clock.now() + sleep.seconds * 1000
    await new Promise<void>((resolve) => {
      const cancel = clock.at(untilMs, resolve)
      signal.addEventListener('abort', () => (cancel(), resolve()), { once: true })
    })
    return { ok: true, message: '' }
  }
  const podIP = record.sandbox()?.labels[LABEL.ip] ?? node.ip
  const target = { containerId: hook.one.id, container: hook.container, podIP }
  return probe({ ...action, timeoutSeconds: hook.timeoutSeconds }, target, signal)
}
