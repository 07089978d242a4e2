/**
 * One seeded story of a whole cluster: real registry, real loop, real planners over the store in memory; agents, a user
 * and trouble drawn from the seed, under a virtual clock. Some minutes of chaos, then peace: what is wanted comes about,
 * and then nobody writes any more.
 */
import { type Loop, startLoop } from '../../api/loop/runner.ts'
import { memoryBell, memoryLiveness, seededRandom, silentLog } from '../../api/platform/memory.ts'
import type { Bell, Cluster, Keys, Log } from '../../api/platform/port.ts'
import { openMemoryStore } from '../../api/store/memory.ts'
import type { Group, Outcome, Store } from '../../api/store/store.ts'
import type { Deployment } from '../../schema/k8s/generated/types.ts'
import { isRefusal } from '../../schema/k8s/status.ts'
import { AgentModel } from './agent-model.ts'
import { checkAtRest } from './at-rest.ts'
import { type Chaos, chaosBell, chaosStore } from './chaos.ts'
import { Invariants, Violation } from './invariants.ts'
import { SimClock } from './sim-clock.ts'
import { UserModel } from './user-model.ts'

/** 2026-01-01T00:00:00Z */
const START = 1_767_225_600_000
const MINUTE = 60_000
const CHAOS_MS = 10 * MINUTE
/** After the last fault everything has come about within this time; evictions take five minutes, deadlines ten. */
const REST_MS = 16 * MINUTE
/** And then nothing is written for this long, except by the clock of records that end. */
const QUIET_MS = 10 * MINUTE
const CA = '-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n'

export interface Told {
  readonly seed: number
  readonly writes: number
  readonly trace: number
  readonly virtualMs: number
}

interface Process {
  readonly cluster: Cluster
  readonly loop: Loop
  readonly stop: AbortController
}

/** Throws `StoryFailed` when a rule was broken. */
export async function tell(seed: number): Promise<Told> {
  const story = new Story(seed)
  try {
    return await story.run()
  } catch (error) {
    throw new StoryFailed(seed, story.log, error)
  }
}

