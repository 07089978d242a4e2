/**
 * What differs between platforms. Types only: every room of `api` that has effects may import this file.
 * Implementations live in `nodejs/` and `workerd/`; each port has a suite in `test/suites`, run on both.
 */
import type { Store, Touched } from '../store/store.ts'

/** Everything that belongs to one cluster; it travels in `ResourceRequest`, never in a global. */
export interface Cluster {
  /** 'default' at `/`, else the `<name>` of `/clusters/<name>` */
  readonly name: string
  readonly uid: string
  readonly store: Store
  readonly bell: Bell
  readonly keys: Keys
  readonly clock: Clock
  readonly random: Random
  readonly live: Liveness
  readonly streams: Streams
  readonly log: Log
  /** Keeps a promise alive past the response: hints only, nothing correct may depend on it. */
  readonly defer: (work: Promise<unknown>) => void
}

export interface Platform {
  open(name: string): Promise<Cluster | undefined>
}

/** Rung after each commit, with the head revision and what was touched, never data. Losing a ring costs
 *  latency, never correctness: listeners read the log. */
export interface Bell {
  /** Wakes listeners only when the revision is news to them. A ring that touches no resource is not about the log (a
   *  stream waits for the node) and always wakes the listeners of its nodes. */
  ring(touched: Touched): void
  /** `since`: the listener has seen everything up to here. */
  listen(interest: Interest, since: number): Listener
}

export interface Interest {
  /** undefined: every resource */
  readonly resources?: readonly string[]
  /** only rings that touch this node */
  readonly node?: string
}

export interface Listener {
  /** The newest revision rung since the last call that touches the interest; rings in between are merged.
   *  undefined when `signal` aborts first. */
  next(signal: AbortSignal): Promise<number | undefined>
  close(): void
}

/** Wall clock in milliseconds. On workerd it stands still within a slice of CPU. */
export interface Clock {
  now(): number
  /** Resolves after `ms`, or at once when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export interface Random {
  uuid(): string
  /** `length` characters of `bcdfghjklmnpqrstvwxz2456789`, as upstream's generated names. */
  suffix(length: number): string
  bytes(length: number): Uint8Array<ArrayBuffer>
  /** [0, 1) */
  fraction(): number
}

export interface Log {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void
  error(message: string, fields?: Readonly<Record<string, unknown>>): void
}

/** Keys kept outside the database: 0600 files on Node, secrets on workerd. */
export interface Keys {
  /** id of the key that seals new values, and every key that may still open old ones (AES-256-GCM) */
  readonly sealing: { readonly current: string; readonly keys: ReadonlyMap<string, CryptoKey> }
  /** Ed25519, signs node credentials and continue tokens; `id` is the JWT `kid` */
  readonly signing: { readonly id: string; readonly privateKey: CryptoKey; readonly publicKey: CryptoKey }
  /** lower-case hex SHA-256 of the admin token */
  readonly adminTokenHash: string
  /** PEM of the root that clients of this cluster really meet */
  readonly caPem: string
}

/** When each node's agent was last heard of. Memory on Node, the Durable Object on workerd; never SQL. */
export interface Liveness {
  seen(node: string, at: number): void
  /** node name to milliseconds since the epoch; `since` is when this control plane began to listen */
  snapshot(): Promise<{ readonly since: number; readonly nodes: ReadonlyMap<string, number> }>
}

/** What an agent is asked to dial back for. */
export interface StreamOrder {
  readonly id: string
  readonly kind: 'exec' | 'attach' | 'portforward' | 'log'
  readonly node: string
  readonly namespace: string
  readonly pod: string
  readonly podUid: string
  readonly container: string
  /** query of the client's request: command, stdin, tty, tailLines, ... */
  readonly query: readonly (readonly [string, string])[]
}

/** The rendezvous of a client and the agent that was asked to dial back. */
export interface Streams {
  /** Orders waiting for this node; taken at most once. Wakes with the node's poll (`bell` interest `node`). */
  take(node: string): Promise<readonly StreamOrder[]>
  /** exec, attach, portforward: queues the order, waits for the agent (`timeoutMs`), then splices the client's
   *  WebSocket to the agent's. The answer is the platform's upgrade response. */
  splice(
    order: StreamOrder,
    client: Request,
    options: { readonly timeoutMs: number; readonly protocol: string },
  ): Promise<Response>
  /** log: queues the order and streams what the agent sends (at most 256 KiB beyond what was taken). */
  read(
    order: StreamOrder,
    options: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<ReadableStream<Uint8Array> | { readonly error: string }>
  /** The agent's side: an upgrade request for order `id`. */
  answer(id: string, node: string, agent: Request): Promise<Response>
}
