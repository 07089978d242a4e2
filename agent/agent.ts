// The agent's loop: a session with the control plane on one side, the pods of this node on the other. Pods never wait
// for the session: they run from what the disk remembers until the control plane says otherwise.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PollResponse } from '../schema/wire/poll.ts'
import { WIRE_VERSION } from '../schema/wire/version.ts'
import type { Identity } from './disk.ts'
import { identityOf } from './disk.ts'
import { backoffMs } from './link/backoff.ts'
import { Refused, Unanswered } from './link/client.ts'
import { Patience } from './link/patience.ts'
import { groundOf } from './node-ground.ts'
import { NodeTeller } from './node-teller.ts'
import type { AgentParts } from './parts.ts'
import { Pods } from './pods.ts'
import { Reports } from './reports.ts'
import type { Assignment } from './session/assignment.ts'
import { apply, NOTHING } from './session/assignment.ts'
import type { Happening, Session } from './session/session.ts'
import { begin, next } from './session/session.ts'
import type { StreamGround } from './stream/stream.ts'

/** Runs until aborted; throws when the control plane's answer leaves nothing to retry. */
export async function runNode(parts: AgentParts, signal: AbortSignal): Promise<void> {
  const ended = new AbortController()
  const agent = new NodeAgent(parts, AbortSignal.any([signal, ended.signal]))
  try {
    await agent.run()
  } finally {
    ended.abort()
    await agent.settled()
  }
}

class NodeAgent {
  readonly #parts: AgentParts
  readonly #signal: AbortSignal
  readonly #instance = randomUUID()
  readonly #reports = new Reports()
  readonly #tasks = new Set<Promise<void>>()
  #identity: Identity | undefined
  #assignment: Assignment = NOTHING
  #pods: Pods | undefined
  #session = ''
  /** ends the poll in flight, when a report learned that the session is over */
  #poll = new AbortController()
  readonly #node: NodeTeller
  readonly #patience: Patience

  constructor(parts: AgentParts, signal: AbortSignal) {
    this.#parts = parts
    this.#signal = signal
    this.#node = new NodeTeller(parts.view, (status) => this.#reports.node(status))
    this.#patience = new Patience(parts.random)
  }

