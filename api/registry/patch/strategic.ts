/**
 * Strategic merge patch, what `kubectl apply` and `kubectl edit` send for built-in kinds: maps are merged, and lists
 * with a merge key item by item, steered by what the schema says of each field and by directives in the patch:
 *
 *     $patch: replace | delete            in a map, or in an item of a merged list
 *     $retainKeys: [type]                 everything else in this map goes
 *     $deleteFromPrimitiveList/args: [a]  removes scalars
 *     $setElementOrder/env: [{name: a}]   the order of the merged list
 *
 * Inputs are not changed. Lookups go through maps, so the cost is linear in document and patch.
 */
import type { Field, Message } from '../../../schema/k8s/facts.ts'
import { messageOf } from '../../../schema/k8s/facts.ts'
import { goQuote } from '../../../schema/k8s/go-quote.ts'
import { badRequest } from '../../../schema/k8s/status.ts'
import { doesNotApply } from './json.ts'
import { requireMap } from './merge.ts'
import { itemId, ordered } from './order.ts'
import type { JsonMap } from './value.ts'
import { goPrint, goType, isMap, member } from './value.ts'

const DELETE_FROM = '$deleteFromPrimitiveList/'
const SET_ORDER = '$setElementOrder/'

/** The document after the patch. `message` is the name of its type in the schema's facts: `Pod`, `Deployment`. */
export function applyStrategicPatch(document: JsonMap, patch: unknown, message: string): JsonMap {
  requireMap(patch)
  return mergeMap(document, patch, messageOf(message))
}

/** `type` undefined: nothing is known of the fields, as inside a map of strings. */
function mergeMap(original: JsonMap, patch: JsonMap, type: Message | undefined): JsonMap {
  const directive = member(patch, '$patch')
  if (directive === 'replace') return without(patch, '$patch')
  if (directive === 'delete') return {}
  if (directive !== undefined) {
    throw badRequest(`unknown patch type: ${goPrint(directive)} in map: ${goPrint(patch)}`)
  }
  const result = new Map(Object.entries(original))
  retainKeys(result, patch)
  const done = orderLists(result, patch, type)
  for (const [name, value] of Object.entries(patch)) {
    if (done.has(name) || name === '$retainKeys') continue
    const removes = name.startsWith(DELETE_FROM)
    mergeMember(result, removes ? name.slice(DELETE_FROM.length) : name, value, { type, removes })
  }
  return Object.fromEntries(result)
}

function mergeMember(
  result: Map<string, unknown>,
  key: string,
  value: unknown,
  { type, removes }: { readonly type: Message | undefined; readonly removes: boolean },
): void {
  if (value === null) {
    result.delete(key)
    return
  }
  const current = result.get(key)
  const bothMaps = isMap(current) && isMap(value)
  const bothLists = Array.isArray(current) && Array.isArray(value)
  if (!bothMaps && !bothLists) {
    if (removes) return
    const plain = withoutDirectives(value)
    if (plain === undefined) result.delete(key)
    else result.set(key, plain)
    return
  }
  const field = fieldOf(type, key)
  if (bothMaps) {
    const whole = field?.patchStrategy.includes('replace') === true
    result.set(key, whole ? value : mergeMap(current, value, messageIn(field)))
    return
  }
  result.set(key, mergeList(current as readonly unknown[], value as readonly unknown[], field, removes))
}

/** Keys that `$retainKeys` does not name go; what the patch sets must be named. */
function retainKeys(result: Map<string, unknown>, patch: JsonMap): void {
  const list = member(patch, '$retainKeys')
  if (list === undefined) return
  const wrong = badRequest('invalid patch format of retainKeys')
  if (!Array.isArray(list)) throw wrong
  const kept = new Set<unknown>(list)
  for (const [key, value] of Object.entries(patch)) {
    if (key === '$retainKeys' || value === null || key.startsWith(DELETE_FROM) || key.startsWith(SET_ORDER)) continue
    if (!kept.has(key)) throw wrong
  }
  for (const key of result.keys()) if (!kept.has(key)) result.delete(key)
}

