// Docker as a driver. Tested by test/suites/driver.ts against a real engine.
import type { ContainerDescription } from '../plan/description.ts'
import type { ObservedContainer } from '../plan/observed.ts'
import type { Cgroups } from '../plan/cgroup.ts'
import { dockerCreate } from './docker-create.ts'
import type { InspectAnswer } from './docker-read.ts'
import { observed } from './docker-read.ts'
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
const KILL_TIMEOUT_MS = 5000

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
    return {
      name: 'docker',
      version: info.ServerVersion,
      cgroups: cgroupsOf(info),
      operatingSystem: info.OperatingSystem,
      kernelVersion: info.KernelVersion,
      architecture:
        info.Architecture === 'x86_64' ? 'amd64' : info.Architecture === 'aarch64' ? 'arm64' : info.Architecture,
      cpus: info.NCPU,
      memoryBytes: info.MemTotal,
      rootDir: info.DockerRootDir,
      rootless: (info.SecurityOptions ?? []).some((option) => option.includes('rootless')),
    }
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

  async exec(id: string, request: ExecRequest, signal: AbortSignal): Promise<Session> {
    const http = this.#http
    const body = {
      Cmd: request.command,
      Tty: request.tty,
      AttachStdin: request.stdin,
      AttachStdout: true,
      AttachStderr: !request.tty,
    }
    const made = (await http.call({ method: 'POST', path: `/containers/${id}/exec`, body, signal })) as { Id: string }
    const path = `/exec/${made.Id}`
    const socket = await http.hijack({
      method: 'POST',
      path: `${path}/start`,
      body: { Detach: false, Tty: request.tty },
      signal,
    })
    const look = async (until: AbortSignal): Promise<{ Running: boolean; ExitCode: number | null; Pid: number }> =>
      (await http.call({ method: 'GET', path: `${path}/json`, signal: until })) as {
        Running: boolean
        ExitCode: number | null
        Pid: number
      }
    return {
      input: socket,
      output: chunks(socket as AsyncIterable<Buffer>, request.tty),
      resize: async (columns, rows) => {
        await http.call({ method: 'POST', path: `${path}/resize`, query: { w: columns, h: rows }, signal })
      },
      exitCode: async () => (await look(signal)).ExitCode ?? 0,
      // The API has no way to end an exec. Pid 0 means not started yet, and kill(0) would be the agent itself.
      kill: async () => {
        // Asked for when the caller's own signal has been given.
        const { Pid: pid, Running: alive } = await look(AbortSignal.timeout(KILL_TIMEOUT_MS))
        if (alive && pid > 1) killQuietly(pid)
        socket.destroy()
      },
    }
  }

  async attach(id: string, request: Omit<ExecRequest, 'command'>, signal: AbortSignal): Promise<Session> {
    const http = this.#http
    const query = { stream: true, stdin: request.stdin, stdout: true, stderr: true }
    const socket = await http.hijack({ method: 'POST', path: `/containers/${id}/attach`, query, signal })
    const inspect = async (): Promise<ObservedContainer | undefined> => this.inspect(id, signal)
    return {
      input: socket,
      output: chunks(socket as AsyncIterable<Buffer>, request.tty),
      resize: async (columns, rows) => {
        await http.call({ method: 'POST', path: `/containers/${id}/resize`, query: { w: columns, h: rows }, signal })
      },
      exitCode: async () => (await inspect())?.exitCode ?? 0,
      kill: async () => {
        socket.destroy()
      },
    }
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

interface InfoAnswer {
  readonly ServerVersion: string
  readonly CgroupDriver: string
  readonly CgroupVersion?: string
  readonly OperatingSystem: string
  readonly KernelVersion: string
  readonly Architecture: string
  readonly NCPU: number
  readonly MemTotal: number
  readonly DockerRootDir: string
  readonly SecurityOptions?: readonly string[]
}

interface ImageAnswer {
  readonly Id: string
  readonly RepoTags?: readonly string[] | null
  readonly RepoDigests?: readonly string[] | null
  readonly Size: number
  readonly Config?: { readonly User?: string }
}

const ACTION: { readonly [action: string]: EngineEvent['action'] } = {
  create: 'create',
  start: 'start',
  die: 'die',
  oom: 'oom',
  destroy: 'destroy',
}

function imageFacts(from: ImageAnswer, user: string): ImageFacts {
  const digests = from.RepoDigests ?? []
  return {
    id: from.Id,
    reference: digests[0] === undefined ? `docker://${from.Id}` : `docker-pullable://${digests[0]}`,
    sizeBytes: from.Size,
    user,
    names: [...digests, ...(from.RepoTags ?? [])].filter((name) => !name.includes('<none>')),
  }
}

function cgroupsOf(info: InfoAnswer): Cgroups {
  if (info.CgroupVersion !== '2') return 'v1-cgroupfs'
  return info.CgroupDriver === 'systemd' ? 'v2-systemd' : 'v2-cgroupfs'
}

/** An image without tag or digest is `latest`; asked without one, Docker would pull every tag. */
export function withTag(reference: string): string {
  const last = reference.slice(reference.lastIndexOf('/') + 1)
  return last.includes(':') || last.includes('@') ? reference : `${reference}:latest`
}

async function ignoring(faults: readonly string[], work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!(error instanceof EngineError) || !faults.includes(error.fault)) throw error
  }
}

/** With its group, when it leads one: what it started would hold the output open. */
function killQuietly(pid: number): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, 'SIGKILL')
    } catch {
      // not a leader, or it ended by itself
    }
  }
}
