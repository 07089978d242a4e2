/**
 * JSON patch (RFC 6902) as the API server applies it: at most 10,000 operations, and copies may add at most 3 MiB in
 * all, so that repeated doubling ends early. The document is copied once; a patch that fails changes nothing.
 */
import { goQuote } from '../../../schema/k8s/go-quote.ts'
import { badRequest, Refusal, tooLarge } from '../../../schema/k8s/status.ts'
import { utf8Length } from '../../../schema/k8s/utf8.ts'
import type { JsonMap } from './value.ts'
import { goType, isMap, member } from './value.ts'

export const MAX_OPERATIONS = 10_000
const MAX_COPIED_BYTES = 3 * 1024 * 1024

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
  let result = clone(document) as JsonMap
  const budget = { copied: 0 }
  for (const operation of patch as readonly unknown[]) {
    if (!isMap(operation)) {
      throw badRequest('error decoding patch: every operation must be an object with op and path')
    }
    result = applyOne(result, operation, budget)
  }
  return result
}

function applyOne(document: JsonMap, operation: JsonMap, budget: { copied: number }): JsonMap {
  const op = member(operation, 'op')
  switch (op) {
    case 'add':
      add(document, operation)
      return document
    case 'remove':
      remove(document, operation)
      return document
    case 'replace':
      return replace(document, operation)
    case 'move':
      move(document, operation)
      return document
    case 'test':
      test(document, operation)
      return document
    case 'copy':
      copy(document, operation, budget)
      return document
    default:
      throw doesNotApply(`Unexpected kind: ${typeof op === 'string' ? op : 'unknown'}`)
  }
}

function add(document: JsonMap, operation: JsonMap): void {
  const path = pathOf(operation, 'path', 'add')
  const place = find(document, path)
  if (place === undefined) throw missing(`add operation does not apply: doc is missing path: "${path}"`)
  insert(place, clone(valueOf(operation)), `error in add for path: '${path}'`)
}

function remove(document: JsonMap, operation: JsonMap): void {
  const path = pathOf(operation, 'path', 'remove')
  const place = find(document, path)
  if (place === undefined) throw missing(`remove operation does not apply: doc is missing path: "${path}"`)
  takeOut(place, `error in remove for path: '${path}'`)
}

/** Upstream lets a member be replaced that is not there; an item of a list must be. */
function replace(document: JsonMap, operation: JsonMap): JsonMap {
  const path = pathOf(operation, 'path', 'replace')
  const value = clone(valueOf(operation))
  if (path === '') {
    if (isMap(value)) return value
    throw doesNotApply('replace operation value must be object or array: the document is an object')
  }
  const place = find(document, path)
  if (place === undefined) throw missing(`replace operation does not apply: doc is missing path: ${path}`)
  if (Array.isArray(place.within) && indexIn(place.within, place.key) === undefined) {
    throw missing(`replace operation does not apply: doc is missing key: ${path}`)
  }
  write(place, value)
  return document
}

function move(document: JsonMap, operation: JsonMap): void {
  const from = pathOf(operation, 'from', 'move')
  const source = find(document, from)
  if (source === undefined) throw missing(`move operation does not apply: doc is missing from path: ${from}`)
  const failed = `error in move for path: '${source.key}'`
  const value = read(source, failed)
  const path = pathOf(operation, 'path', 'move')
  takeOut(source, failed)
  const place = find(document, path)
  if (place === undefined) throw missing(`move operation does not apply: doc is missing destination path: ${path}`)
  insert(place, value, `error in move for path: '${path}'`)
}

function test(document: JsonMap, operation: JsonMap): void {
  const path = pathOf(operation, 'path', 'test')
  const place = path === '' ? undefined : find(document, path)
  if (place === undefined && path !== '') {
    throw missing(`test operation does not apply: is missing path: ${path}`)
  }
  const found = place === undefined ? document : read(place, `error in test for path: '${path}'`)
  if (!equal(found ?? null, member(operation, 'value') ?? null)) {
    throw doesNotApply(`testing value ${path} failed: test failed`)
  }
}

