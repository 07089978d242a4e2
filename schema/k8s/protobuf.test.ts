import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromBase64, toBase64 } from './base64.ts'
import { DecodeError } from './decode-error.ts'
import { kindOf, messageOf } from './facts.ts'
import type { Field, Shape } from './facts.ts'
import fixtures from './generated/fixtures.json' with { type: 'json' }
import { decodeObject, encodeMessage, encodeObject } from './protobuf.ts'
import { decodeMessage } from './protobuf-decode.ts'

type Json = { readonly [field: string]: unknown }

/** JSON as Kubernetes reads it: a null is the same as nothing. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null)
      .map(([key, inner]) => [key, withoutNulls(inner)]),
  )
}

const rows = Object.entries(fixtures).flatMap(([kind, both]) => [
  { name: `${kind}, every field set`, json: both.filled.json, pb: both.filled.pb, exact: true },
  { name: `${kind}, no field set`, json: both.empty.json, pb: both.empty.pb, exact: false },
])

describe('upstream protobuf and upstream JSON decode to the same object', () => {
  test.each(rows)('$name', ({ json, pb, exact }) => {
    const bytes = fromBase64(pb)
    const { apiVersion, kind, value } = decodeObject(bytes)
    expect(value).toEqual(withoutNulls(json))
    expect(JSON.stringify(value)).toBe(JSON.stringify(withoutNulls(json)))
    expect(kindOf(apiVersion, kind)).toBeDefined()
    const again = encodeObject(value as { apiVersion: string; kind: string })
    expect(decodeObject(again).value).toEqual(value)
    // With every field set there are no zero values to leave out: the bytes are upstream's.
    if (exact) expect(toBase64(again)).toBe(pb)
  })
})

test('the bytes kubectl sends to create a namespace are understood', () => {
  const envelope = Uint8Array.from(
    '6b3873000a0f0a02763112094e616d657370616365120c0a040a026e6e12001a020a001a002200'.match(/../g) ?? [],
    (byte) => Number.parseInt(byte, 16),
  )
  expect(decodeObject(envelope).value).toEqual({
    kind: 'Namespace',
    apiVersion: 'v1',
    metadata: { name: 'nn' },
    spec: {},
    status: {},
  })
})

test('DeleteOptions are known under any version, and without a kind when the caller names it', () => {
  const bytes = encodeObject({ apiVersion: 'apps/v1', kind: 'DeleteOptions', gracePeriodSeconds: 0 } as never)
  expect(decodeObject(bytes).value).toEqual({ kind: 'DeleteOptions', apiVersion: 'apps/v1', gracePeriodSeconds: 0 })
  const bare = Uint8Array.from([0x6b, 0x38, 0x73, 0x00, 0x12, 0x02, 0x08, 0x05])
  expect(decodeObject(bare, { apiVersion: 'v1', kind: 'DeleteOptions' }).value).toMatchObject({ gracePeriodSeconds: 5 })
})

test('an integer beyond 2^53 is refused', () => {
  const bytes = Uint8Array.from([0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])
  expect(() => decodeMessage('DeleteOptions', bytes)).toThrow('72057594037927935 is beyond 2^53')
})

test('a value that does not fit its field is refused by name', () => {
  expect(() => encodeMessage('DeploymentSpec', { replicas: 'many' })).toThrow(
    'DeploymentSpec.replicas must be an integer',
  )
})

test('nesting without end is refused', () => {
  expect(() => decodeMessage('Pod', Uint8Array.from(Array(5000).fill(0xfb)))).toThrow(DecodeError)
  expect(() => decodeMessage('Pod', Uint8Array.from(Array(5000).fill(0x0b)))).toThrow(DecodeError)
})

/** Arbitrary values of a shape, as JSON holds them. */
function arbitrary(shape: Shape, depth: number): fc.Arbitrary<unknown> {
  switch (shape.of) {
    case 'string':
      return fc.string({ unit: 'binary' }).map((text) => text.toWellFormed())
    case 'bool':
      return fc.boolean()
    case 'int32':
      return fc.integer()
    case 'int64':
      return fc.maxSafeInteger()
    case 'float64':
      return fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (Object.is(n, -0) ? 0 : n))
    case 'bytes':
      return fc.uint8Array().map(toBase64)
    case 'quantity':
      return fc.constantFrom('100m', '1Gi', '0', '7', '1e3')
    case 'intOrString':
      return fc.oneof(fc.integer(), fc.string())
    case 'time':
      return fc.integer({ min: 0, max: 4e9 }).map((s) => `${new Date(s * 1000).toISOString().slice(0, 19)}Z`)
    case 'microTime':
      return fc.integer({ min: 0, max: 4e9 }).map((s) => `${new Date(s * 1000).toISOString().slice(0, 19)}.012345Z`)
    case 'raw':
      return fc.dictionary(fc.stringMatching(/^[a-z]+$/), fc.integer())
    case 'list':
      return fc.array(arbitrary(shape.items, depth + 1), { maxLength: 3 })
    case 'map':
      return fc.dictionary(fc.string({ maxLength: 8 }), arbitrary(shape.values, depth + 1), { maxKeys: 3 })
    case 'message':
      return message(shape.message, depth + 1)
  }
}

