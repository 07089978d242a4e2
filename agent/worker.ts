// One pod on this node: plans, does the steps, reports. Only one step of a pod runs at a time; anything that
// happens meanwhile (an event, a changed spec, a deletion) makes it plan again after, and a deletion also ends
// what the step waits for.
import type { Pod, PodStatus } from '../schema/k8s/generated/types.ts'
import type { Ground, PodIdentity } from './ground.ts'
import { podLabel } from './plan/names.ts'
import type { ObservedContainer } from './plan/observed.ts'
import { LABEL } from './plan/observed.ts'
import type { Fate, PodPlan, Step } from './plan/pod.ts'
import { planPod } from './plan/pod.ts'
import type { Waiting } from './plan/status.ts'
import { podStatus } from './plan/status.ts'
import { learn } from './pod/learn.ts'
import { Probing } from './pod/probing.ts'
import { messageOf, PodRecord } from './pod/record.ts'
import { dropSandboxes, prepareVolumes, releaseLost, startSandbox } from './pod/sandbox.ts'
import { startContainer } from './pod/start.ts'
import { askToEnd, kill } from './pod/stop.ts'

const RETRY_MS = 5000
const ENDING_TIMEOUT_MS = 60_000
/** steps in a row before others get their turn; a bound, never met by a plan that converges */
const MAX_ROUNDS = 200
const ENDING = new Set<Step['do']>(['ask', 'kill', 'remove', 'drop-sandbox', 'teardown'])

export class PodWorker {
  readonly #ground: Ground
  readonly #record: PodRecord
  readonly #probing: Probing
  #stopped = false
  #failed: Waiting | undefined
  #statusText = ''
  #busy = false
  #again = false
  #step = new AbortController()
  #cancelTimer: () => void = () => {}

  constructor(ground: Ground, pod: Pod) {
    this.#ground = ground
    this.#record = new PodRecord(ground, pod)
    this.#probing = new Probing(this.#record, () => this.wake())
  }

  get pod(): Pod {
    return this.#record.pod
  }

  get id(): PodIdentity {
    return this.#record.id
  }

  get status(): PodStatus | undefined {
    return this.#record.status
  }

  /** The newest container of that name, or the one before it. */
  container(name: string, previous = false): ObservedContainer | undefined {
    return this.#record.attempts(name)[previous ? 1 : 0]
  }

  sandbox(): ObservedContainer | undefined {
    return this.#record.sandbox()
  }

