// Kubernetes' protobuf on the wire: four magic bytes and a runtime.Unknown that names the kind and
// carries the message. Example: `6b387300 0a0f 0a027631 12094e616d657370616365 12.. <Namespace>`.
import { DecodeError } from './decode-error.ts'
import { kindOf } from './facts.ts'
import { decodeMessage } from './protobuf-decode.ts'
import { encodeMessage } from './protobuf-encode.ts'
import { BYTES, Reader } from './protobuf-reader.ts'
import { fromUtf8, toUtf8 } from './utf8.ts'

export { encodeMessage } from './protobuf-encode.ts'

export const PROTOBUF = 'application/vnd.kubernetes.protobuf'
const MAGIC = [0x6b, 0x38, 0x73, 0x00]

export interface Decoded {
  readonly apiVersion: string
  readonly kind: string
  /** The object with kind and apiVersion, as its JSON would decode. */
  readonly value: { readonly [field: string]: unknown }
}

/**
 * Reads an enveloped object. `fallback` names the kind where the envelope is empty (some clients
 * leave it out for DeleteOptions). Throws a DecodeError on anything malformed or unknown.
 */
export function decodeObject(
  bytes: Uint8Array,
  fallback?: { readonly apiVersion: string; readonly kind: string },
): Decoded {
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw new DecodeError('provided data does not appear to be a protobuf message, expected prefix 6b 38 73 00')
  }
  const envelope = readEnvelope(new Reader(bytes, MAGIC.length))
  const apiVersion = envelope.apiVersion || (fallback?.apiVersion ?? '')
  const kind = envelope.kind || (fallback?.kind ?? '')
  if (envelope.contentEncoding !== '')
    throw new DecodeError(`unknown content encoding ${JSON.stringify(envelope.contentEncoding)}`)
  const facts = kindOf(apiVersion, kind)
  if (facts === undefined)
    throw new DecodeError(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`)
  return { apiVersion, kind, value: { kind, apiVersion, ...decodeMessage(facts.message, envelope.raw) } }
}

/**
 * Writes an object with its envelope. Throws a DecodeError when its kind is not a built-in one or a
 * value does not fit its field.
 */
export function encodeObject(object: { readonly apiVersion: string; readonly kind: string }): Uint8Array {
  const { apiVersion, kind } = object
  const facts = kindOf(apiVersion, kind)
  if (facts === undefined)
    throw new DecodeError(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`)
  const raw = encodeMessage(facts.message, object)
  const typeMeta = [0x0a, ...prefixed(apiVersion), 0x12, ...prefixed(kind)]
  const head = [...MAGIC, 0x0a, ...varint(typeMeta.length), ...typeMeta, 0x12, ...varint(raw.length)]
  // contentEncoding and contentType are written empty, as upstream does.
  const tail = [0x1a, 0x00, 0x22, 0x00]
  const bytes = new Uint8Array(head.length + raw.length + tail.length)
  bytes.set(head, 0)
  bytes.set(raw, head.length)
  bytes.set(tail, head.length + raw.length)
  return bytes
}

function prefixed(text: string): readonly number[] {
  const bytes = toUtf8(text)
  return [...varint(bytes.length), ...bytes]
}

function varint(value: number): readonly number[] {
  const out: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128)
  out.push(rest)
  return out
}

function readEnvelope(reader: Reader): { apiVersion: string; kind: string; raw: Uint8Array; contentEncoding: string } {
  const envelope = { apiVersion: '', kind: '', raw: new Uint8Array(0), contentEncoding: '' }
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((1 << 3) | BYTES)) readTypeMeta(reader.nested(), envelope)
    else if (tag === ((2 << 3) | BYTES)) envelope.raw = reader.slice() as Uint8Array<ArrayBuffer>
    else if (tag === ((3 << 3) | BYTES)) envelope.contentEncoding = fromUtf8(reader.slice())
    else reader.skip(tag & 7, 0)
  }
  return envelope
}

function readTypeMeta(reader: Reader, into: { apiVersion: string; kind: string }): void {
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((1 << 3) | BYTES)) into.apiVersion = fromUtf8(reader.slice())
    else if (tag === ((2 << 3) | BYTES)) into.kind = fromUtf8(reader.slice())
    else reader.skip(tag & 7, 0)
  }
}