/** Merges the lists that come with an order; answers the members of the patch that are dealt with. */
function orderLists(result: Map<string, unknown>, patch: JsonMap, type: Message | undefined): ReadonlySet<string> {
  const done = new Set<string>()
  for (const [name, order] of Object.entries(patch)) {
    if (!name.startsWith('$setElementOrder')) continue
    if (!name.startsWith(SET_ORDER)) throw badRequest('invalid patch format of setElementOrder list')
    done.add(name)
    const key = name.slice(SET_ORDER.length)
    const wanted = listOrRefuse(order)
    const current = result.has(key) ? listOrRefuse(result.get(key)) : undefined
    const own = Object.hasOwn(patch, key) ? listOrRefuse(patch[key]) : undefined
    const field = fieldOf(type, key)
    const mergeKey = field?.patchMergeKey
    checkOrder(own ?? [], wanted, mergeKey)
    if (current === undefined && own === undefined) continue
    const merged =
      own === undefined
        ? (current ?? [])
        : current === undefined
          ? (withoutDirectives(own) as readonly unknown[])
          : mergeList(current, own, field, false)
    const live = liveOrder(current ?? [], own ?? [], mergeKey)
    result.set(key, ordered(merged, { wanted, live, mergeKey }))
    done.add(key)
  }
  return done
}

/**
 * What counts as the order so far. As upstream has it, items the patch adds take the places that its deletions left
 * at the end, which decides where they stand among items only the server knows.
 */
function liveOrder(
  current: readonly unknown[],
  own: readonly unknown[],
  mergeKey: string | undefined,
): readonly unknown[] {
  if (mergeKey === undefined || current.length === 0) return current
  const { plain, deleted, replaced } = split(own.filter(isMap), mergeKey)
  const kept = current.filter((item) => !deleted.has(itemId(item, mergeKey)))
  if (replaced || kept.length === current.length) return kept
  const known = new Set(kept.map((item) => itemId(item, mergeKey)))
  return [...kept, ...plain.filter((item) => !known.has(itemId(item, mergeKey)))].slice(0, current.length)
}

function mergeList(
  original: readonly unknown[],
  patch: readonly unknown[],
  field: Field | undefined,
  removes: boolean,
): readonly unknown[] {
  if (field?.patchStrategy.includes('merge') !== true && !removes) return patch
  if (original.length === 0 && patch.length === 0) return original
  const sample = elementType([...original, ...patch])
  if (sample !== 'map[string]interface {}') {
    if (removes) {
      const gone = new Set(patch)
      return original.filter((item) => !gone.has(item))
    }
    return ordered([...new Set([...original, ...patch])], { wanted: patch, live: original, mergeKey: undefined })
  }
  const mergeKey = field?.patchMergeKey
  if (mergeKey === undefined) throw badRequest(`cannot merge lists without merge key for ${field?.json ?? 'list'}`)
  return mergeItems(original as readonly JsonMap[], patch as readonly JsonMap[], mergeKey, messageIn(field))
}

function mergeItems(
  original: readonly JsonMap[],
  patch: readonly JsonMap[],
  mergeKey: string,
  type: Message | undefined,
): readonly unknown[] {
  const { plain, deleted, replaced } = split(patch, mergeKey)
  const live = original.filter((item) => !deleted.has(itemId(item, mergeKey)))
  if (replaced) return plain.map(withoutDirectives)
  const merged: JsonMap[] = [...live]
  const places = new Map<string, number>()
  for (const [index, item] of merged.entries()) {
    const id = itemId(item, mergeKey)
    if (id !== undefined && !places.has(id)) places.set(id, index)
  }
  for (const item of plain) {
    const id = itemId(item, mergeKey)
    if (id === undefined) throw noMergeKey(item, mergeKey)
    const place = places.get(id)
    if (place === undefined) {
      places.set(id, merged.push(withoutDirectives(item) as JsonMap) - 1)
    } else {
      merged[place] = mergeMap(merged[place] ?? {}, item, type)
    }
  }
  return ordered(merged, { wanted: plain, live, mergeKey })
}

