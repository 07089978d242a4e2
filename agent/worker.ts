// One pod on this node: plans, does the steps, reports. Only one step of a pod runs at a time; anything that
// happens meanwhile (an event, a changed spec, a deletion) makes it plan again after, and a deletion also ends
// what the step waits for.
import type { Container, LifecycleHandler, Pod, PodStatus, Secret } from '../schema/k8s/generated/types.ts'
import { EngineError } from './driver/driver.ts'
import type { Ground, PodIdentity } from './ground.ts'
import { describeContainer, describeSandbox, rootRefusal, terminationFile } from './plan/container.ts'
import { hostsFile, resolvConf } from './plan/files.ts'
import { podLabel } from './plan/names.ts'
import type { ObservedContainer } from './plan/observed.ts'
import { attemptOf, LABEL, newestFirst, SANDBOX } from './plan/observed.ts'
import type { Fate, Hold, PodPlan, Sick, Step } from './plan/pod.ts'
import { planPod } from './plan/pod.ts'
import { FIRST_BACKOFF_MS } from './plan/restart.ts'
import { Unmet } from './plan/sources.ts'
import type { Waiting } from './plan/status.ts'
import { podStatus, restarts } from './plan/status.ts'
import type { ProbeResult } from './probe/probe.ts'
import type { ProbeKind } from './probe/prober.ts'
import { hasProbes, Prober } from './probe/prober.ts'
import type { VolumeDescription } from './plan/volumes.ts'
import { describeVolumes, VolumeUnmet } from './plan/volumes.ts'

const RETRY_MS = 5000
const HOOK_LIMIT_SECONDS = 300
const SIGNAL_TIMEOUT_MS = 10_000
const LOG_TAIL_LINES = 80
const LOG_TAIL_BYTES = 2048
/** steps in a row before others get their turn; a bound, never met by a plan that converges */
const MAX_ROUNDS = 200

export class PodWorker {
  readonly #ground: Ground
  #pod: Pod
  #fate: Fate = 'run'
  readonly #seen = new Map<string, ObservedContainer>()
  readonly #holds = new Map<string, Hold>()
  readonly #asked = new Map<string, number>()
  readonly #messages = new Map<string, string>()
  readonly #imageRefs = new Map<string, string>()
  readonly #told = new Set<string>()
  /** sandboxes somebody else removed: their interface and address are still to be given back */
  readonly #lost: ObservedContainer[] = []
  readonly #probers = new Map<string, Prober>()
  readonly #sick = new Map<string, Sick>()
  #volumes: readonly VolumeDescription[] = []
  #volumesReady = false
  #tornDown = false
  #stopped = false
  #failed: Waiting | undefined
  #status: PodStatus | undefined
  #statusText = ''
  #ip = ''
  #busy = false
  #again = false
  #step = new AbortController()
  #cancelTimer: () => void = () => {}

  constructor(ground: Ground, pod: Pod) {
    this.#ground = ground
    this.#pod = pod
    this.#status = pod.status
    this.#fate = pod.metadata.deletionTimestamp === undefined ? 'run' : 'delete'
  }

  get pod(): Pod {
    return this.#pod
  }

  get id(): PodIdentity {
    const { namespace = '', name = '', uid = '' } = this.#pod.metadata
    return { namespace, name, uid }
  }

  get status(): PodStatus | undefined {
    return this.#status
  }

  get idle(): boolean {
    return !this.#busy
  }

  /** The newest container of that name, or the one before it. */
  container(name: string, previous = false): ObservedContainer | undefined {
    return this.#attempts(name)[previous ? 1 : 0]
  }

  sandbox(): ObservedContainer | undefined {
    return this.#sandboxes().find((one) => one.state === 'running')
  }

