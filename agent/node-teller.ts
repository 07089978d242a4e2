// What the control plane is told of this node: all of it with a registration, then what changed since.
import { setTimeout as sleep } from 'node:timers/promises'
import type { NodeView } from './node-status.ts'
import { stableNode } from './node-status.ts'
import type { AgentParts } from './parts.ts'

const CHECK_MS = 60_000

export class NodeTeller {
  readonly #look: AgentParts['view']
  readonly #tell: (status: { readonly [field: string]: unknown }) => void
  #network: string | undefined
  #runtime: string | undefined
  /** undefined: nothing yet, a registration comes first */
  #told: string | undefined

  constructor(look: AgentParts['view'], tell: (status: { readonly [field: string]: unknown }) => void) {
    this.#look = look
    this.#tell = tell
  }

  view(): Promise<NodeView> {
    return this.#look(this.#problems())
  }

  #problems(): string[] {
    return [this.#runtime, this.#network].filter((one) => one !== undefined)
  }

  /** The control plane has this from a registration. */
  told(view: NodeView): void {
    this.#told = stableNode(view)
  }

  async networkChanged(problem: string | undefined): Promise<void> {
    this.#network = problem
    await this.#tellChanges()
  }

  async runtimeChanged(problem: string | undefined): Promise<void> {
    this.#runtime = problem
    await this.#tellChanges()
  }

  /** A control plane that hears a node again takes it for a ready one: the next report says if it is not. */
  async missed(): Promise<void> {
    if (this.#problems().length === 0) return
    this.#told = ''
    await this.#tellChanges()
  }

  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(CHECK_MS, undefined, { signal }).catch(() => {})
      if (!signal.aborted) await this.#tellChanges()
    }
  }

  async #tellChanges(): Promise<void> {
    if (this.#told === undefined) return
    const view = await this.view().catch(() => undefined)
    if (view === undefined || stableNode(view) === this.#told) return
    this.told(view)
    this.#tell({ ...view.status })
  }
}