/** Items with a `$patch` directive, and the others. */
function split(patch: readonly JsonMap[], mergeKey: string) {
  const plain: JsonMap[] = []
  const deleted = new Set<string | undefined>()
  let replaced = false
  for (const item of patch) {
    const directive = member(item, '$patch')
    if (directive === undefined) plain.push(item)
    else if (directive === 'replace') replaced = true
    else if (directive === 'merge') throw badRequest('merging lists cannot yet be specified in the patch')
    else if (directive !== 'delete') {
      throw badRequest(`unknown patch type: ${goPrint(directive)} in map: ${goPrint(item)}`)
    } else {
      const id = itemId(item, mergeKey)
      if (id === undefined) throw noMergeKey(item, mergeKey)
      deleted.add(id)
    }
  }
  return { plain, deleted, replaced }
}

/** The patch's items must come in the order they are to have, and each must have a place in it. */
function checkOrder(patch: readonly unknown[], wanted: readonly unknown[], mergeKey: string | undefined): void {
  if (patch.length === 0 || wanted.length === 0) return
  const idOf = (item: unknown): string => {
    const id = itemId(item, mergeKey)
    if (id !== undefined) return id
    throw isMap(item) && mergeKey !== undefined ? noMergeKey(item, mergeKey) : badType(item)
  }
  let at = 0
  for (const item of patch) {
    if (isMap(item) && Object.hasOwn(item, '$patch')) continue
    const id = idOf(item)
    while (at < wanted.length && idOf(wanted[at]) !== id) at += 1
    if (at >= wanted.length) {
      const why = `doesn't match $setElementOrder list:\n${goPrint(wanted)}\n`
      throw badRequest(`The order in patch list:\n${goPrint(patch)}\n ${why}`)
    }
    at += 1
  }
}

/** The value as it is stored when nothing was there: no directives, no nulls. Undefined: it was only a directive. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDirectives).filter((item) => item !== undefined)
  if (!isMap(value)) return value
  if (Object.hasOwn(value, '$patch')) return undefined
  const kept: [string, unknown][] = []
  for (const [key, item] of Object.entries(value)) {
    if (item === null || key === '$retainKeys' || key.startsWith(DELETE_FROM) || key.startsWith(SET_ORDER)) continue
    const plain = withoutDirectives(item)
    if (plain !== undefined) kept.push([key, plain])
  }
  return Object.fromEntries(kept)
}

function fieldOf(type: Message | undefined, key: string): Field | undefined {
  if (type === undefined) return undefined
  const field = type.properties.get(key)
  if (field !== undefined) return field
  throw badRequest(`unable to find api field in struct ${type.goName} for the json field ${goQuote(key)}`)
}

/** The type of what is in a field: of its items, its values, or itself. */
function messageIn(field: Field | undefined): Message | undefined {
  if (field === undefined) return undefined
  const { shape } = field
  const inner = shape.of === 'list' ? shape.items : shape.of === 'map' ? undefined : shape
  return inner?.of === 'message' ? messageOf(inner.message) : undefined
}

function elementType(items: readonly unknown[]): string {
  const types = new Set(items.map(goType))
  if (types.has('[]interface {}')) throw doesNotApply('lists of lists are not supported')
  if (types.has('int64')) types.delete('float64')
  if (types.size > 1) throw badRequest(`list element types are not identical: ${[...types].join(', ')}`)
  return [...types][0] ?? 'nil'
}

function listOrRefuse(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw badRequest(`expected a []interface {}, but received a ${goType(value) === 'nil' ? '<nil>' : goType(value)}`)
}

function badType(item: unknown) {
  const type = goType(item)
  return badRequest(`expected a map[string]interface {}, but received a ${type === 'nil' ? '<nil>' : type}`)
}

function noMergeKey(item: JsonMap, mergeKey: string) {
  return badRequest(`map: ${goPrint(item)} does not contain declared merge key: ${mergeKey}`)
}

function without(map: JsonMap, key: string): JsonMap {
  return Object.fromEntries(Object.entries(map).filter(([name]) => name !== key))
}
