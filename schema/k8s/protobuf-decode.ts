// Protobuf message to the object its JSON would give. Upstream's encoder writes zero values of every
// field that is not a pointer; those that JSON leaves out (omitempty) are dropped here, so both
// encodings of one object decode to the same value.
import { toBase64 } from './base64.ts'
import { DecodeError } from './decode-error.ts'
import { messageOf } from './facts.ts'
import type { Field, Message, Scalar, Shape } from './facts.ts'
import { readJson } from './json.ts'
import { BYTES, FIXED64, MAX_DEPTH, Reader, VARINT } from './protobuf-reader.ts'
import { canonicalQuantity } from './quantity.ts'
import { printMicroInstant, printSeconds, ZERO_SECONDS } from './time.ts'
import { fromUtf8 } from './utf8.ts'
import { zeroValue } from './zero-value.ts'

type Mutable = Record<string, unknown>

/** Reads one message (no envelope). Fields that are not known are skipped. Throws a DecodeError. */
export function decodeMessage(name: string, bytes: Uint8Array): { readonly [field: string]: unknown } {
  const value: Mutable = {}
  const message = messageOf(name)
  readInto(value, message, new Reader(bytes), 0)
  return inOrder(message, value)
}

const reordered = new WeakMap<Message, boolean>()

/** Properties in upstream's JSON order, so that equal objects have equal text whatever they came as. */
function inOrder(message: Message, value: Mutable): Mutable {
  if (!wireOrderDiffers(message)) return value
  const ordered: Mutable = {}
  for (const json of message.properties.keys()) if (Object.hasOwn(value, json)) ordered[json] = value[json]
  return ordered
}

function wireOrderDiffers(message: Message): boolean {
  const known = reordered.get(message)
  if (known !== undefined) return known
  const { fields } = message
  const differs = fields.some(
    (field, i) =>
      field.number < (fields[i - 1]?.number ?? 0) ||
      (field.inline && field.shape.of === 'message' && wireOrderDiffers(messageOf(field.shape.message))),
  )
  reordered.set(message, differs)
  return differs
}

function readInto(value: Mutable, message: Message, reader: Reader, depth: number): void {
  if (depth > MAX_DEPTH) throw new DecodeError(`protobuf: nested deeper than ${MAX_DEPTH}`)
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    const field = message.byNumber.get(tag >>> 3)
    if (field === undefined) reader.skip(tag & 7, depth)
    else readField(value, message, field, tag & 7, reader, depth)
  }
}

function readField(value: Mutable, message: Message, field: Field, wire: number, reader: Reader, depth: number): void {
  const { shape } = field
  expectWire(message, field, wire)
  if (field.inline && shape.of === 'message')
    return readInto(value, messageOf(shape.message), reader.nested(), depth + 1)
  if (shape.of === 'list') {
    if (shape.wrapped) value[field.json] = readWrapped(shape, reader.nested(), depth + 1)
    else {
      const list = value[field.json]
      const items = Array.isArray(list) ? list : (value[field.json] = [] as unknown[])
      const item = readValue(shape.items, reader, depth)
      items.push(item === undefined ? null : item)
    }
    return
  }
  if (shape.of === 'map') {
    const map = (value[field.json] ??= {}) as Mutable
    readEntry(map, shape.values, reader.nested(), depth + 1)
    return
  }
  if (shape.of === 'message') {
    // A message that occurs twice is merged, as protobuf demands.
    const known = value[field.json]
    const into: Mutable = typeof known === 'object' && known !== null ? (known as Mutable) : {}
    const inner = messageOf(shape.message)
    readInto(into, inner, reader.nested(), depth + 1)
    if (field.omitZero && Object.keys(into).length === 0) delete value[field.json]
    else value[field.json] = inOrder(inner, into)
    return
  }
  const read = readScalar(shape.of, reader, depth)
  const dropped =
    read === undefined || (!field.pointer && (field.omitEmpty || field.omitZero) && isZero(shape.of, read))
  if (dropped) delete value[field.json]
  else value[field.json] = read
}

/** An item of a list or map; undefined for a zero time. */
function readValue(shape: Shape, reader: Reader, depth: number): unknown {
  if (shape.of === 'message') {
    const value: Mutable = {}
    const message = messageOf(shape.message)
    readInto(value, message, reader.nested(), depth + 1)
    return inOrder(message, value)
  }
  if (shape.of === 'list') return readWrapped(shape, reader.nested(), depth + 1)
  if (shape.of === 'map') throw new Error('no message holds maps in lists')
  return readScalar(shape.of, reader, depth)
}

