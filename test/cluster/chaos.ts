/**
 * What can go wrong between a process and its store, its bell and its agents, drawn from a seed: answers take time,
 * rings are lost, the answer to a write is lost after the commit. `calm` ends all of it.
 */
import type { Bell, Clock, Random } from '../../api/platform/port.ts'
import { type Group, type Outcome, type Store, StoreError } from '../../api/store/store.ts'

export interface Chaos {
  readonly random: Random
  calm: boolean
}

/** True once in `times`, never while it is calm. */
export function strikes(chaos: Chaos, times: number): boolean {
  return !chaos.calm && chaos.random.fraction() * times < 1
}

/** What a story wants to know of a process. */
export interface Watcher {
  asked(): void
  /** before it is committed, or lost */
  writes(group: Group): void
}

/** Counts what one process asks of the store, and lets answers be late or lost. */
export function chaosStore(store: Store, clock: Clock, chaos: Chaos, watcher: Watcher): Store {
  const late = async (): Promise<void> => {
    watcher.asked()
    if (strikes(chaos, 8)) await clock.sleep(1 + Math.floor(chaos.random.fraction() * 40))
  }
  const slow =
    <Arguments extends readonly unknown[], Answer>(call: (...given: Arguments) => Promise<Answer>) =>
    async (...given: Arguments): Promise<Answer> => {
      await late()
      return call(...given)
    }
  return {
    ...store,
    get: slow(store.get),
    getMany: slow(store.getMany),
    list: slow(store.list),
    listText: slow(store.listText),
    index: slow(store.index),
    after: slow(store.after),
    head: slow(store.head),
    due: slow(store.due),
    nextDue: slow(store.nextDue),
    expired: slow(store.expired),
    owned: slow(store.owned),
    revisionAt: slow(store.revisionAt),
    async write(group: Group): Promise<Outcome> {
      await late()
      if (strikes(chaos, 200)) throw new StoreError('unavailable', 'the store does not answer')
      watcher.writes(group)
      const outcome = await store.write(group)
      if (strikes(chaos, 200)) throw new StoreError('unknown-outcome', 'the answer to a write was lost')
      return outcome
    },
  }
}

/** Loses a ring now and then. */
export function chaosBell(bell: Bell, chaos: Chaos): Bell {
  return {
    ring: (touched) => {
      if (!strikes(chaos, 10)) bell.ring(touched)
    },
    listen: (interest, since) => bell.listen(interest, since),
  }
}
