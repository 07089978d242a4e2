// Whether the engine is down. It may be away for as long as a kubelet gives its runtime, an upgrade of Docker among
// others, before the node is said not to be ready.
import type { Ground } from './ground.ts'

/** the kubelet's maxWaitForContainerRuntime */
const ALLOWED_MS = 30_000

export class EngineHealth {
  readonly #ground: Pick<Ground, 'clock' | 'runtimeChanged'>
  #cancel: (() => void) | undefined
  #down = false

  constructor(ground: Pick<Ground, 'clock' | 'runtimeChanged'>) {
    this.#ground = ground
  }

  answers(): void {
    this.close()
    if (!this.#down) return
    this.#down = false
    this.#ground.runtimeChanged(undefined)
  }

  /** It does not answer, or not any more; said again and again, the first time counts: the answer is whether it was. */
  silent(): boolean {
    if (this.#down || this.#cancel !== undefined) return false
    const { clock } = this.#ground
    this.#cancel = clock.at(clock.now() + ALLOWED_MS, () => {
      this.#cancel = undefined
      this.#down = true
      this.#ground.runtimeChanged('container runtime is down')
    })
    return true
  }

  close(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }
}
