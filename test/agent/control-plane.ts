// A control plane for the agent's tests: the peer of the wire protocol over real HTTP on loopback, with the pods,
// Secrets and ConfigMaps of one node in memory. Every message is parsed with the protocol's own schemas.
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { WebSocketServer } from 'ws'
import type { ConfigMap, Pod, PodStatus, Secret } from '../../schema/k8s/generated/types.ts'
import type { PollResponse, WireStreamOrder } from '../../schema/wire/poll.ts'
import { pollRequest, pollResponse } from '../../schema/wire/poll.ts'
import { registerRequest, registerResponse } from '../../schema/wire/register.ts'
import type { RegisterRequest } from '../../schema/wire/register.ts'
import type { ReportRequest } from '../../schema/wire/report.ts'
import { reportRequest, reportResponse } from '../../schema/wire/report.ts'
import { WIRE_VERSION } from '../../schema/wire/version.ts'

type Named = { readonly metadata: { readonly namespace?: string; readonly name?: string; readonly uid?: string } }

export class TestControlPlane {
  readonly clusterUid: string
  readonly podCIDR: string
  readonly token = 'join-token'
  readonly #http: Server
  readonly #sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false })
  readonly #pods = new Map<string, Pod>()
  readonly #secrets = new Map<string, Secret>()
  readonly #configMaps = new Map<string, ConfigMap>()
  readonly #statuses = new Map<string, PodStatus>()
  readonly #orders: WireStreamOrder[] = []
  readonly #awaited = new Map<string, (socket: WebSocket) => void>()
  readonly registrations: RegisterRequest[] = []
  readonly reports: ReportRequest[] = []
  readonly stopped = new Set<string>()
  #revision = 1
  #changed = new Map<string, number>()
  #gone: { readonly revision: number; readonly namespace: string; readonly name: string; readonly uid: string }[] = []
  #session = ''
  #listeners = new Set<() => void>()
  /** answers every call with this code while set */
  refuse: number | undefined

