/** JSON merge patch (RFC 7386): maps are merged, null removes, everything else replaces. Inputs are not changed. */
import { badRequest } from '../../../schema/k8s/status.ts'
import type { JsonMap } from './value.ts'
import { goType, isMap, member } from './value.ts'

/** The document after the patch. A patch that is no object is refused with 400. */
export function applyMergePatch(document: JsonMap, patch: unknown): JsonMap {
  requireMap(patch)
  return mergeMaps(document, patch)
}

/** 400 in upstream's words when the body of a merge or strategic merge patch is no object. */
export function requireMap(patch: unknown): asserts patch is JsonMap {
  if (isMap(patch)) return
  const found = patch === null ? 'null' : Array.isArray(patch) ? 'array' : goKind(patch)
  throw badRequest(
    `error decoding patch: json: cannot unmarshal ${found} into Go value of type map[string]interface {}`,
  )
}

function goKind(value: unknown): string {
  const type = goType(value)
  return type === 'int64' || type === 'float64' ? 'number' : type
}

function mergeMaps(document: JsonMap, patch: JsonMap): JsonMap {
  const result = new Map(Object.entries(document))
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) result.delete(key)
    else if (!isMap(value)) result.set(key, withoutNulls(value))
    else {
      const current = member(document, key)
      result.set(key, mergeMaps(isMap(current) ? current : {}, value))
    }
  }
  return Object.fromEntries(result)
}

/** Nulls inside a new list stay where they are items, and vanish where they are members, as upstream's library does. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (!isMap(value)) return value
  const kept = Object.entries(value).filter(([, item]) => item !== null)
  return Object.fromEntries(kept.map(([key, item]) => [key, withoutNulls(item)]))
}
