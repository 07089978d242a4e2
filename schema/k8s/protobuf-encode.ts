// The object as protobuf: sizes are counted first and remembered, then everything is written once
// into one buffer. What is absent in the object is absent on the wire; Go reads that as zero.
import { fromBase64 } from './base64.ts'
import { DecodeError } from './decode-error.ts'
import { messageOf } from './facts.ts'
import type { Field, Message, Shape } from './facts.ts'
import { wireOf } from './protobuf-decode.ts'
import { BYTES, MAX_DEPTH } from './protobuf-reader.ts'
import { parseInstant } from './time.ts'
import { utf8Length, writeUtf8 } from './utf8.ts'

type Obj = { readonly [field: string]: unknown }

/**
 * Writes one message (no envelope). Properties that the message does not have, and nulls, are left
 * out. Throws a DecodeError naming the field when a value does not fit its type.
 */
export function encodeMessage(name: string, value: Obj): Uint8Array {
  const parts: Part[] = []
  const size = plan(messageOf(name), value, parts, 0)
  const bytes = new Uint8Array(size)
  let at = 0
  for (const part of parts) at = write(part, bytes, at)
  return bytes
}

/** A piece of output: a varint, text, bytes or a double. Lengths are patched in before writing. */
type Part = { value: number } | { readonly text: string } | { readonly raw: Uint8Array } | { readonly double: number }

function write(part: Part, bytes: Uint8Array, at: number): number {
  if ('value' in part) return writeVarint(part.value, bytes, at)
  if ('text' in part) return writeUtf8(part.text, bytes, at)
  if ('raw' in part) {
    bytes.set(part.raw, at)
    return at + part.raw.length
  }
  new DataView(bytes.buffer, bytes.byteOffset + at, 8).setFloat64(0, part.double, true)
  return at + 8
}

function plan(message: Message, value: Obj, parts: Part[], depth: number): number {
  if (depth > MAX_DEPTH) throw new DecodeError(`${message.goName}: nested deeper than ${MAX_DEPTH}`)
  let size = 0
  for (const field of inWireOrder(message)) {
    if (field.inline) {
      if (field.shape.of !== 'message') continue
      const inner = messageOf(field.shape.message)
      if (!hasAny(inner, value)) continue
      size += delimited(field.number, parts, () => plan(inner, value, parts, depth + 1))
      continue
    }
    const held = Object.hasOwn(value, field.json) ? value[field.json] : undefined
    if (held !== undefined && held !== null) size += planField(message, field, held, parts, depth)
  }
  return size
}

const wireOrders = new WeakMap<Message, readonly Field[]>()

/** By number, as upstream writes them. */
function inWireOrder(message: Message): readonly Field[] {
  let order = wireOrders.get(message)
  if (order === undefined) {
    order = [...message.byNumber.values()].toSorted((a, b) => a.number - b.number)
    wireOrders.set(message, order)
  }
  return order
}

function hasAny(message: Message, value: Obj): boolean {
  for (const json of message.properties.keys()) {
    if (Object.hasOwn(value, json) && value[json] !== undefined && value[json] !== null) return true
  }
  return false
}

function planField(message: Message, field: Field, held: unknown, parts: Part[], depth: number): number {
  const { shape, number } = field
  const where = `${message.goName}.${field.json}`
  if (shape.of === 'list' && !shape.wrapped) {
    let size = 0
    for (const item of asList(held, where)) size += planValue(number, shape.items, item ?? {}, where, parts, depth)
    return size
  }
  if (shape.of === 'map') {
    let size = 0
    const map = asObject(held, where)
    for (const key of Object.keys(map).toSorted(byBytes)) {
      size += delimited(number, parts, () => {
        const keySize = planValue(1, { of: 'string' }, key, where, parts, depth + 1)
        return (
          keySize +
          (map[key] === null || map[key] === undefined
            ? 0
            : planValue(2, shape.values, map[key], where, parts, depth + 1))
        )
      })
    }
    return size
  }
  return planValue(number, shape, held, where, parts, depth)
}

