/**
 * A cluster's keys: `keys.json` beside its database, readable by the owner alone, made at first start. Without it the
 * sealed rows of the database cannot be opened, so it is never made anew for a database that exists.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { sha256Hex } from '../../access/digest.ts'
import type { Keys } from '../port.ts'
import { DATABASE_FILE } from './database.ts'
import { createWhole, readIfThere } from './files.ts'
import { StartError } from './start-error.ts'

export const KEYS_FILE = 'keys.json'
const ED25519 = { name: 'Ed25519' }

interface KeysFile {
  readonly clusterUid: string
  /** 32 bytes each, base64 */
  readonly sealing: { readonly current: string; readonly keys: Readonly<Record<string, string>> }
  readonly signing: { readonly id: string; readonly privateKey: JsonWebKey; readonly publicKey: JsonWebKey }
  readonly adminToken: string
}

export interface ClusterKeys {
  readonly clusterUid: string
  readonly keys: Keys
  readonly adminToken: string
}

export async function openKeys(directory: string, caPem: string): Promise<ClusterKeys> {
  const path = join(directory, KEYS_FILE)
  const text = readIfThere(path) ?? (await create(directory, path))
  const file = parse(path, text)
  const sealing = new Map<string, CryptoKey>()
  for (const [id, key] of Object.entries(file.sealing.keys)) {
    const raw = Buffer.from(key, 'base64')
    sealing.set(id, await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt']))
  }
  const { id, privateKey, publicKey } = file.signing
  return {
    clusterUid: file.clusterUid,
    adminToken: file.adminToken,
    keys: {
      sealing: { current: file.sealing.current, keys: sealing },
      signing: {
        id,
        privateKey: await crypto.subtle.importKey('jwk', privateKey, ED25519, false, ['sign']),
        publicKey: await crypto.subtle.importKey('jwk', publicKey, ED25519, false, ['verify']),
      },
      adminTokenHash: await sha256Hex(file.adminToken),
      caPem,
    },
  }
}

async function create(directory: string, path: string): Promise<string> {
  if (existsSync(join(directory, DATABASE_FILE))) {
    throw new StartError(`${path} is missing, and the database beside it is sealed with the keys in it: put it back`)
  }
  const pair: unknown = await crypto.subtle.generateKey(ED25519, true, ['sign', 'verify'])
  const { privateKey, publicKey } = pair as CryptoKeyPair
  const file: KeysFile = {
    clusterUid: crypto.randomUUID(),
    sealing: { current: 'k1', keys: { k1: random(32).toString('base64') } },
    signing: {
      id: random(6).toString('hex'),
      privateKey: await crypto.subtle.exportKey('jwk', privateKey),
      publicKey: await crypto.subtle.exportKey('jwk', publicKey),
    },
    // Letters and digits only: a token that begins with a dash is taken for an option.
    adminToken: random(32).toString('hex'),
  }
  return createWhole(path, `${JSON.stringify(file, null, 2)}\n`)
}

function parse(path: string, text: string): KeysFile {
  try {
    const file = JSON.parse(text) as Partial<KeysFile>
    const { clusterUid, sealing, signing, adminToken } = file
    if (clusterUid !== undefined && sealing !== undefined && signing !== undefined && adminToken !== undefined) {
      return { clusterUid, sealing, signing, adminToken }
    }
  } catch (cause) {
    throw new StartError(`${path} is not JSON: put back the one this cluster was made with`, { cause })
  }
  throw new StartError(`${path} lacks a key: put back the one this cluster was made with`)
}

const random = (length: number): Buffer => Buffer.from(crypto.getRandomValues(new Uint8Array(length)))
