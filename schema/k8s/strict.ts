// An object from JSON or YAML against its kind: unknown fields, values of the wrong type, and the
// object as Kubernetes keeps it: known fields in upstream's order, no nulls, quantities, times and
// bytes in their canonical form.
import { fromBase64, toBase64 } from './base64.ts'
import { DecodeError } from './decode-error.ts'
import { messageOf } from './facts.ts'
import type { Field, Message, Shape } from './facts.ts'
import { goQuote } from './go-quote.ts'
import { canonicalQuantity } from './quantity.ts'
import { parseInstant, printMicroInstant, printSeconds, ZERO_SECONDS } from './time.ts'
import { zeroValue } from './zero-value.ts'

export interface Checked {
  /** The object as it is kept. */
  readonly value: { readonly [field: string]: unknown }
  /** Paths such as `spec.template.spec.containers[0].foo`; at most 100. */
  readonly unknown: readonly string[]
  /** Upstream's decode errors, in the order of the type's fields; upstream reports the first; at most 100. */
  readonly typeErrors: readonly string[]
}

const MAX_REPORTED = 100

/**
 * Reads a JSON value as the message of that name (`kindOf(...).message`). Nothing is thrown: the
 * caller decides by `fieldValidation` what unknown fields mean, and refuses when there are type errors.
 */
export function checkFields(value: unknown, message: string): Checked {
  const walk: Walk = { unknown: [], typeErrors: [] }
  const facts = messageOf(message)
  if (!isObject(value)) {
    walk.typeErrors.push(
      `json: cannot unmarshal ${jsonType(value)} into Go value of type ${facts.model.split('.').slice(-2).join('.')}`,
    )
    return { value: {}, ...walk }
  }
  return { value: readMessage(walk, facts, value, '', ''), ...walk }
}

/** The object as it is kept. Throws a DecodeError with the first type error. */
export function pruned(value: unknown, message: string): { readonly [field: string]: unknown } {
  const checked = checkFields(value, message)
  const [first] = checked.typeErrors
  if (first !== undefined) throw new DecodeError(first)
  return checked.value
}

/** `unknown field "spec.foo"`, `duplicate field "spec.bar"`: the texts of warnings and strict errors. */
export function strictProblems(unknown: readonly string[], duplicates: readonly string[]): readonly string[] {
  return [
    ...unknown.map((path) => `unknown field ${goQuote(path)}`),
    ...duplicates.map((path) => `duplicate field ${goQuote(path)}`),
  ]
}

/** `strict decoding error: unknown field "spec.foo", duplicate field "spec.bar"` */
export function strictErrorText(unknown: readonly string[], duplicates: readonly string[]): string {
  return `strict decoding error: ${strictProblems(unknown, duplicates).join(', ')}`
}

/** `Deployment in version "v1" cannot be handled as a Deployment: why`: the 400 upstream answers. */
export function cannotBeHandled(kind: string, version: string, why: string): string {
  return `${kind} in version ${goQuote(version)} cannot be handled as a ${kind}: ${why}`
}

type Obj = { readonly [field: string]: unknown }

interface Walk {
  readonly unknown: string[]
  readonly typeErrors: string[]
}

/** Where a value stands, for messages: `path` has indexes, `goPath` has not. */
interface Place {
  readonly path: string
  readonly goPath: string
  /** Go's name of the struct that has the field */
  readonly struct: string
  /** Go's name of the value's type */
  readonly goType: string
}

function readMessage(walk: Walk, message: Message, value: Obj, path: string, goPath: string): Obj {
  const out: Record<string, unknown> = {}
  let known = 0
  for (const [json, field] of message.properties) {
    if (!Object.hasOwn(value, json)) continue
    known++
    const held = value[json]
    if (held === null || held === undefined) continue
    const read = readField(walk, message, field, held, path, goPath)
    if (read !== undefined && read !== null) out[json] = read
  }
  const keys = Object.keys(value)
  if (keys.length > known) {
    for (const key of keys) {
      if (!message.properties.has(key) && walk.unknown.length < MAX_REPORTED) walk.unknown.push(join(path, key))
    }
  }
  return out
}

function readField(walk: Walk, message: Message, field: Field, held: unknown, path: string, goPath: string): unknown {
  const place: Place = {
    path: join(path, field.json),
    goPath: join(goPath, field.json),
    struct: message.goName,
    goType: field.goType,
  }
  return read(walk, field.shape, held, place)
}