/** Go sorts map keys by bytes; by UTF-16 units is the same but for characters beyond the BMP. */
function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function planValue(number: number, shape: Shape, held: unknown, where: string, parts: Part[], depth: number): number {
  switch (shape.of) {
    case 'message':
      return delimited(number, parts, () => plan(messageOf(shape.message), asObject(held, where), parts, depth + 1))
    case 'list':
      return delimited(number, parts, () => {
        let size = 0
        for (const item of asList(held, where)) size += planValue(1, shape.items, item, where, parts, depth + 1)
        return size
      })
    case 'map':
      throw new Error('no message holds maps in lists')
    case 'string':
      return text(number, asString(held, where), parts)
    case 'bytes':
      return bytesOf(number, fromBase64(asString(held, where)), parts)
    case 'bool':
      if (typeof held !== 'boolean') throw misfit(held, 'a boolean', where)
      return varint(number, held ? 1 : 0, parts)
    case 'int32':
      return varint(number, asInteger(held, 2147483647, where), parts)
    case 'int64':
      return varint(number, asInteger(held, Number.MAX_SAFE_INTEGER, where), parts)
    case 'float64': {
      if (typeof held !== 'number') throw misfit(held, 'a number', where)
      parts.push({ value: number * 8 + wireOf(shape) }, { double: held })
      return varintSize(number * 8) + 8
    }
    case 'quantity': {
      const amount = typeof held === 'number' ? String(held) : asString(held, where)
      return delimited(number, parts, () => text(1, amount, parts))
    }
    case 'intOrString':
      return delimited(number, parts, () =>
        typeof held === 'number'
          ? varint(1, 0, parts) + varint(2, asInteger(held, 2147483647, where), parts) + text(3, '', parts)
          : varint(1, 1, parts) + varint(2, 0, parts) + text(3, asString(held, where), parts),
      )
    case 'time':
    case 'microTime': {
      const { seconds, nanos } = parseInstant(asString(held, where))
      const kept = shape.of === 'time' ? 0 : nanos - (nanos % 1000)
      return delimited(number, parts, () => varint(1, seconds, parts) + varint(2, kept, parts))
    }
    case 'raw':
      return delimited(number, parts, () => text(1, JSON.stringify(held), parts))
  }
}

/** Tag, length and content; the length part is placed first and filled in after the content is planned. */
function delimited(number: number, parts: Part[], content: () => number): number {
  const length = { value: 0 }
  parts.push({ value: number * 8 + BYTES }, length)
  const size = content()
  length.value = size
  return varintSize(number * 8) + varintSize(size) + size
}

function text(number: number, value: string, parts: Part[]): number {
  const size = utf8Length(value)
  parts.push({ value: number * 8 + BYTES }, { value: size }, { text: value })
  return varintSize(number * 8) + varintSize(size) + size
}

function bytesOf(number: number, value: Uint8Array, parts: Part[]): number {
  parts.push({ value: number * 8 + BYTES }, { value: value.length }, { raw: value })
  return varintSize(number * 8) + varintSize(value.length) + value.length
}

function varint(number: number, value: number, parts: Part[]): number {
  parts.push({ value: number * 8 }, { value })
  return varintSize(number * 8) + varintSize(value)
}

function varintSize(value: number): number {
  if (value < 0) return 10
  let size = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++
  return size
}

function writeVarint(value: number, bytes: Uint8Array, at: number): number {
  let to = at
  if (value < 0) {
    let rest = BigInt.asUintN(64, BigInt(value))
    for (; rest >= 128n; rest >>= 7n) bytes[to++] = Number(rest & 127n) | 128
    bytes[to++] = Number(rest)
    return to
  }
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes[to++] = (rest % 128) | 128
  bytes[to++] = rest
  return to
}

function asObject(held: unknown, where: string): Obj {
  if (typeof held !== 'object' || held === null || Array.isArray(held)) throw misfit(held, 'an object', where)
  return held as Obj
}

function asList(held: unknown, where: string): readonly unknown[] {
  if (!Array.isArray(held)) throw misfit(held, 'a list', where)
  return held
}

function asString(held: unknown, where: string): string {
  if (typeof held !== 'string') throw misfit(held, 'a string', where)
  return held
}

function asInteger(held: unknown, limit: number, where: string): number {
  if (typeof held !== 'number' || !Number.isInteger(held) || held > limit || held < -limit - 1) {
    throw misfit(held, `an integer up to ${limit}`, where)
  }
  return held
}

function misfit(held: unknown, wanted: string, where: string): DecodeError {
  return new DecodeError(`${where} must be ${wanted}, not ${JSON.stringify(held)}`)
}
