// A container engine in memory, for simulated nodes and tests: the same promises as a real one (test/suites/driver.ts),
// its processes are memory-program.ts.
import { createHash, randomBytes } from 'node:crypto'
import { EventEmitter, on } from 'node:events'
import { PassThrough } from 'node:stream'
import type { ContainerDescription } from '../plan/description.ts'
import type { ObservedContainer } from '../plan/observed.ts'
import type { Chunk, Driver, EngineEvent, EngineFacts, ExecRequest, ImageFacts, LogRequest, Session } from './driver.ts'
import { EngineError } from './driver.ts'
import { execute, known } from './memory-program.ts'

/** log kept per container */
const MAX_LOG_LINES = 10_000

interface Line {
  readonly stream: Chunk['stream']
  readonly text: string
  readonly atMs: number
}

interface Made {
  seen: ObservedContainer
  readonly description: ContainerDescription
  readonly log: Line[]
  readonly input: PassThrough
  readonly spoke: EventEmitter
  stop: AbortController
}

export interface MemoryOptions {
  /** images that are there; `anyImage`: every other one can be pulled */
  readonly images?: readonly string[]
  readonly anyImage?: boolean
  readonly cpus?: number
  readonly memoryBytes?: number
}

export class MemoryDriver implements Driver {
  readonly #options: MemoryOptions
  readonly #containers = new Map<string, Made>()
  readonly #images = new Set<string>()
  readonly #events = new EventEmitter()

  constructor(options: MemoryOptions = {}) {
    this.#options = options
    for (const image of options.images ?? []) this.#images.add(image)
    this.#events.setMaxListeners(0)
  }

  async facts(): Promise<EngineFacts> {
    return {
      name: 'memory',
      version: '1',
      cgroups: 'v2-cgroupfs',
      operatingSystem: 'simulated',
      kernelVersion: '0',
      architecture: 'amd64',
      cpus: this.#options.cpus ?? 8,
      memoryBytes: this.#options.memoryBytes ?? 32 * 2 ** 30,
      rootDir: '/',
      rootless: false,
    }
  }

  async list(label: { readonly key: string; readonly value: string }): Promise<ObservedContainer[]> {
    return this.#labelled(label).map(({ seen }) => seen)
  }

  async states(label: { readonly key: string; readonly value: string }): Promise<{ id: string; state: string }[]> {
    return this.#labelled(label).map(({ seen: { id, state } }) => ({ id, state }))
  }

  async labelled(key: string): Promise<string[]> {
    return [...this.#containers.values()].flatMap(({ description: { labels } }) =>
      labels[key] === undefined ? [] : [labels[key]],
    )
  }

  async inspect(id: string): Promise<ObservedContainer | undefined> {
    return this.#containers.get(id)?.seen
  }

  async create(description: ContainerDescription): Promise<string> {
    const there = [...this.#containers.values()].find((one) => one.description.name === description.name)
    if (there !== undefined) {
      const same = Object.entries(description.labels).every(([key, value]) => there.description.labels[key] === value)
      if (!same) throw new EngineError('conflict', `the name ${description.name} is in use`)
      return there.seen.id
    }
    if (!this.#images.has(description.image)) throw new EngineError('not-found', `No such image: ${description.image}`)
    const id = randomBytes(32).toString('hex')
    const seen: ObservedContainer = {
      id,
      labels: description.labels,
      image: description.image,
      imageId: imageId(description.image),
      state: 'created',
      pid: 0,
      createdAtMs: Date.now(),
      startedAtMs: 0,
      finishedAtMs: 0,
      exitCode: 0,
      oomKilled: false,
      error: '',
      stopSignal: description.stopSignal ?? 'SIGTERM',
    }
    const spoke = new EventEmitter()
    spoke.setMaxListeners(0)
    this.#containers.set(id, {
      seen,
      description,
      log: [],
      input: new PassThrough(),
      spoke,
      stop: new AbortController(),
    })
    this.#emit(id, 'create')
    return id
  }

