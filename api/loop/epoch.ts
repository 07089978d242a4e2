/**
 * The fence of passes: one record, `~pass/epoch`. Whoever wants to plan writes it and takes its revision as epoch,
 * before reading anything; every write of a pass is guarded by that revision. Two control planes may alternate, but
 * what one read before the other took over can no longer be written.
 */
import type { Cluster } from '../platform/port.ts'
import type { Guard, Key } from '../store/store.ts'

const KEY: Key = { resource: '~pass', namespace: '', name: 'epoch' }
/** Others may take it at the same time; then it is tried again. */
const ATTEMPTS = 5

export class Epoch {
  readonly #cluster: Cluster
  #revision: number | undefined

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /**
   * The guard for writes planned from what is read after this resolves. `catchUp` runs whenever the epoch was taken
   * anew: what is remembered of the log must be as new as the epoch, too.
   */
  async hold(catchUp: () => Promise<void>): Promise<Guard> {
    if (this.#revision === undefined) {
      const taken = await this.#take()
      await catchUp()
      this.#revision = taken
    }
    return { key: KEY, expect: this.#revision }
  }

  /** Has somebody else taken it? Asked when a write was lost. */
  async isLost(): Promise<boolean> {
    const stored = await this.#cluster.store.get(KEY)
    if (stored?.revision === this.#revision) return false
    this.#revision = undefined
    return true
  }

  async #take(): Promise<number> {
    const { store, random } = this.#cluster
    let current = await store.get(KEY)
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const expect = current?.revision ?? 'absent'
      const value = JSON.stringify({ owner: random.uuid() })
      const outcome = await store.write({ effects: [{ op: 'put', key: KEY, expect, value, index: {} }], lane: 'first' })
      if (outcome.ok && outcome.revisions[0] !== undefined) return outcome.revisions[0]
      if (!outcome.ok) current = outcome.lost[0]?.current
    }
    throw new Error(`the pass epoch was taken by others ${ATTEMPTS} times in a row`)
  }
}