  /** A newer version of the pod, or of what it names. */
  assign(pod: Pod): void {
    this.#pod = pod
    if (pod.metadata.deletionTimestamp !== undefined && this.#fate === 'run') this.#leave('delete')
    // Contents may have changed; unchanged files are not written again.
    this.#volumesReady = false
    for (const [name, hold] of this.#holds)
      if (hold.reason === 'CreateContainerConfigError' || name === '') this.#holds.delete(name)
    this.wake()
  }

  /** The control plane does not know the pod any more. */
  forget(): void {
    if (this.#fate !== 'forget') this.#leave('forget')
    this.wake()
  }

  #leave(fate: Fate): void {
    this.#fate = fate
    this.#step.abort(new Error('the pod is being deleted'))
  }

  /** What the engine shows of a container now; states only grow. */
  observe(container: ObservedContainer): void {
    const before = this.#seen.get(container.id)
    if (before !== undefined && RANK[container.state] < RANK[before.state]) return
    this.#seen.set(container.id, container)
    this.wake()
  }

  /** The engine does not have it any more. */
  vanished(id: string): void {
    const one = this.#seen.get(id)
    if (one === undefined) return
    this.#seen.delete(id)
    if (one.labels[LABEL.container] === SANDBOX) this.#lost.push(one)
    this.wake()
  }

  seen(): ObservedContainer[] {
    return [...this.#seen.values()]
  }

  ids(): string[] {
    return [...this.#seen.keys()]
  }

  wake(): void {
    this.#again = true
    if (this.#busy || this.#stopped) return
    this.#busy = true
    this.#work()
      .catch((error: unknown) =>
        this.#ground.log('error', 'pod worker failed', { pod: podLabel(this.#pod), error: String(error) }),
      )
      .finally(() => {
        this.#busy = false
      })
  }

  /** No timer and no step is left behind; containers run on. */
  close(): void {
    this.#stopped = true
    this.#cancelTimer()
    for (const prober of this.#probers.values()) prober.close()
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
        this.#syncProbers()
        this.#ground.images.forget(this.id.uid)
        this.#ground.stopped(this.id, this.#fate === 'delete')
        return
      }
      await this.#carryOut(plan)
    }
    if (this.#again) this.#timer(this.#ground.clock.now() + RETRY_MS)
  }

  #plan(): PodPlan {
    const atMs = this.#ground.clock.now()
    this.#checkDeadline(atMs)
    const plan = planPod({
      pod: this.#pod,
      fate: this.#fate,
      sandboxes: this.#sandboxes(),
      containers: this.#containers(),
      volumesReady: this.#volumesReady,
      holds: this.#holds,
      asked: this.#asked,
      sick: this.#sick,
      started: (one) => this.#started(one),
      ended: this.#failed !== undefined || this.#status?.phase === 'Failed' || this.#status?.phase === 'Succeeded',
      tornDown: this.#tornDown,
      atMs,
    })
    this.#timer(earliest(plan.againAtMs, this.#deadline()))
    return plan
  }

  async #carryOut(plan: PodPlan): Promise<void> {
    for (const step of plan.steps) {
      if (this.#stopped) return
      if (this.#fate === 'run' && this.#step.signal.aborted) this.#step = new AbortController()
      // Ending is never cut short by the deletion that asked for it.
      const signal = ENDING.has(step.do) ? AbortSignal.timeout(60_000) : this.#step.signal
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

  #failStep(step: Step, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error)
    this.#ground.log('warn', `${step.do} failed`, { pod: podLabel(this.#pod), error: message })
    const key = step.do === 'start' ? step.container.name : ''
    this.#holds.set(key, { reason: '', message, untilMs: this.#ground.clock.now() + RETRY_MS })
  }

  #timer(atMs: number | undefined): void {
    this.#cancelTimer()
    if (atMs !== undefined) this.#cancelTimer = this.#ground.clock.at(atMs, () => this.wake())
  }

  #deadline(): number | undefined {
    const seconds = this.#pod.spec?.activeDeadlineSeconds
    const began = this.#status?.startTime
    if (seconds === undefined || began === undefined || this.#failed !== undefined) return undefined
    const phase = this.#status?.phase
    return phase === 'Failed' || phase === 'Succeeded' ? undefined : Date.parse(began) + seconds * 1000
  }

  #checkDeadline(atMs: number): void {
    const deadline = this.#deadline()
    if (deadline === undefined || atMs < deadline || this.#fate !== 'run') return
    const message = 'Pod was active on the node longer than the specified deadline'
    this.#failed = { reason: 'DeadlineExceeded', message }
    this.#event({ type: 'Normal', reason: 'DeadlineExceeded', message })
  }

  #sandboxes(): ObservedContainer[] {
    return newestFirst([...this.#seen.values()].filter((one) => one.labels[LABEL.container] === SANDBOX))
  }

  #containers(): ObservedContainer[] {
    return [...this.#seen.values()].filter((one) => one.labels[LABEL.container] !== SANDBOX)
  }

  #attempts(name: string): ObservedContainer[] {
    return newestFirst(this.#containers().filter((one) => one.labels[LABEL.container] === name))
  }

  #event(event: Parameters<Ground['event']>[1]): void {
    this.#ground.event(this.id, event)
  }

  /** Facts the status needs of containers that ended, and of images. */
  async #learn(): Promise<void> {
    for (let one = this.#lost.shift(); one !== undefined; one = this.#lost.shift()) {
      this.#volumesReady = false
      await this.#release(one, AbortSignal.timeout(10_000)).catch(() => {})
    }
    for (const one of this.#containers()) {
      if (one.state === 'exited' && !this.#messages.has(one.id)) this.#messages.set(one.id, await this.#lastWords(one))
      if (!this.#imageRefs.has(one.imageId)) {
        const image = await this.#ground.driver.image(one.imageId, AbortSignal.timeout(10_000)).catch(() => undefined)
        if (image !== undefined) this.#imageRefs.set(one.imageId, image.reference)
      }
    }
    this.#syncProbers()
    for (const id of this.#messages.keys()) if (!this.#seen.has(id)) this.#messages.delete(id)
  }

  /** One prober for each running container that has probes; none for what is to end. */
  #syncProbers(): void {
    for (const [id, prober] of this.#probers) {
      if (this.#seen.get(id)?.state === 'running' && this.#fate === 'run') continue
      prober.close()
      this.#probers.delete(id)
      this.#sick.delete(id)
    }
    if (this.#fate !== 'run') return
    for (const one of this.#containers()) {
      if (one.state === 'running' && this.#probed(one) && !this.#probers.has(one.id)) this.#probe(one)
    }
  }

  #specOf(one: ObservedContainer): Container | undefined {
    return this.#specs().find(({ name }) => name === one.labels[LABEL.container])
  }

  #probed(one: ObservedContainer): boolean {
    const spec = this.#specOf(one)
    return spec !== undefined && hasProbes(spec)
  }

  #started(one: ObservedContainer): boolean {
    return this.#probers.get(one.id)?.started ?? this.#specOf(one)?.startupProbe === undefined
  }

  #probe(one: ObservedContainer): void {
    const container = this.#specOf(one)
    if (container === undefined) return
    const { clock } = this.#ground
    const podIP = this.sandbox()?.labels[LABEL.ip] ?? this.#ground.node.ip
    const target = { containerId: one.id, container, podIP }
    const prober = new Prober({
      container,
      startedAtMs: one.startedAtMs,
      now: () => clock.now(),
      at: (atMs, then) => clock.at(atMs, then),
      look: (probe, signal) => this.#ground.probe(probe, target, signal),
      changed: () => this.wake(),
      unhealthy: (kind, message) =>
        this.#containerEvent(container.name, 'Warning', 'Unhealthy', `${kind} probe failed: ${message}`),
      fatal: (kind) => {
        this.#sick.set(one.id, this.#sickness(container, kind))
        this.wake()
      },
    })
    this.#probers.set(one.id, prober)
  }

  #sickness(container: Container, kind: ProbeKind): Sick {
    const probe = kind === 'Startup' ? container.startupProbe : container.livenessProbe
    const seconds = probe?.terminationGracePeriodSeconds ?? this.#pod.spec?.terminationGracePeriodSeconds ?? 30
    const again = restarts(this.#pod, container, 1) ? ', will be restarted' : ''
    const message = `Container ${container.name} failed ${kind.toLowerCase()} probe${again}`
    return { message, graceMs: seconds * 1000 }
  }

  async #lastWords(one: ObservedContainer): Promise<string> {
    const name = one.labels[LABEL.container] ?? ''
    const file = terminationFile(this.#ground.node.podsDir, this.id.uid, name, attemptOf(one))
    const signal = AbortSignal.timeout(10_000)
    const said = await this.#ground.volumes.lastWords(file, signal).catch(() => '')
    const spec = this.#specs().find((container) => container.name === name)
    if (said !== '' || spec?.terminationMessagePolicy !== 'FallbackToLogsOnError' || one.exitCode === 0) return said
    let text = ''
    const tail = { follow: false, timestamps: false, tail: LOG_TAIL_LINES, sinceMs: undefined }
    try {
      for await (const chunk of this.#ground.driver.logs(one.id, tail, signal))
        text += Buffer.from(chunk.bytes).toString('utf8')
    } catch {
      // no log: no words
    }
    return text.slice(-LOG_TAIL_BYTES)
  }

  #specs(): Container[] {
    return [...(this.#pod.spec?.initContainers ?? []), ...(this.#pod.spec?.containers ?? [])]
  }

  #tell(plan: PodPlan): void {
    this.#tellBackOff(plan)
    // Once its containers are being removed, what was last said of them stands.
    if (this.#fate !== 'run' && this.#containers().length === 0) return
    if (this.#fate === 'forget') return
    const status = podStatus({
      pod: this.#pod,
      containers: this.#containers(),
      sandbox: this.sandbox(),
      podIP: this.#ip,
      hostIP: this.#ground.node.ip,
      waiting: plan.waiting,
      messages: this.#messages,
      imageRefs: this.#imageRefs,
      previous: this.#status,
      ready: (one) => this.#probers.get(one.id)?.ready ?? !this.#probed(one),
      started: (one) => this.#started(one),
      terminal: plan.terminal,
      ...(this.#failed === undefined ? {} : { failed: this.#failed }),
      atMs: this.#ground.clock.now(),
    })
    const text = JSON.stringify(status)
    if (text === this.#statusText) return
    const phase = this.#status?.phase
    this.#status = status
    this.#statusText = text
    this.#ground.status(this.id, status)
    // A pod that just ended gives its sandbox back.
    if (status.phase !== phase && (status.phase === 'Failed' || status.phase === 'Succeeded')) this.#again = true
  }

  /** One event for each wait, not for each look at it. */
  #tellBackOff(plan: PodPlan): void {
    for (const [name, waiting] of plan.waiting) {
      if (waiting.reason !== 'CrashLoopBackOff') continue
      const newest = this.container(name)
      const key = `backoff ${newest?.id ?? name}`
      if (this.#told.has(key)) continue
      this.#told.add(key)
      const message = `Back-off restarting failed container ${name} in pod ${podLabel(this.#pod)}`
      this.#containerEvent(name, 'Warning', 'BackOff', message)
    }
  }

  #containerEvent(name: string, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const init = (this.#pod.spec?.initContainers ?? []).some((one) => one.name === name)
    this.#event({ type, reason, message, container: { name, init } })
  }

  async #perform(step: Step, signal: AbortSignal): Promise<void> {
    switch (step.do) {
      case 'sandbox':
        return this.#ground.limited(() => this.#startSandbox(step.attempt, signal))
      case 'volumes':
        return this.#prepareVolumes(this.sandbox()?.labels[LABEL.ip] ?? '', signal)
      case 'start':
        return this.#startContainer(step, signal)
      case 'ask':
        return this.#ask(step.containers, step.message, signal)
      case 'kill':
        await Promise.all(step.containers.map((one) => this.#ground.driver.signal(one.id, 'SIGKILL', signal)))
        return this.#look(step.containers, signal)
      case 'remove':
        await Promise.all(step.containers.map((one) => this.#ground.driver.remove(one.id, signal)))
        for (const one of step.containers) this.#seen.delete(one.id)
        return
      case 'drop-sandbox':
        return this.#dropSandboxes(step.sandboxes, signal)
      case 'teardown':
        await this.#ground.volumes.remove(this.id.uid, signal)
        await this.#ground.removeCgroups(this.id.uid)
        this.#tornDown = true
    }
  }

  async #startSandbox(attempt: number, signal: AbortSignal): Promise<void> {
    const { driver, network, addresses, node } = this.#ground
    const host = this.#pod.spec?.hostNetwork === true
    const ip = host ? '' : addresses.take()
    const veth = host ? '' : this.#ground.vethName(this.id.uid, attempt)
    let id = ''
    try {
      // Asked before anything is made: a pod that waits for a Secret holds no sandbox.
      this.#volumes = this.#describeVolumes(ip)
      const start = async (): Promise<ObservedContainer> => {
        id = await driver.create(describeSandbox({ pod: this.#pod, node, attempt, ip, veth }), signal)
        await driver.start(id, signal)
        const sandbox = await driver.inspect(id, signal)
        if (sandbox === undefined) throw new EngineError('not-found', 'the sandbox is gone')
        if (!host) await network.attach({ veth, pid: sandbox.pid, ip }, signal)
        return sandbox
      }
      const [sandbox] = await Promise.all([start(), this.#prepareVolumes(ip, signal)])
      this.#ip = ip
      this.#holds.delete('')
      this.#seen.set(sandbox.id, sandbox)
    } catch (error) {
      if (!host) addresses.free(ip)
      const quick = AbortSignal.timeout(10_000)
      if (id !== '') await driver.remove(id, quick).catch(() => {})
      if (veth !== '') await network.detach(veth, quick).catch(() => {})
      if (!(error instanceof Unmet) && !signal.aborted) {
        const message = `Failed to create pod sandbox: ${error instanceof Error ? error.message : String(error)}`
        this.#event({ type: 'Warning', reason: 'FailedCreatePodSandBox', message })
      }
      throw error
    }
  }

  #describeVolumes(ip: string): VolumeDescription[] {
    const { node, sources } = this.#ground
    try {
      return describeVolumes({ pod: this.#pod, node, sources, address: { podIP: ip === '' ? node.ip : ip } })
    } catch (error) {
      if (error instanceof VolumeUnmet)
        this.#failedMount(`MountVolume.SetUp failed for volume "${error.volume}" : ${error.message}`)
      throw error
    }
  }

  #failedMount(message: string): void {
    const key = `mount ${message}`
    if (this.#told.has(key)) return
    this.#told.add(key)
    this.#event({ type: 'Warning', reason: 'FailedMount', message })
  }

  async #prepareVolumes(ip: string, signal: AbortSignal): Promise<void> {
    const { node, volumes } = this.#ground
    if (ip !== '') this.#ip = ip
    this.#volumes = this.#describeVolumes(ip)
    const hosts = this.#pod.spec?.hostNetwork === true ? undefined : hostsFile(this.#pod, ip, node.clusterDomain)
    try {
      await volumes.prepare(this.id.uid, this.#volumes, { hosts, resolvConf: resolvConf(this.#pod, node) }, signal)
    } catch (error) {
      this.#failedMount(`MountVolume.SetUp failed : ${error instanceof Error ? error.message : String(error)}`)
      throw error
    }
    this.#volumesReady = true
  }

  async #startContainer(step: Extract<Step, { do: 'start' }>, signal: AbortSignal): Promise<void> {
    const { container: spec } = step
    this.#holds.delete(spec.name)
    const secrets = (this.#pod.spec?.imagePullSecrets ?? []).flatMap(({ name = '' }): Secret[] => {
      const secret = this.#ground.sources.secret(this.id.namespace, name)
      return secret === undefined ? [] : [secret]
    })
    const outcome = await this.#ground.images.ensure({
      pod: this.#pod,
      container: spec,
      secrets,
      event: (event) => this.#containerEvent(spec.name, event.type, event.reason, event.message),
      now: () => this.#ground.clock.now(),
      signal,
    })
    if (!outcome.ok) {
      this.#containerEvent(spec.name, 'Warning', 'Failed', `Error: ${outcome.reason}`)
      this.#hold(spec.name, outcome.reason, outcome.message, outcome.untilMs)
      return
    }
    this.#imageRefs.set(outcome.image.id, outcome.image.reference)
    await this.#ground.limited(() => this.#create(step, outcome.image.user, signal))
    await this.#afterStart(spec, signal)
  }

  async #create(step: Extract<Step, { do: 'start' }>, imageUser: string, signal: AbortSignal): Promise<void> {
    const { driver, node, sources, volumes } = this.#ground
    const { container: spec, sandbox } = step
    const retryMs = this.#ground.clock.now() + FIRST_BACKOFF_MS
    let id: string
    try {
      const refusal = rootRefusal(this.#pod, spec, imageUser)
      if (refusal !== undefined) throw new Unmet(refusal)
      const described = describeContainer({
        pod: this.#pod,
        container: spec,
        node,
        sources,
        volumes: this.#volumes,
        attempt: step.attempt,
        sandbox: { id: sandbox.id, attempt: attemptOf(sandbox) },
        podIP: sandbox.labels[LABEL.ip] ?? node.ip,
        backoffMs: step.backoffMs,
      })
      const mounts = await volumes.mounts(this.id.uid, described.mounts, signal)
      id = await driver.create({ ...described, mounts }, signal)
    } catch (error) {
      if (signal.aborted) throw error
      const message = error instanceof Error ? error.message : String(error)
      const reason = error instanceof Unmet ? 'CreateContainerConfigError' : 'CreateContainerError'
      this.#containerEvent(spec.name, 'Warning', 'Failed', `Error: ${message}`)
      this.#hold(spec.name, reason, message, retryMs)
      return
    }
    this.#containerEvent(spec.name, 'Normal', 'Created', 'Container created')
    try {
      await driver.start(id, signal)
      this.#containerEvent(spec.name, 'Normal', 'Started', 'Container started')
    } catch (error) {
      if (signal.aborted) throw error
      const message = error instanceof Error ? error.message : String(error)
      this.#containerEvent(spec.name, 'Warning', 'Failed', `Error: ${message}`)
      this.#hold(spec.name, 'RunContainerError', message, this.#ground.clock.now() + 1000)
    }
    const made = await driver.inspect(id, signal)
    if (made !== undefined) this.observe(made)
  }

  /** A container whose postStart hook fails is killed, and so started again. */
  async #afterStart(spec: Container, signal: AbortSignal): Promise<void> {
    const one = this.container(spec.name)
    const handler = spec.lifecycle?.postStart
    if (handler === undefined || one?.state !== 'running') return
    const result = await this.#hook(one, spec, handler, HOOK_LIMIT_SECONDS, signal)
    if (result.ok || signal.aborted) return
    this.#containerEvent(spec.name, 'Warning', 'FailedPostStartHook', 'PostStartHook failed')
    this.#containerEvent(spec.name, 'Normal', 'Killing', 'FailedPostStartHook')
    await this.#ground.driver.signal(one.id, 'SIGKILL', signal)
  }

  /** preStop, then the signal; the planner kills when the grace period is over, hook or not. */
  async #afterHook(one: ObservedContainer, spec: Container, handler: LifecycleHandler): Promise<void> {
    const grace = this.#pod.metadata.deletionGracePeriodSeconds ?? this.#pod.spec?.terminationGracePeriodSeconds ?? 30
    const signal = AbortSignal.timeout(Math.max(grace, 1) * 1000)
    const result = await this.#hook(one, spec, handler, Math.max(grace, 1), signal)
    if (!result.ok) this.#containerEvent(spec.name, 'Warning', 'FailedPreStopHook', 'PreStopHook failed')
    await this.#ground.driver.signal(one.id, one.stopSignal, AbortSignal.timeout(SIGNAL_TIMEOUT_MS))
  }

  async #hook(
    one: ObservedContainer,
    container: Container,
    handler: LifecycleHandler,
    timeoutSeconds: number,
    signal: AbortSignal,
  ): Promise<ProbeResult> {
    const { clock, node } = this.#ground
    if (handler.sleep !== undefined) {
      const untilMs = clock.now() + handler.sleep.seconds * 1000
      await new Promise<void>((resolve) => {
        const cancel = clock.at(untilMs, resolve)
        signal.addEventListener('abort', () => (cancel(), resolve()), { once: true })
      })
      return { ok: true, message: '' }
    }
    const { sleep: _, ...action } = handler
    const target = { containerId: one.id, container, podIP: this.sandbox()?.labels[LABEL.ip] ?? node.ip }
    return this.#ground.probe({ ...action, timeoutSeconds }, target, signal)
  }

  #hold(name: string, reason: string, message: string, untilMs: number): void {
    this.#holds.set(name, { reason, message, untilMs })
  }

  async #ask(containers: readonly ObservedContainer[], message: string, signal: AbortSignal): Promise<void> {
    for (const one of containers) {
      const name = one.labels[LABEL.container] ?? ''
      this.#asked.set(one.id, this.#ground.clock.now())
      this.#containerEvent(name, 'Normal', 'Killing', message === '' ? `Stopping container ${name}` : message)
    }
    const asking = containers.map((one) => {
      const spec = this.#specOf(one)
      const handler = spec?.lifecycle?.preStop
      if (spec === undefined || handler === undefined) return this.#ground.driver.signal(one.id, one.stopSignal, signal)
      // Not waited for: a shortened grace period must not wait for the hook.
      this.#afterHook(one, spec, handler).catch((error: unknown) =>
        this.#ground.log('warn', 'preStop hook', { pod: podLabel(this.#pod), error: String(error) }),
      )
      return Promise.resolve()
    })
    await Promise.all(asking)
  }

  async #look(containers: readonly ObservedContainer[], signal: AbortSignal): Promise<void> {
    for (const one of containers) {
      const now = await this.#ground.driver.inspect(one.id, signal)
      if (now === undefined) this.#seen.delete(one.id)
      else this.observe(now)
    }
  }

  async #release(sandbox: ObservedContainer, signal: AbortSignal): Promise<void> {
    const veth = sandbox.labels[LABEL.veth]
    if (veth !== undefined) await this.#ground.network.detach(veth, signal)
    const ip = sandbox.labels[LABEL.ip]
    if (ip !== undefined) this.#ground.addresses.free(ip)
  }

  async #dropSandboxes(sandboxes: readonly ObservedContainer[], signal: AbortSignal): Promise<void> {
    for (const one of sandboxes) {
      await this.#ground.driver.remove(one.id, signal)
      this.#seen.delete(one.id)
      await this.#release(one, signal)
    }
    this.#volumesReady = false
  }
}

const RANK: { readonly [state in ObservedContainer['state']]: number } = { created: 0, running: 1, exited: 2 }
const ENDING = new Set<Step['do']>(['ask', 'kill', 'remove', 'drop-sandbox', 'teardown'])

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return Math.min(a, b)
}