  async start(id: string): Promise<void> {
    const made = this.#need(id)
    if (made.seen.state === 'running') return
    const command = commandOf(made.description)
    if (!known(command)) {
      const error = `exec: "${command[0] ?? ''}": stat ${command[0] ?? ''}: no such file or directory: unknown`
      made.seen = { ...made.seen, error, exitCode: 127 }
      throw new EngineError('refused', error)
    }
    made.stop = new AbortController()
    made.seen = { ...made.seen, state: 'running', pid: 1, startedAtMs: Date.now() }
    this.#emit(id, 'start')
    const say = (stream: Chunk['stream'], text: string): void => this.#say(made, stream, text)
    const terminal = { env: made.description.env, out: say, input: made.input, signal: made.stop.signal }
    void execute(command, terminal).then((code) => this.#ended(made, code))
  }

  async signal(id: string, name: string): Promise<void> {
    const made = this.#containers.get(id)
    if (made?.seen.state !== 'running') return
    const ignores = /trap\s+(""|'')\s+TERM/.test(commandOf(made.description).join(' '))
    if (name === 'SIGKILL' || !ignores) made.stop.abort(name)
  }

  async remove(id: string): Promise<void> {
    const made = this.#containers.get(id)
    if (made === undefined) return
    made.stop.abort('SIGKILL')
    this.#containers.delete(id)
    this.#emitOf(made, 'destroy')
    made.spoke.emit('line')
  }

  async resize(id: string): Promise<void> {
    this.#need(id)
  }

  async *events(
    options: { readonly sinceMs: number | undefined; readonly opened: () => void },
    signal: AbortSignal,
  ): AsyncGenerator<EngineEvent> {
    const source = on(this.#events, 'event', { signal })
    options.opened()
    for await (const [event] of source as AsyncIterable<[EngineEvent]>) yield event
  }

  async image(reference: string): Promise<ImageFacts | undefined> {
    const found = [...this.#images].find((one) => one === reference || imageId(one) === reference)
    return found === undefined ? undefined : factsOf(found)
  }

  async images(): Promise<ImageFacts[]> {
    return [...this.#images].map(factsOf)
  }

  async pull(reference: string): Promise<void> {
    if (this.#options.anyImage !== true)
      throw new EngineError('refused', `manifest for ${reference} not found: manifest unknown`)
    this.#images.add(reference)
  }

  async load(_tar: Uint8Array, reference: string): Promise<void> {
    this.#images.add(reference)
  }

  async exec(id: string, request: ExecRequest): Promise<Session> {
    const made = this.#running(id)
    const output = new PassThrough({ objectMode: true })
    const input = new PassThrough()
    if (!request.stdin) input.end()
    const stop = new AbortController()
    const terminal = {
      env: made.description.env,
      out: (stream: Chunk['stream'], text: string): void =>
        void output.write({ stream: request.tty ? 'stdout' : stream, bytes: Buffer.from(text) }),
      input,
      signal: stop.signal,
    }
    const code = known(request.command) ? execute(request.command, terminal) : Promise.resolve(126)
    void code.finally(() => output.end())
    return { input, output, resize: async () => {}, exitCode: () => code, kill: async () => stop.abort('SIGKILL') }
  }

  async attach(id: string): Promise<Session> {
    const made = this.#running(id)
    const stop = new AbortController()
    return {
      input: made.input,
      output: this.#read(made, { follow: true, timestamps: false, tail: 0, sinceMs: undefined }, stop.signal),
      resize: async () => {},
      exitCode: async () => made.seen.exitCode,
      kill: async () => stop.abort(),
    }
  }

  logs(id: string, request: LogRequest, signal: AbortSignal): AsyncIterable<Chunk> {
    return this.#read(this.#need(id), request, signal)
  }

  async *#read(made: Made, request: LogRequest, signal: AbortSignal): AsyncGenerator<Chunk> {
    const first = request.tail === undefined ? 0 : Math.max(0, made.log.length - request.tail)
    for (let at = first; !signal.aborted; at++) {
      while (at >= made.log.length) {
        const alive = made.seen.state === 'running' && this.#containers.has(made.seen.id)
        if (!request.follow || !alive || signal.aborted) return
        await new Promise<void>((resolve) => {
          made.spoke.once('line', resolve)
          signal.addEventListener('abort', () => resolve(), { once: true })
        })
      }
      const line = made.log[at]
      if (line === undefined || (request.sinceMs !== undefined && line.atMs < request.sinceMs)) continue
      const time = request.timestamps ? `${new Date(line.atMs).toISOString().replace('Z', '000000Z')} ` : ''
      yield { stream: line.stream, bytes: Buffer.from(`${time}${line.text}`) }
    }
  }

  #say(made: Made, stream: Chunk['stream'], text: string): void {
    for (const line of text.split('\n').slice(0, -1)) made.log.push({ stream, text: `${line}\n`, atMs: Date.now() })
    if (made.log.length > MAX_LOG_LINES) made.log.splice(0, made.log.length - MAX_LOG_LINES)
    made.spoke.emit('line')
  }

  #ended(made: Made, exitCode: number): void {
    if (!this.#containers.has(made.seen.id)) return
    made.seen = { ...made.seen, state: 'exited', pid: 0, exitCode, finishedAtMs: Date.now() }
    this.#emit(made.seen.id, 'die')
    made.spoke.emit('line')
  }

  #labelled(label: { readonly key: string; readonly value: string }): Made[] {
    return [...this.#containers.values()].filter(({ description }) => description.labels[label.key] === label.value)
  }

  #need(id: string): Made {
    const made = this.#containers.get(id)
    if (made === undefined) throw new EngineError('not-found', `No such container: ${id}`)
    return made
  }

  #running(id: string): Made {
    const made = this.#need(id)
    if (made.seen.state !== 'running') throw new EngineError('conflict', `container ${id} is not running`)
    return made
  }

  #emit(id: string, action: EngineEvent['action']): void {
    const made = this.#containers.get(id)
    if (made !== undefined) this.#emitOf(made, action)
  }

  #emitOf(made: Made, action: EngineEvent['action']): void {
    this.#events.emit('event', { id: made.seen.id, action, labels: made.description.labels })
  }
}

function commandOf(description: ContainerDescription): string[] {
  return [...(description.command ?? []), ...(description.args ?? [])]
}

function imageId(reference: string): string {
  return `sha256:${createHash('sha256').update(reference).digest('hex')}`
}

function factsOf(reference: string): ImageFacts {
  const id = imageId(reference)
  return { id, reference: `docker://${id}`, sizeBytes: 1 << 20, user: '', names: [reference] }
}
