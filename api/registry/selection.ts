/**
 * Which objects a list or watch is about: its namespace, its selectors, and how much of them an index of the
 * store can answer. Whatever `matches` says is decided here in full; `where` is a head start only.
 */
import { DecodeError } from '../../schema/k8s/decode-error.ts'
import { type FieldRequirement, matchesFields, parseFieldSelector } from '../../schema/k8s/field-selector.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { EVERYTHING, type LabelMatch, matches, parseLabelSelector } from '../../schema/k8s/selector.ts'
import { badRequest } from '../../schema/k8s/status.ts'
import type { ResourceRequest } from '../access/request.ts'
import type { Kind } from '../kinds/kind.ts'
import type { Key, ListQuery } from '../store/store.ts'
import type { Item } from './item.ts'
import type { ListOptions } from './options.ts'

export interface Selection {
  /** undefined: all namespaces */
  readonly namespace: string | undefined
  /** At most one object can match: it is the first one behind `after`. */
  readonly single: boolean
  readonly after: { readonly namespace: string; readonly name: string } | undefined
  readonly where: ListQuery['where']
  /** There is more to ask than the key: `matches` must be called. */
  readonly filters: boolean
  /** All of the namespace, or of all namespaces: nothing needs to be asked. */
  readonly everything: boolean
  /** May an object of this key be one? */
  key(key: Key): boolean
  matches(item: Item): boolean
}

export function selectionOf(kind: Kind, request: Pick<ResourceRequest, 'namespace'>, options: ListOptions): Selection {
  const labels = labelsOf(options.labelSelector)
  const fields = fieldsOf(kind, options.fieldSelector)
  const exact = (field: string): string | undefined =>
    fields.find((one) => one.field === field && one.operator === '=')?.value
  const name = exact('metadata.name')
  const namespace = kind.namespaced ? (request.namespace ?? exact('metadata.namespace')) : undefined
  const rest = fields.filter(
    (one) => !(one.operator === '=' && (one.field === 'metadata.name' || one.field === 'metadata.namespace')),
  )
  const keyFields = fields.filter((one) => one.field === 'metadata.name' || one.field === 'metadata.namespace')
  const single = name !== undefined && (namespace !== undefined || !kind.namespaced)
  const where = single ? undefined : whereOf(labels, rest)
  const filters = labels.requirements.length > 0 || labels.nothing || rest.length > 0
  return {
    namespace,
    single,
    after: single ? justBefore(kind.namespaced ? (namespace ?? '') : '', name) : undefined,
    where,
    filters,
    everything: !filters && keyFields.length === 0,
    key(key) {
      if (namespace !== undefined && key.namespace !== namespace) return false
      return (
        keyFields.length === 0 ||
        matchesFields(keyFields, { 'metadata.name': key.name, 'metadata.namespace': key.namespace })
      )
    },
    matches(item) {
      const object = item.object
      if (!matches(labels, object.metadata.labels)) return false
      return rest.length === 0 || matchesFields(rest, fieldValues(kind, object))
    },
  }
}

function fieldValues(kind: Kind, object: K8sObject): Readonly<Record<string, string>> {
  const { name = '', namespace = '' } = object.metadata
  return { ...kind.fields(object), 'metadata.name': name, 'metadata.namespace': namespace }
}

function labelsOf(text: string | undefined): LabelMatch {
  if (text === undefined || text === '') return EVERYTHING
  try {
    return parseLabelSelector(text)
  } catch (error) {
    throw asRefusal(error, 'unable to parse requirement')
  }
}

function fieldsOf(kind: Kind, text: string | undefined): readonly FieldRequirement[] {
  if (text === undefined || text === '') return []
  try {
    const requirements = parseFieldSelector(text)
    for (const { field } of requirements) {
      if (kind.fieldNames.includes(field)) continue
      // Kinds with fields of their own and kinds without say it differently, as upstream.
      throw badRequest(
        kind.fieldNames.some((name) => !name.startsWith('metadata.'))
          ? `field label not supported: ${field}`
          : `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
      )
    }
    return requirements
  } catch (error) {
    throw asRefusal(error, 'invalid field selector')
  }
}

function asRefusal(error: unknown, fallback: string): unknown {
  return error instanceof DecodeError ? badRequest(error.message === '' ? fallback : error.message) : error
}

/** Equalities an index of the store knows. */
function whereOf(labels: LabelMatch, fields: readonly FieldRequirement[]): ListQuery['where'] {
  const equal: Record<string, string> = {}
  for (const { key, operator, values } of labels.requirements) {
    const [value] = values
    if ((operator === '=' || operator === '==' || operator === 'in') && values.length === 1 && value !== undefined)
      equal[key] = value
  }
  const node = fields.find((one) => one.field === 'spec.nodeName' && one.operator === '=')?.value
  const some = Object.keys(equal).length > 0
  if (!some && node === undefined) return undefined
  return {
    ...(some ? { labels: equal } : {}),
    ...(node === undefined ? {} : node === '' ? { unbound: true as const } : { nodeName: node }),
  }
}

/** The greatest key below (namespace, name), so that the first row behind it is that object or a later one. */
function justBefore(namespace: string, name: string): { readonly namespace: string; readonly name: string } {
  const last = name.charCodeAt(name.length - 1)
  // Names have no characters below the dash; one that is not a name at all simply finds nothing.
  const stem = name.slice(0, -1)
  return name === '' || last <= 1
    ? { namespace, name: stem }
    : { namespace, name: `${stem}${String.fromCharCode(last - 1)}\u{10FFFF}` }
}
