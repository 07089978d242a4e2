/**
 * An object as Go prints it. Members that are structs and not pointers are there although nobody wrote them
 * (`status: {}`, `resources: {}`, `nodeInfo: {machineID: "", ...}`), and so are plain values without omitempty; zero
 * values with omitempty (`hostNetwork: false`, `value: ""`) are not. Clients compare what they sent with what they
 * get, so both are part of the contract, and two objects that mean the same are the same. Idempotent.
 */
import type { Field, Message, Shape } from '../../schema/k8s/facts.ts'
import { kindOf, messageOf } from '../../schema/k8s/facts.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'

type Members = Readonly<Record<string, unknown>>

/** The object in that form; objects of unknown kinds stay as they are. */
export function withStructs<T extends K8sObject>(object: T): T {
  const facts = kindOf(object.apiVersion, object.kind)
  return facts === undefined ? object : (fillMessage(object, messageOf(facts.message)) as T)
}

function fillMessage(value: Members, message: Message): Members {
  let result = value
  for (const field of message.properties.values()) {
    const current = value[field.json]
    const filled = current === undefined ? absent(field) : present(current, field)
    if (filled === current) continue
    if (filled === undefined) result = without(result, field.json)
    else result = { ...result, [field.json]: filled }
  }
  return result
}

/** Undefined when Go would leave the value out. */
function present(value: unknown, field: Field): unknown {
  if (field.omitEmpty && !field.pointer && isZero(value, field.shape)) return undefined
  return fillShape(value, field.shape)
}

function isZero(value: unknown, shape: Shape): boolean {
  switch (shape.of) {
    case 'list':
      return Array.isArray(value) && value.length === 0
    case 'map':
      return isMembers(value) && Object.keys(value).length === 0
    case 'message':
    case 'quantity':
    case 'intOrString':
      return false
    default:
      return value === '' || value === 0 || value === false
  }
}

function fillShape(value: unknown, shape: Shape): unknown {
  switch (shape.of) {
    case 'message':
      return isMembers(value) ? fillMessage(value, messageOf(shape.message)) : value
    case 'list':
      if (!Array.isArray(value) || isScalar(shape.items)) return value
      return mapped(value, (item) => fillShape(item, shape.items))
    case 'map': {
      if (!isMembers(value) || isScalar(shape.values)) return value
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fillShape(item, shape.values)]))
    }
    default:
      return value
  }
}

/** What Go prints for a member that is not there; undefined: nothing. */
function absent(field: Field): unknown {
  // apiVersion and kind have no number; a time that is not set is null, which stands for absent.
  if (field.pointer || field.omitZero || field.number === 0) return undefined
  switch (field.shape.of) {
    case 'message':
      return fillMessage({}, messageOf(field.shape.message))
    case 'quantity':
      return '0'
    case 'intOrString':
      return 0
    case 'string':
      return field.omitEmpty ? undefined : ''
    case 'bool':
      return field.omitEmpty ? undefined : false
    case 'int32':
    case 'int64':
    case 'float64':
      return field.omitEmpty ? undefined : 0
    default:
      return undefined
  }
}

function without(value: Members, name: string): Members {
  const { [name]: _, ...rest } = value
  return rest
}

/** Keeps the list itself when no item changed. */
function mapped(items: readonly unknown[], change: (item: unknown) => unknown): readonly unknown[] {
  let changed = false
  const result = items.map((item) => {
    const next = change(item)
    if (next !== item) changed = true
    return next
  })
  return changed ? result : items
}

function isScalar(shape: Shape): boolean {
  return shape.of !== 'message' && shape.of !== 'list' && shape.of !== 'map'
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
