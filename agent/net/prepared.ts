// The host's part of the pods' network: made before the first pod, and tried again for as long as that fails.
// Meanwhile pods that need an address wait, and the node says that it is not ready, as one without a network plugin.
import type { PodNetwork } from './network.ts'

const RETRY_MS = 5_000

export interface Surroundings {
  readonly clock: { now(): number; at(atMs: number, then: () => void): () => void }
  readonly log: (level: 'error' | 'info', message: string, fields?: { readonly [name: string]: unknown }) => void
  /** the problem is another one, or there is none any more */
  readonly changed: (problem: string | undefined) => void
}

export class PreparedNetwork {
  readonly #network: PodNetwork
  readonly #around: Surroundings
  #why: string | undefined

  constructor(network: PodNetwork, around: Surroundings) {
    this.#network = network
    this.#around = around
  }

  /** In the words of the kubelet's Ready condition; undefined when nothing is in the way. */
  get problem(): string | undefined {
    return this.#why === undefined ? undefined : NOT_READY + this.#why
  }

  /** Resolves after the first try, whatever became of it; further ones follow until one works or `signal` aborts. */
  async start(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const why = await this.#try(signal)
    if (signal.aborted) return
    if (why !== this.#why) this.#tell(why)
    if (why === undefined) return
    const { clock } = this.#around
    const cancel = clock.at(clock.now() + RETRY_MS, () => {
      signal.removeEventListener('abort', cancel)
      void this.start(signal)
    })
    signal.addEventListener('abort', cancel)
  }

  async #try(signal: AbortSignal): Promise<string | undefined> {
    try {
      await this.#network.prepare(signal)
      return undefined
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  #tell(why: string | undefined): void {
    const { log, changed } = this.#around
    if (why === undefined) log('info', 'the network of this host is prepared')
    else log('error', 'the network of this host cannot be prepared', { error: why })
    this.#why = why
    changed(this.problem)
  }
}

const NOT_READY =
  'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady ' +
  'message:Network plugin returns error: '
