/**
 * What a deployment is configured with. The one secret `KEDGE_CLUSTERS` holds, for each cluster of the deployment,
 * its uid, its database and its keys: everything that must not lie in the database. `kedge edge init` writes it.
 *
 *     { "default": { "uid": "6f…", "url": "https://db.example", "authToken": "…",
 *         "sealing": { "current": "k1", "keys": { "k1": "<32 bytes, base64>" } },
 *         "signing": { "id": "s1", "privateKey": { …JWK }, "publicKey": { …JWK } },
 *         "adminTokenHash": "<sha-256, hex>", "caPem": "-----BEGIN CERTIFICATE-----…" } }
 */
import type { Keys } from '../port.ts'
import type { ClusterObject } from './cluster-object.ts'
import type { StreamObject } from './stream-object.ts'

export interface Environment {
  readonly KEDGE_CLUSTERS: string
  readonly CLUSTER: DurableObjectNamespace<ClusterObject>
  readonly STREAM: DurableObjectNamespace<StreamObject>
}

export interface ClusterSettings {
  readonly uid: string
  readonly url: string
  readonly authToken?: string
  readonly sealing: { readonly current: string; readonly keys: Readonly<Record<string, string>> }
  readonly signing: { readonly id: string; readonly privateKey: JsonWebKey; readonly publicKey: JsonWebKey }
  readonly adminTokenHash: string
  readonly caPem: string
}

/** Parsed once per isolate: configuration does not change under a running isolate. */
const parsed = new WeakMap<object, ReadonlyMap<string, ClusterSettings>>()
const imported = new Map<string, Promise<Keys>>()

export function clusterSettings(environment: Environment): ReadonlyMap<string, ClusterSettings> {
  const known = parsed.get(environment)
  if (known !== undefined) return known
  const value: unknown = JSON.parse(environment.KEDGE_CLUSTERS)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('KEDGE_CLUSTERS: must be a JSON object of clusters by name')
  }
  const clusters = new Map(Object.entries(value as Record<string, ClusterSettings>))
  for (const [name, settings] of clusters) {
    for (const field of ['uid', 'url', 'sealing', 'signing', 'adminTokenHash', 'caPem'] as const) {
      if (settings[field] === undefined) throw new Error(`KEDGE_CLUSTERS: ${name}.${field}: Required value`)
    }
  }
  parsed.set(environment, clusters)
  return clusters
}

/** The keys of one cluster as WebCrypto wants them, imported once per isolate. */
export function importKeys(settings: ClusterSettings): Promise<Keys> {
  const id = `${settings.uid}/${settings.signing.id}/${settings.sealing.current}`
  const known = imported.get(id)
  if (known !== undefined) return known
  const keys = readKeys(settings)
  imported.set(id, keys)
  return keys
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
