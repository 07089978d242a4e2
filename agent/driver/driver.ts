// The port to a container engine. What every implementation promises is in test/suites/driver.ts.
import type { Duplex } from 'node:stream'
import type { ContainerDescription } from '../plan/description.ts'
import type { ObservedContainer } from '../plan/observed.ts'
import type { Cgroups } from '../plan/cgroup.ts'

export interface EngineFacts {
  /** of the scheme in container ids, e.g. `docker` */
  readonly name: string
  readonly version: string
  readonly cgroups: Cgroups
  readonly operatingSystem: string
  readonly kernelVersion: string
  readonly architecture: string
  readonly cpus: number
  readonly memoryBytes: number
  /** where it keeps images and containers, for disk figures */
  readonly rootDir: string
  readonly rootless: boolean
}

export interface ImageFacts {
  readonly id: string
  /** with a digest when a registry gave one, e.g. `nginx@sha256:…`; else the id */
  readonly reference: string
  readonly sizeBytes: number
  /** the user its config names; empty: root */
  readonly user: string
  readonly names: readonly string[]
}

/** Something happened to a container; look again. Delivery may miss some: a list repairs it. */
export interface EngineEvent {
  readonly id: string
  readonly action: 'create' | 'start' | 'die' | 'oom' | 'destroy' | 'other'
  readonly labels: { readonly [key: string]: string }
}

export interface ExecRequest {
  readonly command: readonly string[]
  readonly tty: boolean
  readonly stdin: boolean
}

/** A process in a container, or the container's own first process. */
export interface Session {
  /** bytes in; `end()` closes the process's stdin and nothing else */
  readonly input: Duplex
  /** output; with a terminal everything comes as stdout */
  readonly output: AsyncIterable<Chunk>
  resize(columns: number, rows: number): Promise<void>
  /** after the output ended */
  exitCode(): Promise<number>
  /** end it, whatever it does */
  kill(): Promise<void>
}

export interface Chunk {
  readonly stream: 'stdout' | 'stderr'
  readonly bytes: Uint8Array
}

export interface LogRequest {
  readonly follow: boolean
  readonly timestamps: boolean
  /** last lines; undefined: all */
  readonly tail: number | undefined
  /** not before, in milliseconds since the epoch */
  readonly sinceMs: number | undefined
}

export interface RegistryLogin {
  readonly username: string
  readonly password: string
  readonly server: string
  readonly token?: string
}

export type EngineFault = 'not-found' | 'conflict' | 'refused' | 'unavailable'

/** `unavailable`: the engine did not answer; everything else is its answer. */
export class EngineError extends Error {
  readonly fault: EngineFault
  constructor(fault: EngineFault, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'EngineError'
    this.fault = fault
  }
}

export interface Driver {
  facts(signal: AbortSignal): Promise<EngineFacts>

  /** all containers, dead ones too, that carry this label with this value */
  list(label: { readonly key: string; readonly value: string }, signal: AbortSignal): Promise<ObservedContainer[]>
  /** the same containers, ids and the engine's word for their state only: one cheap request */
  states(
    label: { readonly key: string; readonly value: string },
    signal: AbortSignal,
  ): Promise<{ readonly id: string; readonly state: string }[]>
  inspect(id: string, signal: AbortSignal): Promise<ObservedContainer | undefined>
  /** every container that carries the label, of whatever cluster: label values only, cheap */
  labelled(key: string, signal: AbortSignal): Promise<string[]>

  /** answers its id; a container of that name that is there already, with the same labels, is that container */
  create(description: ContainerDescription, signal: AbortSignal): Promise<string>
  /** throws EngineError when the engine could not; the container is then `created` with its `error` set */
  start(id: string, signal: AbortSignal): Promise<void>
  /** a signal to the first process; nothing when it has ended */
  signal(id: string, name: string, signal: AbortSignal): Promise<void>
  /** with its anonymous volumes; kills it first; nothing when it is gone */
  remove(id: string, signal: AbortSignal): Promise<void>
  /** live */
  resize(
    id: string,
    limits: Pick<ContainerDescription, 'cpuShares' | 'cpuQuota' | 'memoryBytes'>,
    signal: AbortSignal,
  ): Promise<void>

  /** ends when the engine does; everything after the call is delivered, `sinceMs` replays what was before */
  events(
    options: { readonly sinceMs: number | undefined; readonly opened: () => void },
    signal: AbortSignal,
  ): AsyncIterable<EngineEvent>

  image(reference: string, signal: AbortSignal): Promise<ImageFacts | undefined>
  images(signal: AbortSignal): Promise<ImageFacts[]>
  pull(reference: string, login: RegistryLogin | undefined, signal: AbortSignal): Promise<void>
  /** an image of one layer from a tar; `changes` in Dockerfile words */
  load(tar: Uint8Array, reference: string, changes: readonly string[], signal: AbortSignal): Promise<void>

  exec(id: string, request: ExecRequest, signal: AbortSignal): Promise<Session>
  attach(id: string, request: Omit<ExecRequest, 'command'>, signal: AbortSignal): Promise<Session>
  logs(id: string, request: LogRequest, signal: AbortSignal): AsyncIterable<Chunk>
}
