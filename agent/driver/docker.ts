// Docker as a driver. Tested by test/suites/driver.ts against a real engine.
import type { ContainerDescription } from '../plan/description.ts'
import type { ObservedContainer } from '../plan/observed.ts'
import { dockerCreate } from './docker-create.ts'
import type { ImageAnswer, InfoAnswer } from './docker-facts.ts'
import { engineFacts, imageFacts, withTag } from './docker-facts.ts'
import type { InspectAnswer } from './docker-read.ts'
import { observed } from './docker-read.ts'
import { attachSession, execSession } from './docker-session.ts'
import { chunks, jsonLines } from './docker-stream.ts'
import type {
  Chunk,
  Driver,
  EngineEvent,
  EngineFacts,
  ExecRequest,
  ImageFacts,
  LogRequest,
  RegistryLogin,
  Session,
} from './driver.ts'
import { EngineError } from './driver.ts'
import { EngineHttp } from './engine-http.ts'

/** containers inspected at once while listing */
const INSPECT_WIDTH = 8

export class DockerDriver implements Driver {
  readonly #http: EngineHttp

  constructor(socketPath: string) {
    this.#http = new EngineHttp(socketPath)
  }

  close(): void {
    this.#http.close()
  }

  async facts(signal: AbortSignal): Promise<EngineFacts> {
    const info = (await this.#http.call({ method: 'GET', path: '/info', signal })) as InfoAnswer
    return engineFacts(info)
  }

  async list(
    label: { readonly key: string; readonly value: string },
    signal: AbortSignal,
  ): Promise<ObservedContainer[]> {
    const found = await this.#summaries(`${label.key}=${label.value}`, signal)
    const out: ObservedContainer[] = []
    for (let at = 0; at < found.length; at += INSPECT_WIDTH) {
      const some = found.slice(at, at + INSPECT_WIDTH).map(({ Id }) => this.inspect(Id, signal))
      for (const one of await Promise.all(some)) if (one !== undefined) out.push(one)
    }
    return out
  }

  async states(
    label: { readonly key: string; readonly value: string },
    signal: AbortSignal,
  ): Promise<{ id: string; state: string }[]> {
    const found = await this.#summaries(`${label.key}=${label.value}`, signal)
    return found.map(({ Id, State }) => ({ id: Id, state: State }))
  }

  async labelled(key: string, signal: AbortSignal): Promise<string[]> {
    const found = await this.#summaries(key, signal)
    return found.flatMap(({ Labels }) => (Labels?.[key] === undefined ? [] : [Labels[key]]))
  }

  async inspect(id: string, signal: AbortSignal): Promise<ObservedContainer | undefined> {
    try {
      return observed(
        (await this.#http.call({ method: 'GET', path: `/containers/${id}/json`, signal })) as InspectAnswer,
      )
    } catch (error) {
      if (error instanceof EngineError && error.fault === 'not-found') return undefined
      throw error
    }
  }

  async create(description: ContainerDescription, signal: AbortSignal): Promise<string> {
    const body = dockerCreate(description)
    const query = { name: description.name }
    try {
      const made = (await this.#http.call({ method: 'POST', path: '/containers/create', query, body, signal })) as {
        Id: string
      }
      return made.Id
    } catch (error) {
      if (!(error instanceof EngineError) || error.fault !== 'conflict') throw error
      // The answer to an earlier try was lost, or the name is somebody else's.
      const there = await this.inspect(description.name, signal)
      const same =
        there !== undefined && Object.entries(description.labels).every(([key, value]) => there.labels[key] === value)
      if (there === undefined || !same) throw error
      return there.id
    }
  }

  async start(id: string, signal: AbortSignal): Promise<void> {
    await this.#http.call({ method: 'POST', path: `/containers/${id}/start`, signal })
  }

  async signal(id: string, name: string, signal: AbortSignal): Promise<void> {
    await ignoring(
      ['not-found', 'conflict'],
      this.#http.call({ method: 'POST', path: `/containers/${id}/kill`, query: { signal: name }, signal }),
    )
  }

  async remove(id: string, signal: AbortSignal): Promise<void> {
    const query = { force: true, v: true }
    await ignoring(
      ['not-found', 'conflict'],
      this.#http.call({ method: 'DELETE', path: `/containers/${id}`, query, signal }),
    )
  }

  async resize(
    id: string,
    limits: Pick<ContainerDescription, 'cpuShares' | 'cpuQuota' | 'memoryBytes'>,
    signal: AbortSignal,
  ): Promise<void> {
    const body = {
      CpuShares: limits.cpuShares,
      ...(limits.cpuQuota > 0 ? { CpuPeriod: 100_000, CpuQuota: limits.cpuQuota } : { CpuQuota: -1 }),
      ...(limits.memoryBytes > 0 ? { Memory: limits.memoryBytes, MemorySwap: limits.memoryBytes } : {}),
    }
    await this.#http.call({ method: 'POST', path: `/containers/${id}/update`, body, signal })
  }

  async *events(
    options: { readonly sinceMs: number | undefined; readonly opened: () => void },
    signal: AbortSignal,
  ): AsyncGenerator<EngineEvent> {
    const query = {
      filters: JSON.stringify({ type: ['container'] }),
      since: options.sinceMs === undefined ? undefined : (options.sinceMs / 1000).toFixed(3),
    }
    const answer = await this.#http.stream({ method: 'GET', path: '/events', query, signal })
    options.opened()
    for await (const line of jsonLines(answer)) {
      const event = line as { Action?: string; Actor?: { ID?: string; Attributes?: { [key: string]: string } } }
      const action = ACTION[event.Action ?? '']
      const id = event.Actor?.ID
      if (action !== undefined && id !== undefined) yield { id, action, labels: event.Actor?.Attributes ?? {} }
    }
  }

  async image(reference: string, signal: AbortSignal): Promise<ImageFacts | undefined> {
    try {
      const path = `/images/${encodeURIComponent(reference)}/json`
      const found = (await this.#http.call({ method: 'GET', path, signal })) as ImageAnswer
      return imageFacts(found, found.Config?.User ?? '')
    } catch (error) {
      if (error instanceof EngineError && error.fault === 'not-found') return undefined
      throw error
    }
  }

  async images(signal: AbortSignal): Promise<ImageFacts[]> {
    const found = (await this.#http.call({ method: 'GET', path: '/images/json', signal })) as ImageAnswer[]
    return found.map((one) => imageFacts(one, ''))
  }

  async pull(reference: string, login: RegistryLogin | undefined, signal: AbortSignal): Promise<void> {
    const auth =
      login === undefined
        ? undefined
        : {
            username: login.username,
            password: login.password,
            serveraddress: login.server,
            ...(login.token === undefined ? {} : { identitytoken: login.token }),
          }
    const headers =
      auth === undefined ? {} : { 'x-registry-auth': Buffer.from(JSON.stringify(auth)).toString('base64url') }
    const answer = await this.#http.stream({
      method: 'POST',
      path: '/images/create',
      query: { fromImage: withTag(reference) },
      headers,
      signal,
    })
    for await (const line of jsonLines(answer)) {
      const told = line as { error?: string }
      if (told.error !== undefined) throw new EngineError('refused', told.error)
    }
  }

  async load(tar: Uint8Array, reference: string, changes: readonly string[], signal: AbortSignal): Promise<void> {
    const [repo = '', tag = 'latest'] = reference.split(':')
    const extra = changes.map((change) => `&changes=${encodeURIComponent(change)}`).join('')
    const path = `/images/create?fromSrc=-&repo=${repo}&tag=${tag}${extra}`
    const answer = await this.#http.stream({ method: 'POST', path, body: tar, signal })
    for await (const line of jsonLines(answer)) {
      const told = line as { error?: string }
      if (told.error !== undefined) throw new EngineError('refused', told.error)
    }
  }

  exec(id: string, request: ExecRequest, signal: AbortSignal): Promise<Session> {
    return execSession(this.#http, id, request, signal)
  }

  attach(id: string, request: Omit<ExecRequest, 'command'>, signal: AbortSignal): Promise<Session> {
    return attachSession(this.#http, id, request, signal)
  }

  async *logs(id: string, request: LogRequest, signal: AbortSignal): AsyncGenerator<Chunk> {
    const about = (await this.#http.call({ method: 'GET', path: `/containers/${id}/json`, signal })) as InspectAnswer
    const query = {
      stdout: true,
      stderr: true,
      follow: request.follow,
      timestamps: request.timestamps,
      tail: request.tail ?? 'all',
      since: request.sinceMs === undefined ? undefined : (request.sinceMs / 1000).toFixed(3),
    }
    const answer = await this.#http.stream({ method: 'GET', path: `/containers/${id}/logs`, query, signal })
    yield* chunks(answer as AsyncIterable<Buffer>, about.Config.Tty === true)
  }

  async #summaries(label: string, signal: AbortSignal): Promise<Summary[]> {
    const query = { all: true, filters: JSON.stringify({ label: [label] }) }
    return (await this.#http.call({ method: 'GET', path: '/containers/json', query, signal })) as Summary[]
  }
}

interface Summary {
  readonly Id: string
  readonly State: string
  readonly Labels?: { readonly [key: string]: string }
}

const ACTION: { readonly [action: string]: EngineEvent['action'] } = {
  create: 'create',
  start: 'start',
  die: 'die',
  oom: 'oom',
  destroy: 'destroy',
}

async function ignoring(faults: readonly string[], work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!(error instanceof EngineError) || !faults.includes(error.fault)) throw error
  }
}
