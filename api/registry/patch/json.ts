/**
 * JSON patch (RFC 6902) as the API server applies it: at most 10,000 operations, and copies may add at most 3 MiB in
 * all, so that repeated doubling ends early. The document is copied once; a patch that fails changes nothing.
 */
import { badRequest, Refusal, tooLarge } from '../../../schema/k8s/status.ts'
import { utf8Length } from '../../../schema/k8s/utf8.ts'
import type { JsonMap } from './value.ts'
import { goType, isMap, member } from './value.ts'

export const MAX_OPERATIONS = 10_000
export const MAX_COPIED_BYTES = 3 * 1024 * 1024

type Writable = Record<string, unknown> | unknown[]

/** The document after all operations. 400: the patch is malformed; 413: too long; 422: an operation does not apply. */
export function applyJsonPatch(document: JsonMap, patch: unknown): JsonMap {
  if (!Array.isArray(patch)) {
    const found = patch === null ? 'null' : isMap(patch) ? 'object' : typeof patch
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${found} into Go value of type []handlers.jsonPatchOp`,
    )
  }
  if (patch.length > MAX_OPERATIONS) {
    const rule = `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`
    throw tooLarge(rule)
  }
  const result = clone(document) as Record<string, unknown>
  const budget = { copied: 0 }
  for (const operation of patch as readonly unknown[]) {
    if (!isMap(operation)) {
      throw badRequest('error decoding patch: every operation must be an object with op and path')
    }
    applyOne(result, operation, budget)
  }
  return result
}

function applyOne(document: Writable, operation: JsonMap, budget: { copied: number }): void {
  const op = member(operation, 'op')
  switch (op) {
    case 'add':
      return addAt(document, pathOf(operation, 'path', op), clone(valueOf(operation)), 'add')
    case 'remove':
      return remove(document, pathOf(operation, 'path', op), 'remove')
    case 'replace':
      return replace(document, operation)
    case 'move':
      return move(document, operation)
    case 'test':
      return test(document, operation)
    case 'copy':
      return copy(document, operation, budget)
    default:
      throw doesNotApply(`Unexpected kind: ${typeof op === 'string' ? op : 'unknown'}`)
  }
}

function replace(document: Writable, operation: JsonMap): void {
  const path = pathOf(operation, 'path', 'replace')
  const place = find(document, path)
  if (place === undefined) {
    throw doesNotApply(`replace operation does not apply: doc is missing path: ${path}: missing value`)
  }
  if (!exists(place)) throw doesNotApply(`replace operation does not apply: doc is missing key: ${path}: missing value`)
  write(place, clone(valueOf(operation)))
}

function move(document: Writable, operation: JsonMap): void {
  const from = pathOf(operation, 'from', 'move')
  const place = find(document, from)
  if (place === undefined) {
    throw doesNotApply(`move operation does not apply: doc is missing from path: ${from}: missing value`)
  }
  const value = read(place, from, 'move')
  const path = pathOf(operation, 'path', 'move')
  // Otherwise the value would become part of itself.
  if (path.startsWith(`${from}/`)) throw doesNotApply(`move operation does not apply: ${path} is inside ${from}`)
  remove(document, from, 'move')
  if (find(document, path) === undefined) {
    throw doesNotApply(`move operation does not apply: doc is missing destination path: ${path}: missing value`)
  }
  addAt(document, path, value, 'move')
}

function test(document: Writable, operation: JsonMap): void {
  const path = pathOf(operation, 'path', 'test')
  const place = find(document, path)
  if (place === undefined) {
    throw doesNotApply(`test operation does not apply: is missing path: ${path}: missing value`)
  }
  const found = exists(place) ? peek(place) : null
  if (!equal(found ?? null, member(operation, 'value') ?? null)) {
    throw doesNotApply(`testing value ${path} failed: test failed`)
  }
}

function copy(document: Writable, operation: JsonMap, budget: { copied: number }): void {
  const from = pathOf(operation, 'from', 'copy')
  const source = find(document, from)
  if (source === undefined) {
    throw doesNotApply(`copy operation does not apply: doc is missing from path: ${from}: missing value`)
  }
  const value = read(source, from, 'copy')
  const path = pathOf(operation, 'path', 'copy')
  if (find(document, path) === undefined) {
    throw doesNotApply(`copy operation does not apply: doc is missing destination path: ${path}: missing value`)
  }
  budget.copied += utf8Length(JSON.stringify(value ?? null))
  if (budget.copied > MAX_COPIED_BYTES) {
    const rule = `the accumulated size increase of copy is ${budget.copied}, exceeding the limit ${MAX_COPIED_BYTES}`
    throw doesNotApply(`Unable to complete the copy, ${rule}`)
  }
  addAt(document, path, clone(value), 'copy')
}

/** A container and the last step of a path. */
interface Place {
  readonly within: Writable
  readonly key: string
}

function addAt(document: Writable, path: string, value: unknown, op: string): void {
  const place = find(document, path)
  if (place === undefined) {
    throw doesNotApply(`${op} operation does not apply: doc is missing path: "${path}": missing value`)
  }
  const { within, key } = place
  if (!Array.isArray(within)) return write(place, value)
  if (key === '-') {
    within.push(value)
    return
  }
  const index = indexOf(key, path, op)
  const at = index < 0 ? within.length + 1 + index : index
  if (at > within.length || at < 0) throw badIndex(op, path, index)
  within.splice(at, 0, value)
}

function remove(document: Writable, path: string, op: string): void {
  const place = find(document, path)
  if (place === undefined) {
    throw doesNotApply(`${op} operation does not apply: doc is missing path: "${path}": missing value`)
  }
  const { within, key } = place
  if (!Array.isArray(within)) {
    if (!Object.hasOwn(within, key)) {
      throw doesNotApply(`error in ${op} for path: '${path}': Unable to remove nonexistent key: ${key}: missing value`)
    }
    delete within[key]
    return
  }
  const index = indexOf(key, path, op)
  const at = index < 0 ? within.length + index : index
  if (at >= within.length || at < 0) throw badIndex(op, path, index)
  within.splice(at, 1)
}

/** Undefined when a step on the way is missing, or the path names the whole document. */
function find(document: Writable, path: string): Place | undefined {
  const steps = path.split('/').map(unescape)
  const key = steps.pop()
  if (key === undefined || steps.length === 0) return undefined
  let within: unknown = document
  for (const step of steps.slice(1)) {
    if (Array.isArray(within)) within = within[/^-?\d+$/.test(step) ? arrayIndex(step, within.length) : -1]
    else if (isMap(within)) within = member(within, step)
    else return undefined
  }
  return Array.isArray(within) || isMap(within) ? { within: within as Writable, key } : undefined
}

function exists({ within, key }: Place): boolean {
  return Array.isArray(within)
    ? /^-?\d+$/.test(key) && arrayIndex(key, within.length) in within
    : Object.hasOwn(within, key)
}

function peek({ within, key }: Place): unknown {
  return Array.isArray(within) ? within[arrayIndex(key, within.length)] : member(within, key)
}

function read(place: Place, path: string, op: string): unknown {
  if (exists(place)) return peek(place)
  if (Array.isArray(place.within)) throw badIndex(op, path, indexOf(place.key, path, op))
  throw doesNotApply(`error in ${op} for path: '${path}': unable to get nonexistent key: ${place.key}: missing value`)
}

function write({ within, key }: Place, value: unknown): void {
  if (Array.isArray(within)) within[arrayIndex(key, within.length)] = value
  else Object.defineProperty(within, key, { value, writable: true, enumerable: true, configurable: true })
}

function arrayIndex(key: string, length: number): number {
  const index = Number(key)
  return index < 0 ? length + index : index
}

function indexOf(key: string, path: string, op: string): number {
  if (/^[+-]?\d+$/.test(key)) return Number(key)
  throw doesNotApply(`error in ${op} for path: '${path}': strconv.Atoi: parsing ${JSON.stringify(key)}: invalid syntax`)
}

function pathOf(operation: JsonMap, field: 'path' | 'from', op: string): string {
  const path = member(operation, field)
  if (typeof path === 'string') return path
  if (path === undefined || path === null) {
    throw doesNotApply(`${op} operation failed to decode ${field}: missing value`)
  }
  throw badRequest(
    `error decoding patch: json: cannot unmarshal ${goType(path)} into Go struct field jsonPatchOp.${field} of type string`,
  )
}

function valueOf(operation: JsonMap): unknown {
  return member(operation, 'value') ?? null
}

function unescape(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~')
}

function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => equal(item, b[index]))
  }
  if (!isMap(a) || !isMap(b)) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]))
}

function clone(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clone)
  if (!isMap(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, clone(item)]))
}

function badIndex(op: string, path: string, index: number): Refusal {
  const why = `Unable to access invalid index: ${index}: invalid index referenced`
  return doesNotApply(`error in ${op} for path: '${path}': ${why}`)
}

/** Upstream answers one generic sentence; the cause says which operation failed, and kubectl prints it. */
export function doesNotApply(why: string): Refusal {
  return new Refusal({
    code: 422,
    reason: 'Invalid',
    message: 'the server rejected our request due to an error in our request',
    details: { causes: [{ message: why }] },
  })
}