  seen(): ObservedContainer[] {
    return [...this.#record.seen.values()]
  }

  ids(): string[] {
    return [...this.#record.seen.keys()]
  }

  /** A newer version of the pod, or of what it names. */
  assign(pod: Pod): void {
    const record = this.#record
    record.pod = pod
    if (pod.metadata.deletionTimestamp !== undefined && record.fate === 'run') this.#leave('delete')
    // Contents may have changed; unchanged files are not written again.
    record.volumesReady = false
    for (const [name, hold] of record.holds)
      if (hold.reason === 'CreateContainerConfigError' || name === '') record.holds.delete(name)
    this.wake()
  }

  /** The control plane does not know the pod any more. */
  forget(): void {
    if (this.#record.fate !== 'forget') this.#leave('forget')
    this.wake()
  }

  #leave(fate: Fate): void {
    this.#record.fate = fate
    this.#step.abort(new Error('the pod is being deleted'))
  }

  /** What the engine shows of a container now. */
  observe(container: ObservedContainer): void {
    if (this.#record.observe(container)) this.wake()
  }

  /** The engine does not have it any more. */
  vanished(id: string): void {
    if (this.#record.vanished(id)) this.wake()
  }

  wake(): void {
    this.#again = true
    if (this.#busy || this.#stopped) return
    this.#busy = true
    this.#work()
      .catch((error: unknown) =>
        this.#ground.log('error', 'pod worker failed', { pod: podLabel(this.pod), error: String(error) }),
      )
      .finally(() => {
        this.#busy = false
      })
  }

  /** No timer and no step is left behind; containers run on. */
  close(): void {
    this.#stopped = true
    this.#cancelTimer()
    this.#probing.close()
    this.#step.abort(new Error('the agent is stopping'))
  }

  async #work(): Promise<void> {
    for (let round = 0; round < MAX_ROUNDS && this.#again && !this.#stopped; round++) {
      this.#again = false
      this.#cancelTimer()
      await this.#learn()
      const plan = this.#plan()
      this.#tell(plan)
      if (plan.stopped) {
        this.#stopped = true
        this.#probing.sync()
        this.#ground.images.forget(this.id.uid)
        this.#ground.stopped(this.id, this.#record.fate === 'delete')
        return
      }
      await this.#carryOut(plan)
    }
    if (this.#again) this.#timer(this.#ground.clock.now() + RETRY_MS)
  }

  async #learn(): Promise<void> {
    await releaseLost(this.#record)
    await learn(this.#record)
    this.#probing.sync()
  }

  #plan(): PodPlan {
    const record = this.#record
    const atMs = this.#ground.clock.now()
    this.#checkDeadline(atMs)
    const phase = record.status?.phase
    const plan = planPod({
      pod: record.pod,
      fate: record.fate,
      sandboxes: record.sandboxes(),
      containers: record.containers(),
      volumesReady: record.volumesReady,
      holds: record.holds,
      asked: record.asked,
      sick: this.#probing.sick,
      started: (one) => this.#probing.started(one),
      ended: this.#failed !== undefined || phase === 'Failed' || phase === 'Succeeded',
      tornDown: record.tornDown,
      atMs,
    })
    this.#timer(earliest(plan.againAtMs, this.#deadline()))
    return plan
  }

  #timer(atMs: number | undefined): void {
    this.#cancelTimer()
    if (atMs !== undefined) this.#cancelTimer = this.#ground.clock.at(atMs, () => this.wake())
  }

  #deadline(): number | undefined {
    const { pod, status } = this.#record
    const seconds = pod.spec?.activeDeadlineSeconds
    const began = status?.startTime
    if (seconds === undefined || began === undefined || this.#failed !== undefined) return undefined
    const ended = status?.phase === 'Failed' || status?.phase === 'Succeeded'
    return ended ? undefined : Date.parse(began) + seconds * 1000
  }

  #checkDeadline(atMs: number): void {
    const deadline = this.#deadline()
    if (deadline === undefined || atMs < deadline || this.#record.fate !== 'run') return
    const message = 'Pod was active on the node longer than the specified deadline'
    this.#failed = { reason: 'DeadlineExceeded', message }
    this.#record.event({ type: 'Normal', reason: 'DeadlineExceeded', message })
  }

  async #carryOut(plan: PodPlan): Promise<void> {
    for (const step of plan.steps) {
      if (this.#stopped) return
      if (this.#record.fate === 'run' && this.#step.signal.aborted) this.#step = new AbortController()
      // Ending is never cut short by the deletion that asked for it.
      const signal = ENDING.has(step.do) ? AbortSignal.timeout(ENDING_TIMEOUT_MS) : this.#step.signal
      try {
        await this.#perform(step, signal)
      } catch (error) {
        if (this.#stopped || this.#step.signal.aborted) break
        this.#failStep(step, error)
      }
      this.#again = true
      // The first started container shows before the second is begun.
      if (step.do !== 'start') continue
      await this.#learn()
      this.#tell({ ...plan, steps: [] })
    }
    if (plan.steps.length > 0) this.#again = true
  }

  async #perform(step: Step, signal: AbortSignal): Promise<void> {
    const record = this.#record
    switch (step.do) {
      case 'sandbox':
        return this.#ground.limited(() => startSandbox(record, step.attempt, signal))
      case 'volumes':
        return prepareVolumes(record, record.sandbox()?.labels[LABEL.ip] ?? '', signal)
      case 'start':
        return startContainer(record, step, signal)
      case 'ask':
        return askToEnd(record, step.containers, step.message, signal)
      case 'kill':
        return kill(record, step.containers, signal)
      case 'remove':
        await Promise.all(step.containers.map((one) => this.#ground.driver.remove(one.id, signal)))
        for (const one of step.containers) record.seen.delete(one.id)
        return
      case 'drop-sandbox':
        return dropSandboxes(record, step.sandboxes, signal)
      case 'teardown':
        await this.#ground.volumes.remove(this.id.uid, signal)
        await this.#ground.removeCgroups(this.id.uid)
        record.tornDown = true
    }
  }

  #failStep(step: Step, error: unknown): void {
    this.#ground.log('warn', `${step.do} failed`, { pod: podLabel(this.pod), error: messageOf(error) })
    const key = step.do === 'start' ? step.container.name : ''
    this.#record.hold(key, '', messageOf(error), this.#ground.clock.now() + RETRY_MS)
  }

  #tell(plan: PodPlan): void {
    const record = this.#record
    this.#tellBackOff(plan)
    // Once its containers are being removed, what was last said of them stands.
    if (record.fate !== 'run' && record.containers().length === 0) return
    if (record.fate === 'forget') return
    const status = podStatus({
      pod: record.pod,
      containers: record.containers(),
      sandbox: record.sandbox(),
      podIP: record.ip,
      hostIP: this.#ground.node.ip,
      waiting: plan.waiting,
      messages: record.messages,
      imageRefs: record.imageRefs,
      previous: record.status,
      ready: (one) => this.#probing.ready(one),
      started: (one) => this.#probing.started(one),
      terminal: plan.terminal,
      ...(this.#failed === undefined ? {} : { failed: this.#failed }),
      atMs: this.#ground.clock.now(),
    })
    const text = JSON.stringify(status)
    if (text === this.#statusText) return
    const phase = record.status?.phase
    record.status = status
    this.#statusText = text
    this.#ground.status(this.id, status)
    // A pod that just ended gives its sandbox back.
    if (status.phase !== phase && (status.phase === 'Failed' || status.phase === 'Succeeded')) this.#again = true
  }

  /** One event for each wait, not for each look at it. */
  #tellBackOff(plan: PodPlan): void {
    const { told, pod } = this.#record
    for (const [name, waiting] of plan.waiting) {
      if (waiting.reason !== 'CrashLoopBackOff') continue
      const key = `backoff ${this.container(name)?.id ?? name}`
      if (told.has(key)) continue
      told.add(key)
      const message = `Back-off restarting failed container ${name} in pod ${podLabel(pod)}`
      this.#record.containerEvent(name, 'Warning', 'BackOff', message)
    }
  }
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return Math.min(a, b)
}
