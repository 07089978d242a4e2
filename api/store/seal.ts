/**
 * Encryption at rest: AES-256-GCM, bound to the cluster and the object.
 *
 * The text form is base64 of a 12-byte random IV followed by ciphertext and tag. The authenticated context is
 * `clusterUid|resource|namespace|name|uid` (no part but `name` can hold a `|`), so that a ciphertext moved to another
 * object, another incarnation of it or another cluster does not open.
 */
import { describeKey } from './key.ts'
import type { Key } from './store.ts'
import { StoreError } from './store.ts'

export interface SealingKeys {
  readonly current: string
  readonly keys: ReadonlyMap<string, CryptoKey>
}

export interface Sealer {
  /** Encrypts with the current key; `enc` is its id. */
  seal(at: SealContext, text: string): Promise<{ readonly enc: string; readonly text: string }>
  /** Throws `StoreError` 'corrupt': never returns text that was not sealed for this very object. */
  open(at: SealContext, enc: string, text: string): Promise<string>
}

export interface SealContext {
  readonly clusterUid: string
  readonly key: Key
  readonly uid: string
}

const IV_BYTES = 12

export function webSealer(sealing: SealingKeys): Sealer {
  return {
    async seal(at, text) {
      const key = sealing.keys.get(sealing.current)
      if (key === undefined) throw new StoreError('corrupt', `the sealing key ${sealing.current} is not at hand`)
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES))
      const algorithm = { name: 'AES-GCM', iv, additionalData: context(at) }
      const sealed = new Uint8Array(await crypto.subtle.encrypt(algorithm, key, new TextEncoder().encode(text)))
      const joined = new Uint8Array(IV_BYTES + sealed.length)
      joined.set(iv)
      joined.set(sealed, IV_BYTES)
      return { enc: sealing.current, text: toBase64(joined) }
    },

    async open(at, enc, text) {
      const key = sealing.keys.get(enc)
      if (key === undefined)
        throw new StoreError('corrupt', `${describeKey(at.key)} is sealed with key ${enc}, which is not at hand`)
      try {
        const joined = fromBase64(text)
        const algorithm = { name: 'AES-GCM', iv: joined.subarray(0, IV_BYTES), additionalData: context(at) }
        return new TextDecoder().decode(await crypto.subtle.decrypt(algorithm, key, joined.subarray(IV_BYTES)))
      } catch (cause) {
        throw new StoreError(
          'corrupt',
          `${describeKey(at.key)} does not open with key ${enc}: wrong key or altered data`,
          { cause },
        )
      }
    },
  }
}

function context(at: SealContext): Uint8Array<ArrayBuffer> {
  const { resource, namespace, name } = at.key
  return Uint8Array.from(new TextEncoder().encode(`${at.clusterUid}|${resource}|${namespace}|${name}|${at.uid}`))
}

/** In slices, because a call takes a bounded number of arguments. */
function toBase64(bytes: Uint8Array): string {
  let binary = ''
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192))
  return btoa(binary)
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at)
  return bytes
}
