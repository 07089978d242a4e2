/**
 * What a deployment is configured with: one secret per cluster, `KEDGE_CLUSTER_<NAME>` (the cluster `default` is
 * `KEDGE_CLUSTER_DEFAULT`, `team-a` is `KEDGE_CLUSTER_TEAM_A`), with its uid, its database and its keys: everything that
 * must not lie in the database. `kedge edge --init` writes them. A secret holds at most 5 KB; one cluster is about 1.5 KB.
 *
 *     { "uid": "6f…", "url": "https://db.example", "authToken": "…",
 *       "sealing": { "current": "k1", "keys": { "k1": "<32 bytes, base64>" } },
 *       "signing": { "id": "s1", "privateKey": { …JWK }, "publicKey": { …JWK } },
 *       "adminTokenHash": "<sha-256, hex>", "caPem": "-----BEGIN CERTIFICATE-----…" }
 */
import type { Keys } from '../port.ts'
import type { ClusterCalls } from './calls.ts'
import type { ClusterSettings } from './settings.ts'

export interface Environment {
  readonly CLUSTER: DurableObjectNamespace<ClusterCalls>
  readonly STREAM: DurableObjectNamespace
}

/** Parsed once per isolate: configuration does not change under a running isolate. */
const parsed = new WeakMap<object, ReadonlyMap<string, ClusterSettings>>()
const imported = new Map<string, Keys>()

export function clusterSettings(environment: Environment): ReadonlyMap<string, ClusterSettings> {
  const known = parsed.get(environment)
  if (known !== undefined) return known
  const clusters = new Map<string, ClusterSettings>()
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith(PREFIX) || typeof value !== 'string') continue
    const settings = parseSettings(variable, value)
    for (const field of REQUIRED) {
      if (settings[field] === undefined) throw new Error(`${variable}: ${field}: Required value`)
    }
    clusters.set(variable.slice(PREFIX.length).toLowerCase().replaceAll('_', '-'), settings)
  }
  if (clusters.size === 0) throw new Error(`no cluster is configured: set the secret ${PREFIX}DEFAULT`)
  parsed.set(environment, clusters)
  return clusters
}

const PREFIX = 'KEDGE_CLUSTER_'
const REQUIRED = ['uid', 'url', 'sealing', 'signing', 'adminTokenHash', 'caPem'] as const

/** The error names the variable, and never what is in it. */
function parseSettings(variable: string, value: string): ClusterSettings {
  try {
    return JSON.parse(value) as ClusterSettings
  } catch {
    throw new Error(`${variable}: must be the JSON that \`kedge edge --init\` wrote`)
  }
}

/** The keys of one cluster as WebCrypto wants them, imported once per isolate. No promise is shared between requests:
 *  one that was cut off would hold up all the others. */
export async function importKeys(settings: ClusterSettings): Promise<Keys> {
  const id = `${settings.uid}/${settings.signing.id}/${settings.sealing.current}`
  const known = imported.get(id) ?? (await readKeys(settings))
  imported.set(id, known)
  return known
}

async function readKeys(settings: ClusterSettings): Promise<Keys> {
  const sealing = new Map<string, CryptoKey>()
  for (const [id, text] of Object.entries(settings.sealing.keys)) {
    const raw = Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
    sealing.set(id, await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt']))
  }
  const { id, privateKey, publicKey } = settings.signing
  return {
    sealing: { current: settings.sealing.current, keys: sealing },
    signing: {
      id,
      privateKey: await crypto.subtle.importKey('jwk', privateKey, { name: 'Ed25519' }, false, ['sign']),
      publicKey: await crypto.subtle.importKey('jwk', publicKey, { name: 'Ed25519' }, false, ['verify']),
    },
    adminTokenHash: settings.adminTokenHash,
    caPem: settings.caPem,
  }
}