/** What is not there is copied as null, as upstream does. */
function copy(document: JsonMap, operation: JsonMap, budget: { copied: number }): void {
  const from = pathOf(operation, 'from', 'copy')
  const source = find(document, from)
  if (source === undefined) throw missing(`copy operation does not apply: doc is missing from path: ${from}`)
  const value = read(source, `error in copy for from: '${from}'`) ?? null
  const path = pathOf(operation, 'path', 'copy')
  const place = find(document, path)
  if (place === undefined) throw missing(`copy operation does not apply: doc is missing destination path: ${path}`)
  budget.copied += utf8Length(JSON.stringify(value))
  if (budget.copied > MAX_COPIED_BYTES) {
    const rule = `the accumulated size increase of copy is ${budget.copied}, exceeding the limit ${MAX_COPIED_BYTES}`
    throw doesNotApply(`Unable to complete the copy, ${rule}`)
  }
  insert(place, clone(value), 'error while adding value during copy')
}

/** A container and the last step of a path. */
interface Place {
  readonly within: Writable
  readonly key: string
}

/** Undefined when a step on the way is missing, or the path names the whole document. */
function find(document: JsonMap, path: string): Place | undefined {
  const steps = path.split('/').map(unescape)
  const key = steps.pop()
  if (key === undefined || steps.length === 0) return undefined
  let within: unknown = document
  for (const step of steps.slice(1)) {
    if (Array.isArray(within)) {
      const index: number | undefined = indexIn(within, step)
      within = index === undefined ? undefined : (within as readonly unknown[])[index]
    } else if (isMap(within)) within = member(within, step)
    else return undefined
  }
  return Array.isArray(within) || isMap(within) ? { within: within as Writable, key } : undefined
}

function insert({ within, key }: Place, value: unknown, failed: string): void {
  if (!Array.isArray(within)) {
    write({ within, key }, value)
    return
  }
  if (key === '-') {
    within.push(value)
    return
  }
  if (!NUMBER.test(key)) {
    throw doesNotApply(`${failed}: value was not a proper array index: '${key}': ${notANumber(key)}`)
  }
  const index = Number(key)
  const at = index < 0 ? within.length + 1 + index : index
  if (at > within.length || at < 0) throw badIndex(index, failed)
  within.splice(at, 0, value)
}

function takeOut({ within, key }: Place, failed: string): void {
  if (Array.isArray(within)) {
    within.splice(indexOrRefuse(within, key, failed), 1)
    return
  }
  if (!Object.hasOwn(within, key)) throw missing(`${failed}: Unable to remove nonexistent key: ${key}`)
  delete within[key]
}

/** A member that is not there reads as undefined; an item that is not there is an error. */
function read({ within, key }: Place, failed: string): unknown {
  return Array.isArray(within) ? within[indexOrRefuse(within, key, failed)] : member(within, key)
}

function write({ within, key }: Place, value: unknown): void {
  if (Array.isArray(within)) within[indexIn(within, key) ?? within.length] = value
  else Object.defineProperty(within, key, { value, writable: true, enumerable: true, configurable: true })
}

const NUMBER = /^[+-]?\d+$/

/** Negative numbers count from the end, as upstream allows. */
function indexIn(list: readonly unknown[], key: string): number | undefined {
  if (!NUMBER.test(key)) return undefined
  const index = Number(key) < 0 ? list.length + Number(key) : Number(key)
  return index >= 0 && index < list.length ? index : undefined
}

function indexOrRefuse(list: readonly unknown[], key: string, failed: string): number {
  const index = indexIn(list, key)
  if (index !== undefined) return index
  throw NUMBER.test(key) ? badIndex(Number(key), failed) : doesNotApply(`${failed}: ${notANumber(key)}`)
}

function notANumber(key: string): string {
  return `strconv.Atoi: parsing ${goQuote(key)}: invalid syntax`
}

function missing(why: string): Refusal {
  return doesNotApply(`${why}: missing value`)
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

function badIndex(index: number, failed: string): Refusal {
  return doesNotApply(`${failed}: Unable to access invalid index: ${index}: invalid index referenced`)
}

/** Upstream answers one generic sentence; the cause says which operation failed, and kubectl prints it as `patch: why`. */
export function doesNotApply(why: string): Refusal {
  return new Refusal({
    code: 422,
    reason: 'Invalid',
    message: 'the server rejected our request due to an error in our request',
    details: { causes: [{ field: 'patch', message: why }] },
  })
}