  async run(): Promise<void> {
    await this.#resume()
    this.#keep(this.#reporting())
    let state = begin(this.#identity === undefined ? 'token' : 'credential')
    while (!this.#signal.aborted) {
      if (state.at === 'stopped') throw new Error(state.why)
      state = next(state, await this.#act(state))
    }
  }

  async settled(): Promise<void> {
    await Promise.allSettled(this.#tasks)
  }

  #keep(task: Promise<void>): void {
    const kept = task.catch((error: unknown) => {
      if (!this.#signal.aborted) this.#parts.log('error', 'a task of the agent failed', { error: String(error) })
    })
    this.#tasks.add(kept)
    void kept.finally(() => this.#tasks.delete(kept))
  }

  /** What the disk remembers: pods run before the control plane has been heard. */
  async #resume(): Promise<void> {
    const { disk, node, server } = this.#parts
    const identity = await disk?.identity()
    if (identity === undefined || identity.node !== node || identity.server !== server) return
    this.#identity = identity
    const assignment = await disk?.assignment(identity.clusterUid)
    await this.#startPods(identity)
    if (assignment === undefined) return
    this.#assignment = assignment
    this.#pods?.assign(assignment.pods, false)
    this.#parts.log('info', 'running pods from the last assignment', { pods: assignment.pods.size })
  }

  async #act(state: Session): Promise<Happening> {
    try {
      switch (state.at) {
        case 'registering':
          return await this.#register(state.with)
        case 'full':
          return await this.#pollOnce(state, null)
        case 'following':
          return await this.#pollOnce(state, state.have)
        case 'waiting': {
          await this.#rest(backoffMs(state.failures, state.floorMs, this.#parts.random))
          return { what: 'woke' }
        }
        case 'stopped':
          return { what: 'woke' }
      }
    } catch (error) {
      return this.#failure(state, error)
    }
  }

  #failure(state: Session, error: unknown): Happening {
    this.#keep(this.#node.missed())
    if (error instanceof SessionOver) return { what: 'refused', code: 410, message: error.message, retryAfterMs: 0 }
    if (error instanceof Refused) {
      // What is final is said once, by whoever stops.
      const spent = state.at === 'registering' && state.with === 'token' && error.code === 401
      if (spent) return { what: 'refused', code: 401, message: TOKEN_REFUSED, retryAfterMs: 0 }
      if (!this.#signal.aborted)
        this.#parts.log('warn', 'refused', { state: state.at, code: error.code, message: error.message })
      return { what: 'refused', code: error.code, message: error.message, retryAfterMs: error.retryAfterMs }
    }
    if (error instanceof Fatal) return { what: 'refused', code: 409, message: error.message, retryAfterMs: 0 }
    const why = error instanceof Error ? error.message : String(error)
    if (this.#signal.aborted) return { what: 'lost', why }
    const fields = { state: state.at, error: why }
    if (error instanceof Unanswered) this.#parts.log('warn', 'the control plane does not answer', fields)
    else this.#parts.log('error', 'this host is in trouble; trying again', fields)
    return { what: 'lost', why }
  }

  async #register(bearer: 'credential' | 'token'): Promise<Happening> {
    const { link, log, node } = this.#parts
    const presented = bearer === 'credential' ? this.#identity?.credential : await this.#parts.token()
    if (presented === undefined || presented === '') {
      throw new Fatal(
        `node ${node} is not a member of this cluster: a join token is needed (--token, made by 'kedge token create')`,
      )
    }
    const view = await this.#node.view()
    const answer = await link.register(
      presented,
      {
        version: WIRE_VERSION,
        node,
        instance: this.#instance,
        labels: { ...view.labels },
        status: { ...view.status },
      },
      this.#signal,
    )
    const identity = identityOf(this.#parts.server, node, answer)
    const before = this.#identity
    this.#identity = identity
    await this.#parts.disk?.saveIdentity(identity)
    if (
      this.#pods !== undefined &&
      (before?.clusterUid !== identity.clusterUid || before.podCIDR !== identity.podCIDR)
    ) {
      throw new Fatal('the control plane gave this node another cluster or pod range; start the agent again')
    }
    this.#node.told(view)
    if (this.#pods === undefined) await this.#startPods(identity)
    this.#session = answer.session
    this.#reports.restart()
    // A new session knows nothing of what an earlier one was told.
    for (const worker of this.#pods?.all() ?? [])
      if (worker.status !== undefined) this.#reports.status(worker.id, worker.status)
    this.#patience.end()
    log('info', 'registered', { node, podCIDR: identity.podCIDR })
    this.#parts.registered?.(identity)
    return { what: 'registered' }
  }

  async #pollOnce({ failures }: { readonly failures: number }, have: number | null): Promise<Happening> {
    const { link } = this.#parts
    this.#poll = new AbortController()
    const poll = this.#poll.signal
    const beganMs = performance.now()
    let answer: PollResponse
    try {
      const body = { session: this.#session, have, wait: 'poll' as const, waitMs: POLL_MS }
      answer = await link.poll(this.#identity?.credential ?? '', body, AbortSignal.any([this.#signal, poll]))
    } catch (error) {
      if (poll.aborted && !this.#signal.aborted) throw new SessionOver('the session is over', { cause: error })
      throw error
    }
    if (failures > 0) this.#patience.end()
    const news = await this.#take(answer, have)
    for (const order of answer.streams) this.#stream(order)
    // A server that does not hold its polls must not make a node spin.
    const held = news || answer.streams.length > 0 || performance.now() - beganMs > HELD_MS
    const pauseMs = Math.max(answer.againMs, held ? 0 : UNHELD_PAUSE_MS)
    if (pauseMs > 0) await this.#rest(pauseMs)
    const { assignment } = answer
    if (assignment.kind === 'all') return { what: 'all', to: assignment.to }
    return { what: 'changes', from: assignment.from, to: assignment.to }
  }

  async #take(answer: PollResponse, have: number | null): Promise<boolean> {
    if (answer.credential !== undefined && this.#identity !== undefined) {
      const { token, expiresAt } = answer.credential
      this.#identity = { ...this.#identity, credential: token, credentialExpiresAt: expiresAt }
      await this.#parts.disk?.saveIdentity(this.#identity)
    }
    const message = answer.assignment
    if (message.kind === 'changes' && message.from !== have) return true
    const applied = apply(this.#assignment, message)
    const same = message.kind === 'changes' && applied.touched.size === 0 && message.gone.length === 0
    this.#assignment = applied.assignment
    if (same) return false
    this.#pods?.assign(applied.assignment.pods, true, applied.touched)
    const saved = this.#parts.disk?.saveAssignment(applied.assignment, this.#identity?.clusterUid ?? '')
    if (saved !== undefined) this.#keep(saved)
    return true
  }

  #stream(order: PollResponse['streams'][number]): void {
    const pods = this.#pods
    if (pods === undefined) return
    const ground: StreamGround = { driver: this.#parts.driver, worker: (uid) => pods.get(uid) }
    this.#keep(this.#parts.stream(order, this.#identity?.credential ?? '', ground, this.#signal))
  }

  async #reporting(): Promise<void> {
    this.#keep(this.#node.watch(this.#signal))
    while (!this.#signal.aborted) {
      await this.#reports.ready(this.#signal)
      const session = this.#session
      if (session === '' || this.#signal.aborted) {
        await this.#rest(NO_SESSION_MS)
        continue
      }
      try {
        const answer = await this.#reports.send(session, (report) =>
          this.#parts.link.report(this.#identity?.credential ?? '', report, this.#signal),
        )
        this.#patience.end()
        for (const { uid } of answer.unknown) this.#pods?.forget(uid)
      } catch (error) {
        if (this.#signal.aborted) return
        const over = error instanceof Refused && (error.code === 410 || error.code === 401)
        if (over && session === this.#session) {
          this.#session = ''
          this.#poll.abort()
        }
        this.#parts.log('debug', 'report failed', { error: String(error) })
        await this.#patience.rest(error instanceof Refused ? error.retryAfterMs : 0, this.#signal)
      }
    }
  }

  async #startPods(identity: Identity): Promise<void> {
    const ground = await groundOf(
      this.#parts,
      identity,
      {
        sources: {
          secret: (namespace, name) => this.#assignment.secrets.get(`${namespace}/${name}`),
          configMap: (namespace, name) => this.#assignment.configMaps.get(`${namespace}/${name}`),
        },
        event: (pod, event) => this.#reports.event(pod, event),
        status: (pod, status) => this.#reports.status(pod, status),
        networkChanged: (problem) => this.#keep(this.#node.networkChanged(problem)),
        runtimeChanged: (problem) => this.#keep(this.#node.runtimeChanged(problem)),
        stopped: (pod, known) => (known ? this.#reports.stopped(pod) : this.#pods?.settled(pod.uid)),
      },
      this.#signal,
    )
    this.#pods = new Pods(ground)
    this.#keep(this.#pods.run(this.#signal))
  }

  async #rest(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#signal }).catch(() => {})
  }
}

const POLL_MS = 25_000
/** a poll that hung at least so long was held by the server */
const HELD_MS = 200
const UNHELD_PAUSE_MS = 500
const NO_SESSION_MS = 100
/** which of these it is, the control plane tells nobody */
const TOKEN_REFUSED =
  "the join token was refused: it was used before, has expired, or is another cluster's; make one with 'kedge token create'"

class SessionOver extends Error {}
/** no retry would mend it */
class Fatal extends Error {}