/** undefined: an error was noted. */
function read(walk: Walk, shape: Shape, held: unknown, place: Place): unknown {
  switch (shape.of) {
    case 'message':
      if (!isObject(held)) return mismatch(walk, held, place)
      return readMessage(walk, messageOf(shape.message), held, place.path, place.goPath)
    case 'list': {
      if (!Array.isArray(held)) return mismatch(walk, held, place)
      const goType = itemType(place.goType, '[]')
      return held.map((item: unknown, i) =>
        readItem(walk, shape.items, item, { ...place, path: `${place.path}[${i}]`, goType }),
      )
    }
    case 'map': {
      if (!isObject(held)) return mismatch(walk, held, place)
      const goType = itemType(place.goType, 'map[string]')
      const entries = Object.keys(held)
        .toSorted(byUnits)
        .map((key) => [
          key,
          readItem(walk, shape.values, held[key], {
            ...place,
            path: join(place.path, key),
            goType,
          }),
        ])
      return Object.fromEntries(entries)
    }
    case 'string':
      return typeof held === 'string' ? held : mismatch(walk, held, place)
    case 'bool':
      return typeof held === 'boolean' ? held : mismatch(walk, held, place)
    case 'int32':
      return isInteger(held, 2147483647) ? held : mismatch(walk, held, place)
    case 'int64':
      return isInteger(held, Number.MAX_SAFE_INTEGER) ? held : mismatch(walk, held, place)
    case 'float64':
      return typeof held === 'number' ? held : mismatch(walk, held, place)
    case 'raw':
      return held
    default:
      return readSpecial(walk, shape.of, held, place)
  }
}

function readItem(walk: Walk, shape: Shape, held: unknown, place: Place): unknown {
  if (held === null || held === undefined) return zeroValue(shape)
  const value = read(walk, shape, held, place)
  return value === undefined ? zeroValue(shape) : value
}

/** Types that read themselves: their errors do not name the field upstream. */
function readSpecial(
  walk: Walk,
  of: 'bytes' | 'quantity' | 'intOrString' | 'time' | 'microTime',
  held: unknown,
  place: Place,
): unknown {
  try {
    switch (of) {
      case 'bytes':
        return typeof held === 'string' ? toBase64(fromBase64(held)) : mismatch(walk, held, place)
      case 'quantity':
        return canonicalQuantity(typeof held === 'string' || typeof held === 'number' ? held : 'not a quantity')
      case 'intOrString':
        if (typeof held === 'string' || isInteger(held, 2147483647)) return held
        throw new DecodeError(`json: cannot unmarshal ${jsonType(held, true)} into Go value of type int32`)
      case 'time':
      case 'microTime': {
        if (typeof held !== 'string')
          throw new DecodeError(`json: cannot unmarshal ${jsonType(held)} into Go value of type string`)
        const at = parseInstant(held, of === 'time' ? 'seconds' : 'micro')
        if (at.seconds === ZERO_SECONDS && at.nanos === 0) return null
        return of === 'time' ? printSeconds(at.seconds) : printMicroInstant(at)
      }
    }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    note(walk, error.message)
    return undefined
  }
}

function mismatch(walk: Walk, held: unknown, place: Place): undefined {
  const precise = /^(int|uint)/.test(place.goType)
  const what = jsonType(held, precise)
  note(
    walk,
    `json: cannot unmarshal ${what} into Go struct field ${place.struct}.${place.goPath} of type ${place.goType}`,
  )
  return undefined
}

function note(walk: Walk, problem: string): void {
  if (walk.typeErrors.length < MAX_REPORTED) walk.typeErrors.push(problem)
}

/** Go's word for a JSON value; a number that is no such integer is shown. */
function jsonType(value: unknown, precise = false): string {
  if (Array.isArray(value)) return 'array'
  if (value === null) return 'null'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'number') return precise ? `number ${value}` : 'number'
  return typeof value
}

function itemType(goType: string, prefix: string): string {
  return goType.startsWith(prefix) ? goType.slice(prefix.length) : (NAMED_ITEMS[goType] ?? goType)
}

/** Named Go lists and maps, whose items have a type of their own. */
const NAMED_ITEMS: Readonly<Record<string, string>> = {
  'v1.ResourceList': 'resource.Quantity',
  'v1.ExtraValue': 'string',
}

function isObject(value: unknown): value is Obj {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isInteger(value: unknown, limit: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value <= limit && value >= -limit - 1
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`
}

function byUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
