/** A cluster in memory, for tests of whatever needs one: real store contract, real bell, real keys, a clock that may be moved. */
import { sha256Hex } from '../../api/access/digest.ts'
import {
  manualClock,
  memoryBell,
  memoryLiveness,
  seededRandom,
  silentLog,
  webRandom,
} from '../../api/platform/memory.ts'
import { nodeStreams } from '../../api/platform/nodejs/streams.ts'
import type { Clock, Cluster, Keys } from '../../api/platform/port.ts'
import { openMemoryStore } from '../../api/store/memory.ts'
import type { Store } from '../../api/store/store.ts'

export interface ClusterParts {
  readonly name?: string
  readonly uid?: string
  readonly clock?: Clock
  /** randomness from this seed instead of the platform's own */
  readonly seed?: number
  /** wraps the store, to count or to fail */
  readonly store?: (store: Store) => Store
  readonly log?: Cluster['log']
}

/** 2026-01-01T00:00:00Z */
export const START = 1_767_225_600_000

export const adminTokenOf = (name = 'default'): string => `admin-token-of-${name}`

export async function memoryCluster(parts: ClusterParts = {}): Promise<Cluster> {
  const { name = 'default', clock = manualClock(START) } = parts
  const uid = parts.uid ?? `uid-of-${name}`
  const bell = memoryBell()
  const store = openMemoryStore({ clusterUid: uid, now: () => clock.now(), onCommit: (touched) => bell.ring(touched) })
  return {
    name,
    uid,
    store: parts.store?.(store) ?? store,
    bell,
    keys: await testKeys(name),
    clock,
    random: parts.seed === undefined ? webRandom() : seededRandom(parts.seed),
    live: memoryLiveness(clock.now()),
    streams: nodeStreams({ bell, clock }),
    log: parts.log ?? silentLog,
    defer: (work) => void work.catch(() => undefined),
  }
}

async function testKeys(name = 'default'): Promise<Keys> {
  const signing = (await crypto.subtle.generateKey({ name: 'Ed25519' }, true, [
    'sign',
    'verify',
  ])) as unknown as CryptoKeyPair
  const sealing = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, ['encrypt', 'decrypt'])
  return {
    sealing: { current: 'k1', keys: new Map([['k1', sealing]]) },
    signing: { id: 's1', privateKey: signing.privateKey, publicKey: signing.publicKey },
    adminTokenHash: await sha256Hex(adminTokenOf(name)),
    caPem: '-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n',
  }
}
