// Names of the Web platform that Node 24 has and its own types do not: a file in `api` may say `CryptoKey` and mean the
// same on both platforms.
import type { webcrypto } from 'node:crypto'
import type { TextDecoder as NodeTextDecoder, TextEncoder as NodeTextEncoder } from 'node:util'

declare global {
  interface CryptoKey extends webcrypto.CryptoKey {}
  interface CryptoKeyPair extends webcrypto.CryptoKeyPair {}
  interface JsonWebKey extends webcrypto.JsonWebKey {}
  interface Crypto extends webcrypto.Crypto {}
  interface SubtleCrypto extends webcrypto.SubtleCrypto {}
  interface TextEncoder extends NodeTextEncoder {}
  interface TextDecoder extends NodeTextDecoder {}
  type BufferSource = ArrayBufferView<ArrayBuffer> | ArrayBuffer
  type BodyInit = NonNullable<RequestInit['body']>
  type HeadersInit = NonNullable<RequestInit['headers']>
  type RequestInfo = string | Request
}
