/**
 * One group into the store, or, for a dry run, the same expectations checked against what is there now.
 * Trouble of the store becomes the refusal a client can act on.
 */
import { internalError, Refusal, serviceUnavailable, tooLarge } from '../../schema/k8s/status.ts'
import type { Cluster } from '../platform/port.ts'
import {
  type Expect,
  type Group,
  type Lost,
  MAX_VALUE_BYTES,
  type Outcome,
  type Stored,
  StoreError,
} from '../store/store.ts'
import type { WriteOptions } from './options.ts'

/** Adds what the caller wants to join the group: effects, guards, due rows, lane. */
export function groupOf(effects: Group['effects'], guards: Group['guards'], options: WriteOptions): Group {
  return {
    effects: options.effects === undefined ? effects : [...effects, ...options.effects],
    guards: options.guards === undefined ? (guards ?? []) : [...(guards ?? []), ...options.guards],
    ...(options.due === undefined ? {} : { due: options.due }),
    ...(options.lane === undefined ? {} : { lane: options.lane }),
  }
}

export async function commit(cluster: Cluster, group: Group, dryRun = false): Promise<Outcome> {
  for (const effect of group.effects) {
    // A string of n characters has between n and 3n bytes: measure only what may be over.
    if (effect.op !== 'put' || effect.value.length * 3 <= MAX_VALUE_BYTES) continue
    const bytes = new TextEncoder().encode(effect.value).length
    if (bytes > MAX_VALUE_BYTES) throw tooLarge(`the object has ${bytes} bytes, limit is ${MAX_VALUE_BYTES}`)
  }
  try {
    return dryRun ? await rehearse(cluster, group) : await cluster.store.write(group)
  } catch (error) {
    throw storeRefusal(error)
  }
}

/** A failed read or write of the store as a refusal; anything else stays what it is. */
export function storeRefusal(error: unknown): unknown {
  if (!(error instanceof StoreError) || error instanceof Refusal) return error
  switch (error.code) {
    case 'too-large':
      return tooLarge(`limit is ${MAX_VALUE_BYTES}`)
    case 'unavailable':
    case 'unknown-outcome':
      return serviceUnavailable(`the store did not answer: ${error.code}; try again`, error)
    default:
      return internalError('the store refused the operation', error)
  }
}

async function rehearse(cluster: Cluster, group: Group): Promise<Outcome> {
  const expectations = [...group.effects, ...(group.guards ?? [])].map(({ key, expect }) => ({ key, expect }))
  const current = await cluster.store.getMany(expectations.map(({ key }) => key))
  const lost: Lost[] = []
  for (const [at, { key, expect }] of expectations.entries()) {
    const stored = current[at]
    if (!holds(expect, stored)) lost.push({ key, expected: expect, current: stored })
  }
  return lost.length > 0 ? { ok: false, lost } : { ok: true, revisions: group.effects.map(() => 0) }
}

function holds(expect: Expect, stored: Stored | undefined): boolean {
  if (expect === 'absent') return stored === undefined
  if (expect === 'present') return stored !== undefined
  return stored?.revision === expect
}