export class StoryFailed extends Error {
  readonly log: readonly string[]
  constructor(seed: number, log: readonly string[], cause: unknown) {
    super(`seed ${seed}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    this.name = 'StoryFailed'
    this.log = log
  }
}

class Story {
  readonly log: string[] = []
  readonly #seed: number
  readonly #clock = new SimClock(START)
  readonly #chaos: Chaos
  readonly #world = new Invariants()
  readonly #store: Store
  readonly #bell: Bell
  readonly #stop = new AbortController()
  #current: Process
  #processes: Process[] = []
  #reads = 0
  readonly #byLoops = new WeakSet<Group>()
  #broken: Error | undefined
  #made = 0

  constructor(seed: number) {
    this.#seed = seed
    this.#chaos = { random: seededRandom(seed), calm: false }
    const bell = memoryBell()
    this.#bell = chaosBell(bell, this.#chaos)
    const store = openMemoryStore({
      clusterUid: 'simulated',
      now: () => this.#clock.now(),
      onCommit: (touched) => this.#bell.ring(touched),
    })
    this.#store = { ...store, write: (group) => this.#watched(store, group) }
    this.#current = this.#begin()
  }

  async run(): Promise<Told> {
    const clock = this.#clock
    const nodes = Array.from({ length: 3 + this.#below(3) }, (_, index) => `n${index + 1}`)
    const agents = nodes.map((name, index) => new AgentModel(name, index, this.#chaos, () => this.#current.cluster))
    const running = agents.map((agent) => agent.run(this.#stop.signal).catch((error: unknown) => this.#fail(error)))
    await this.#until(START + 5_000)
    const user = new UserModel(this.#chaos, this.#cluster(), nodes)

    while (clock.now() < START + CHAOS_MS) {
      await clock.runFor(user.act())
      this.log.push(...user.did.splice(0))
      if (this.#below(6) === 0) this.#trouble(agents)
      await this.#until(clock.now() + this.#below(30_000))
      if (this.#below(3) === 0) await this.#tick()
    }
    await this.#peace(agents, user, nodes)
    await this.#until(clock.now() + REST_MS)
    checkAtRest(this.#world, CA)
    await this.#checkQuiet()

    this.#stop.abort()
    for (const { stop } of this.#processes) stop.abort()
    await clock.runFor(Promise.all([...running, ...this.#processes.map(({ loop }) => loop.ended)]))
    this.#check()
    return { seed: this.#seed, writes: this.#world.writes, trace: this.#world.trace, virtualMs: clock.now() - START }
  }

  /** Rings may be lost: a floor under them, as cron and the timer are. */
  async #tick(): Promise<void> {
    const clock = this.#clock
    await clock.runFor(Promise.race([this.#current.loop.settled(), clock.sleep(MINUTE)]))
    this.#check()
  }

  #trouble(agents: readonly AgentModel[]): void {
    const agent = agents[this.#below(agents.length)]
    if (agent !== undefined && this.#below(2) === 0) {
      this.log.push(`${this.#clock.now()} ${agent.name} is cut off`)
      agent.reachable = false
      const back = this.#below(8 * MINUTE)
      void this.#clock.sleep(back, this.#stop.signal).then(() => (agent.reachable = true))
      return
    }
    const old = this.#current
    const overlaps = this.#below(2) === 0
    this.log.push(
      `${this.#clock.now()} the control plane starts again${overlaps ? ', while the old one still runs' : ''}`,
    )
    if (!overlaps) old.stop.abort()
    else void this.#clock.sleep(this.#below(MINUTE), this.#stop.signal).then(() => old.stop.abort())
    this.#current = this.#begin()
  }

  async #peace(agents: readonly AgentModel[], user: UserModel, nodes: readonly string[]): Promise<void> {
    this.#chaos.calm = true
    this.log.push(`${this.#clock.now()} peace`)
    for (const agent of agents) agent.reachable = true
    for (const process of this.#processes) if (process !== this.#current) process.stop.abort()
    const ignore = (error: unknown): void => {
      if (!isRefusal(error)) throw error
    }
    for (const node of nodes) await this.#clock.runFor(user.cordon(node, false).catch(ignore))
    for (const { metadata } of this.#world.list<Deployment>('deployments.apps')) {
      await this.#clock.runFor(user.resume(metadata.namespace ?? '', metadata.name ?? '').catch(ignore))
    }
    await this.#tick()
  }

  /** Nobody writes; and while agents poll, the loop asks nothing. */
  async #checkQuiet(): Promise<void> {
    const head = (await this.#store.head()).head
    const writes = this.#world.writes
    const reads = this.#reads
    await this.#until(this.#clock.now() + QUIET_MS)
    const late = this.#world.writes - writes
    if (late > 0)
      throw new Violation(`at rest, ${late} groups were written, up to ${(await this.#store.head()).head} from ${head}`)
    if (this.#reads > reads) throw new Violation(`at rest, the loop asked the store ${this.#reads - reads} times`)
  }

  #watched(store: Store, group: Group): Promise<Outcome> {
    // The store in memory commits before it first waits, and answers in order: so this picture is never behind another.
    return store.write(group).then((outcome) => {
      if (!outcome.ok || this.#broken !== undefined) return outcome
      try {
        this.#world.committed(group, outcome.revisions, { byLoop: this.#byLoops.has(group) })
      } catch (error) {
        this.#fail(error)
      }
      return outcome
    })
  }

  #fail(error: unknown): void {
    this.#broken ??= error instanceof Error ? error : new Error(String(error))
  }

  #check(): void {
    if (this.#broken !== undefined) throw this.#broken
  }

  async #until(end: number): Promise<void> {
    while (this.#clock.now() < end) {
      await this.#clock.runUntil(Math.min(end, this.#clock.now() + 10_000))
      this.#check()
    }
  }

  #begin(): Process {
    const cluster = this.#cluster()
    const counted = chaosStore(this.#store, this.#clock, this.#chaos, {
      asked: () => void this.#reads++,
      writes: (group) => void this.#byLoops.add(group),
    })
    const stop = new AbortController()
    const loop = startLoop({ ...cluster, store: counted }, { signal: stop.signal })
    const process = { cluster, loop, stop }
    this.#processes.push(process)
    return process
  }

  /** What a process holds: the store and the bell are shared, who was heard is its own. */
  #cluster(): Cluster {
    const live = memoryLiveness(this.#clock.now())
    const store = { ...this.#store }
    const cluster = {
      name: 'default',
      uid: 'simulated',
      store,
      bell: this.#bell,
      keys: KEYS,
      clock: this.#clock,
      random: seededRandom(this.#seed * 1000 + ++this.#made),
      live,
      streams: undefined as unknown as Cluster['streams'],
      log: process.env['KEDGE_LOG'] === 'debug' ? this.#talkative() : silentLog,
      defer: (work: Promise<unknown>) => void work.catch(() => undefined),
    }
    return cluster
  }

  #talkative(): Log {
    const say =
      (level: string) =>
      (message: string, fields?: Readonly<Record<string, unknown>>): void => {
        const error = fields?.['error']
        this.log.push(
          `${this.#clock.now()} ${level}: ${message} ${error instanceof Error ? error.stack : JSON.stringify(fields)}`,
        )
      }
    return { info: say('info'), warn: say('warn'), error: say('error') }
  }

  #below(limit: number): number {
    return Math.floor(this.#chaos.random.fraction() * limit)
  }
}

/** Nothing here is sealed or signed. */
const KEYS = { caPem: CA, sealing: { current: '', keys: new Map() }, adminTokenHash: '' } as unknown as Keys