function readWrapped(shape: Shape & { readonly of: 'list' }, reader: Reader, depth: number): unknown[] {
  const items: unknown[] = []
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag >>> 3 === 1 && (tag & 7) === wireOf(shape.items)) items.push(readValue(shape.items, reader, depth))
    else reader.skip(tag & 7, depth)
  }
  return items
}

function readEntry(map: Mutable, values: Shape, reader: Reader, depth: number): void {
  let key = ''
  let value: unknown
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag >>> 3 === 1 && (tag & 7) === BYTES) key = fromUtf8(reader.slice())
    else if (tag >>> 3 === 2 && (tag & 7) === wireOf(values)) value = readValue(values, reader, depth)
    else reader.skip(tag & 7, depth)
  }
  put(map, key, value === undefined ? zeroValue(values) : value)
}

/** `__proto__` is a key like any other. */
function put(map: Mutable, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(map, key, { value, enumerable: true, writable: true, configurable: true })
  else map[key] = value
}

function readScalar(of: Scalar, reader: Reader, depth: number): unknown {
  switch (of) {
    case 'string':
      return fromUtf8(reader.slice())
    case 'bool':
      return reader.bool()
    case 'int32':
      return reader.int32()
    case 'int64':
      return reader.int64()
    case 'float64':
      return reader.float64()
    case 'bytes':
      return toBase64(reader.slice())
    case 'quantity':
      return canonicalQuantity(readParts(reader.nested(), depth).text || '0')
    case 'intOrString': {
      const { first, second, third } = readParts(reader.nested(), depth)
      if (first === 0) return second
      if (first === 1) return third
      throw new DecodeError(`protobuf: an IntOrString of type ${first}`)
    }
    case 'time':
    case 'microTime': {
      const inner = reader.nested()
      if (inner.at === inner.end) return undefined
      const { first: seconds, second: nanos } = readParts(inner, depth)
      if (seconds === ZERO_SECONDS && nanos === 0) return undefined
      return of === 'time'
        ? printSeconds(seconds)
        : printMicroInstant({ seconds, nanos: Math.min(Math.max(nanos, 0), 999_999_999) })
    }
    case 'raw':
      return readRaw(reader.nested(), depth)
  }
}

/** The small messages: Quantity {1 string}, IntOrString {1 type, 2 int, 3 string}, Timestamp {1 seconds, 2 nanos}. */
function readParts(
  reader: Reader,
  depth: number,
): { readonly text: string; readonly first: number; readonly second: number; readonly third: string } {
  const parts = { text: '', first: 0, second: 0, third: '' }
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((1 << 3) | BYTES)) parts.text = fromUtf8(reader.slice())
    else if (tag === ((1 << 3) | VARINT)) parts.first = reader.int64()
    else if (tag === ((2 << 3) | VARINT)) parts.second = reader.int32()
    else if (tag === ((3 << 3) | BYTES)) parts.third = fromUtf8(reader.slice())
    else reader.skip(tag & 7, depth)
  }
  return parts
}

/** RawExtension and FieldsV1 carry JSON text in field 1. */
function readRaw(reader: Reader, depth: number): unknown {
  let raw: Uint8Array | undefined
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ((1 << 3) | BYTES)) raw = reader.slice()
    else reader.skip(tag & 7, depth)
  }
  if (raw === undefined || raw.length === 0) return undefined
  return readJson(fromUtf8(raw)).value ?? undefined
}

function isZero(of: Scalar, value: unknown): boolean {
  // A quantity or int-or-string is a struct in Go, which omitempty does not leave out.
  if (of === 'quantity' || of === 'intOrString') return false
  return value === '' || value === 0 || value === false
}

/** The wire type of one value of that shape. */
export function wireOf(shape: Shape): number {
  switch (shape.of) {
    case 'bool':
    case 'int32':
    case 'int64':
      return VARINT
    case 'float64':
      return FIXED64
    default:
      return BYTES
  }
}

function expectWire(message: Message, field: Field, wire: number): void {
  const item = field.shape.of === 'list' && !field.shape.wrapped ? field.shape.items : field.shape
  const wanted = wireOf(item)
  if (wire !== wanted) {
    throw new DecodeError(
      `protobuf: wrong wireType = ${wire} for field ${message.goName}.${field.json}, want ${wanted}`,
    )
  }
}