function message(name: string, depth: number): fc.Arbitrary<unknown> {
  const fields = messageOf(name).fields.filter((field) => field.number > 0)
  const inner = fields.map((field) =>
    depth > 3 && field.shape.of === 'message'
      ? fc.constant(undefined)
      : fc.option(arbitrary(field.shape, depth), { nil: undefined }),
  )
  return fc.tuple(...inner).map((values) => {
    const out: Record<string, unknown> = {}
    fields.forEach((field, i) => {
      const value = values[i]
      if (value === undefined) return
      if (field.inline) Object.assign(out, value)
      else if (!leftOut(field, value)) out[field.json] = value
    })
    return out
  })
}

/** What Go's JSON leaves out, and what protobuf cannot tell from nothing. */
function leftOut(field: Field, value: unknown): boolean {
  if ((field.shape.of === 'list' && !field.shape.wrapped) || field.shape.of === 'map')
    return Object.keys(value as object).length === 0
  if (field.omitZero && field.shape.of === 'message') return Object.keys(value as object).length === 0
  return field.omitEmpty && !field.pointer && (value === '' || value === 0 || value === false)
}

describe('whatever an object holds, it survives the way through protobuf', () => {
  test.each(['Pod', 'Deployment', 'Service', 'Secret', 'Event', 'EndpointSlice', 'Lease', 'TokenReview', 'Status'])(
    '%s',
    (name) => {
      fc.assert(
        fc.property(message(name, 0), (value) => {
          expect(decodeMessage(name, encodeMessage(name, value as Json))).toEqual(value)
        }),
        { numRuns: 60 },
      )
    },
  )
})

test('broken bytes are refused with a DecodeError, never with anything else', () => {
  const whole = fromBase64(fixtures['v1 Pod'].filled.pb)
  const attempt = (bytes: Uint8Array) => {
    try {
      decodeObject(bytes)
    } catch (error) {
      expect(error).toBeInstanceOf(DecodeError)
    }
  }
  for (let end = 0; end < whole.length; end += 7) attempt(whole.subarray(0, end))
  fc.assert(
    fc.property(
      fc.nat(whole.length - 1),
      fc.nat(255),
      fc.nat(whole.length - 1),
      fc.nat(255),
      (at, byte, also, other) => {
        const bytes = whole.slice()
        bytes[at] = byte
        bytes[also] = other
        attempt(bytes)
      },
    ),
    { numRuns: 2000 },
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) =>
      attempt(Uint8Array.from([0x6b, 0x38, 0x73, 0, ...bytes])),
    ),
  )
})