  constructor(options: { readonly clusterUid?: string; readonly podCIDR?: string } = {}) {
    this.clusterUid = options.clusterUid ?? randomUUID()
    this.podCIDR = options.podCIDR ?? '10.250.7.0/24'
    this.#http = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        response.writeHead(400, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ code: 400, reason: 'BadRequest', message: String(error) }))
      })
    })
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
  }

  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.#http.listen(port, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`
  }

  /** As if the machine were gone: connections break, the port is free. */
  async close(): Promise<void> {
    this.#http.closeAllConnections()
    this.#sockets.clients.forEach((socket) => socket.terminate())
    await new Promise<void>((resolve) => this.#http.close(() => resolve()))
  }

  put(pod: Pod): void {
    this.#pods.set(pod.metadata.uid ?? '', pod)
    this.#bump(pod.metadata.uid ?? '')
  }

  putSecret(secret: Secret): void {
    this.#secrets.set(key(secret), secret)
    this.#bumpNaming()
  }

  putConfigMap(map: ConfigMap): void {
    this.#configMaps.set(key(map), map)
    this.#bumpNaming()
  }

  /** As kubectl delete: the pod stays until the agent says it stopped. */
  delete(uid: string, graceSeconds: number): void {
    const pod = this.#pods.get(uid)
    if (pod === undefined) return
    const metadata = {
      ...pod.metadata,
      deletionTimestamp: new Date().toISOString(),
      deletionGracePeriodSeconds: graceSeconds,
    }
    this.put({ ...pod, metadata })
  }

  /** Gone without a word to the agent's pod: a forced deletion. */
  drop(uid: string): void {
    const pod = this.#pods.get(uid)
    if (pod === undefined) return
    this.#pods.delete(uid)
    this.#revision++
    this.#gone.push({
      revision: this.#revision,
      namespace: pod.metadata.namespace ?? '',
      name: pod.metadata.name ?? '',
      uid,
    })
    this.#ring()
  }

  status(uid: string): PodStatus | undefined {
    return this.#statuses.get(uid)
  }

  events(uid: string): string[] {
    return this.reports.flatMap((report) =>
      report.events.filter((event) => event.podUid === uid).map((event) => `${event.reason}: ${event.message}`),
    )
  }

  /** Resolves when the condition holds; it is looked at after everything the agent says. */
  async until<T>(what: string, condition: () => T | undefined | false, timeoutMs = 20_000): Promise<T> {
    const deadline = Date.now() + timeoutMs
    for (;;) {
      const found = condition()
      if (found !== undefined && found !== false) return found
      const left = deadline - Date.now()
      if (left <= 0)
        throw new Error(`${what}: not within ${timeoutMs} ms; statuses ${JSON.stringify([...this.#statuses])}`)
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer)
          this.#listeners.delete(done)
          resolve()
        }
        const timer = setTimeout(done, Math.min(left, 500))
        this.#listeners.add(done)
      })
    }
  }

  /** Orders a stream and answers the socket the agent dials back with. */
  stream(order: Omit<WireStreamOrder, 'id' | 'node'>): Promise<WebSocket> {
    const id = randomUUID()
    this.#orders.push({ ...order, id, node: 'node' })
    const socket = new Promise<WebSocket>((resolve) => this.#awaited.set(id, resolve))
    this.#revision++
    this.#ring()
    return socket
  }

  /** The session is over, as after a restart of the control plane. */
  endSession(): void {
    this.#session = ''
    this.#ring()
  }

  #bump(uid: string): void {
    this.#revision++
    this.#changed.set(uid, this.#revision)
    this.#ring()
  }

  #bumpNaming(): void {
    this.#revision++
    for (const uid of this.#pods.keys()) this.#changed.set(uid, this.#revision)
    this.#ring()
  }

  #ring(): void {
    for (const listener of this.#listeners) listener()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse(await text(request)) as unknown
    const send = (code: number, value: unknown): void => {
      response.writeHead(code, { 'content-type': 'application/json' })
      response.end(JSON.stringify(value))
    }
    const refuse = (code: number, reason: string, message: string): void => send(code, { code, reason, message })
    if (this.refuse !== undefined) return refuse(this.refuse, 'Refused', `refused with ${this.refuse}`)
    const bearer = request.headers.authorization
    if (request.url === '/agent/v1/register') {
      const asked = registerRequest.parse(body)
      if (bearer !== `Bearer ${this.token}` && bearer !== `Bearer credential-${this.clusterUid}`) {
        return refuse(401, 'Unauthorized', 'the join token is not good')
      }
      this.registrations.push(asked)
      this.#session = randomUUID()
      send(200, registerResponse.parse(this.#registered()))
      return this.#ring()
    }
    if (bearer !== `Bearer credential-${this.clusterUid}`)
      return refuse(401, 'Unauthorized', 'the credential is not good')
    if (request.url === '/agent/v1/poll') {
      const asked = pollRequest.parse(body)
      if (asked.session !== this.#session) return refuse(410, 'Gone', 'the session is over')
      await this.#news(asked.have, asked.waitMs, response)
      if (asked.session !== this.#session) return refuse(410, 'Gone', 'the session is over')
      return send(200, pollResponse.parse(this.#poll(asked.have)))
    }
    if (request.url === '/agent/v1/report') {
      const asked = reportRequest.parse(body)
      if (asked.session !== this.#session) return refuse(410, 'Gone', 'the session is over')
      send(200, reportResponse.parse({ unknown: this.#report(asked) }))
      return this.#ring()
    }
    refuse(404, 'NotFound', `no ${request.url}`)
  }

  #registered(): unknown {
    return {
      version: WIRE_VERSION,
      clusterUid: this.clusterUid,
      session: this.#session,
      credential: `credential-${this.clusterUid}`,
      credentialExpiresAt: Date.now() + 3_600_000,
      podCIDR: this.podCIDR,
      clusterDomain: 'cluster.local',
      clusterDNS: '10.96.0.10',
      pollMs: 25_000,
    }
  }

  async #news(have: number | null, waitMs: number, response: ServerResponse): Promise<void> {
    if (have === null) return
    const session = this.#session
    const deadline = Date.now() + waitMs
    while (
      this.#revision <= have &&
      this.#orders.length === 0 &&
      this.#session === session &&
      Date.now() < deadline &&
      !response.destroyed
    ) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer)
          this.#listeners.delete(done)
          resolve()
        }
        const timer = setTimeout(done, deadline - Date.now())
        this.#listeners.add(done)
      })
    }
  }

  #poll(have: number | null): PollResponse {
    const named = { secrets: [...this.#secrets.values()], configMaps: [...this.#configMaps.values()], missing: [] }
    const common = { streams: this.#orders.splice(0), againMs: 0 }
    if (have === null) {
      const pods = [...this.#pods.values()]
      return { ...common, assignment: { kind: 'all', to: this.#revision, pods, ...named } }
    }
    const pods = [...this.#pods.values()].filter((pod) => (this.#changed.get(pod.metadata.uid ?? '') ?? 0) > have)
    const gone = this.#gone.filter((one) => one.revision > have).map(({ revision: _, ...one }) => one)
    return { ...common, assignment: { kind: 'changes', from: have, to: this.#revision, pods, gone, ...named } }
  }

  #report(asked: ReportRequest): ReportRequest['stopped'] {
    this.reports.push(asked)
    const unknown: ReportRequest['stopped'] = []
    for (const { uid, namespace, name, status } of asked.pods) {
      if (this.#pods.has(uid)) this.#statuses.set(uid, status)
      else unknown.push({ uid, namespace, name })
    }
    for (const { uid } of asked.stopped) {
      this.stopped.add(uid)
      this.drop(uid)
    }
    return unknown
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const id = (request.url ?? '').split('/').at(-1) ?? ''
    const awaited = this.#awaited.get(id)
    if (awaited === undefined) return void socket.destroy()
    this.#awaited.delete(id)
    this.#sockets.handleUpgrade(request, socket, head, awaited)
  }
}

function key(object: Named): string {
  return `${object.metadata.namespace ?? ''}/${object.metadata.name ?? ''}`
}

async function text(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
  return Buffer.concat(parts).toString('utf8')
}
