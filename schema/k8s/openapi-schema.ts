// OpenAPI 3.0 schemas of the built-in types, from the facts. Descriptions are prose and not part of
// the facts; who has them adds them by model name and property.
import { messageOf } from './facts.ts'
import type { Field, Message, Shape } from './facts.ts'

/** A JSON value of an OpenAPI document. */
export type Json = { readonly [field: string]: unknown }

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1'

/** Types with a JSON form of their own: model name to schema. */
export const SPECIAL_SCHEMAS: Readonly<Record<string, Json>> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': { oneOf: [{ type: 'string' }, { type: 'number' }] },
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': {
    format: 'int-or-string',
    oneOf: [{ type: 'integer' }, { type: 'string' }],
  },
  [`${META}.Time`]: { type: 'string', format: 'date-time' },
  [`${META}.MicroTime`]: { type: 'string', format: 'date-time' },
  [`${META}.FieldsV1`]: { type: 'object' },
  [`${META}.Patch`]: { type: 'object' },
  'io.k8s.apimachinery.pkg.runtime.RawExtension': { type: 'object' },
}

/** `#/components/schemas/io.k8s.api.core.v1.Pod` */
export function schemaRef(model: string): Json {
  return { $ref: `#/components/schemas/${model}` }
}

/** The schema of one message. */
export function messageSchema(name: string): Json {
  const message = messageOf(name)
  const fields = [...message.properties.values()]
  const required = fields.filter((field) => field.required).map((field) => field.json)
  return {
    type: 'object',
    ...(required.length === 0 ? {} : { required }),
    properties: Object.fromEntries(fields.map((field) => [field.json, propertySchema(field)])),
    ...(message.atomic ? { 'x-kubernetes-map-type': 'atomic' } : {}),
  }
}

/** Every schema the named messages need, themselves included, by model name and sorted by it. */
export function schemasOf(names: readonly string[]): Readonly<Record<string, Json>> {
  const found = new Map<string, Json>()
  const waiting = [...names]
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const message = messageOf(name)
    if (found.has(message.model)) continue
    found.set(message.model, messageSchema(name))
    for (const field of message.properties.values()) {
      const leaf = leafOf(field.shape)
      if (leaf.of === 'message') waiting.push(leaf.message)
      else {
        const model = specialModel(field, leaf)
        const special = model === undefined ? undefined : SPECIAL_SCHEMAS[model]
        if (model !== undefined && special !== undefined) found.set(model, special)
      }
    }
  }
  return Object.fromEntries([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** Model name of a message, e.g. for a reference. */
export function modelOf(name: string): string {
  const message: Message = messageOf(name)
  return message.model
}

function propertySchema(field: Field): Json {
  return {
    ...shapeSchema(field, field.shape),
    ...(field.defaultValue === undefined ? {} : { default: field.defaultValue }),
    ...(field.enumeration === undefined || field.shape.of !== 'string' ? {} : { enum: field.enumeration }),
    ...(field.listType === undefined ? {} : { 'x-kubernetes-list-type': field.listType }),
    ...(field.listMapKeys.length === 0 ? {} : { 'x-kubernetes-list-map-keys': field.listMapKeys }),
    ...(field.mapType === undefined ? {} : { 'x-kubernetes-map-type': field.mapType }),
    ...(field.patchMergeKey === undefined ? {} : { 'x-kubernetes-patch-merge-key': field.patchMergeKey }),
    ...(field.patchStrategy.length === 0 ? {} : { 'x-kubernetes-patch-strategy': field.patchStrategy.join(',') }),
  }
}

function shapeSchema(field: Field, shape: Shape): Json {
  switch (shape.of) {
    case 'message':
      return { allOf: [schemaRef(messageOf(shape.message).model)] }
    case 'list': {
      const items = valuesSchema(field, shape.items)
      const named = field.enumeration !== undefined && shape.items.of === 'string'
      return { type: 'array', items: named ? { ...items, enum: field.enumeration } : items }
    }
    case 'map':
      return { type: 'object', additionalProperties: valuesSchema(field, shape.values) }
    case 'string':
      return { type: 'string' }
    case 'bool':
      return { type: 'boolean' }
    case 'int32':
    case 'int64':
      return { type: 'integer', format: shape.of }
    case 'float64':
      return { type: 'number', format: 'double' }
    case 'bytes':
      return { type: 'string', format: 'byte' }
    default: {
      const model = specialModel(field, shape)
      if (model === undefined) throw new Error(`no schema for ${shape.of}`)
      return { allOf: [schemaRef(model)] }
    }
  }
}

/** Upstream wraps a reference in allOf to put a default beside it; items of lists and maps that are scalars have none. */
function valuesSchema(field: Field, shape: Shape): Json {
  const model = specialModel(field, shape)
  return model === undefined ? shapeSchema(field, shape) : schemaRef(model)
}

function leafOf(shape: Shape): Shape {
  if (shape.of === 'list') return leafOf(shape.items)
  return shape.of === 'map' ? leafOf(shape.values) : shape
}

function specialModel(field: Field, shape: Shape): string | undefined {
  switch (shape.of) {
    case 'quantity':
      return 'io.k8s.apimachinery.pkg.api.resource.Quantity'
    case 'intOrString':
      return 'io.k8s.apimachinery.pkg.util.intstr.IntOrString'
    case 'time':
      return `${META}.Time`
    case 'microTime':
      return `${META}.MicroTime`
    case 'raw':
      return field.goType.endsWith('FieldsV1') ? `${META}.FieldsV1` : 'io.k8s.apimachinery.pkg.runtime.RawExtension'
    default:
      return undefined
  }
}
