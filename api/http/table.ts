/** Server-side printing: the columns and cells of a kind as a Table, for get, list and watch. */
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { badRequest } from '../../schema/k8s/status.ts'
import type { Kind } from '../kinds/kind.ts'
import type { Item } from '../registry/item.ts'

export type IncludeObject = 'None' | 'Metadata' | 'Object'

export function includeObjectOf(query: URLSearchParams): IncludeObject {
  const asked = query.get('includeObject') ?? ''
  if (asked === '') return 'Metadata'
  if (asked === 'None' || asked === 'Metadata' || asked === 'Object') return asked
  throw badRequest(`unrecognized includeObject value: ${JSON.stringify(asked)}`)
}

/** `"columnDefinitions":[...]`, made once per kind. */
export function columnsText(kind: Kind): string {
  let text = columns.get(kind)
  if (text === undefined) {
    const definitions = kind.columns.map(({ name, type, format, description, priority }) => ({
      name,
      type,
      format,
      description,
      priority,
    }))
    columns.set(kind, (text = JSON.stringify(definitions)))
  }
  return text
}

const columns = new WeakMap<Kind, string>()

export function rowText(kind: Kind, item: Item, include: IncludeObject, now: number, version: string): string {
  const object = item.object
  const conditions = kind.rowConditions?.(object) ?? []
  const shown = include === 'None' ? 'null' : include === 'Object' ? item.wire : metadataText(object, version)
  const extra = conditions.length === 0 ? '' : `,"conditions":${JSON.stringify(conditions)}`
  return `{"cells":${JSON.stringify(kind.cells(object, now))}${extra},"object":${shown}}`
}

/** An object cut down to its metadata. */
export function metadataText(object: K8sObject, version: string): string {
  return `{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/${version}","metadata":${JSON.stringify(object.metadata)}}`
}

/** A whole Table with the given rows. `columns` only where they are needed: not behind a watch's first event. */
export function tableText(kind: Kind, meta: string, rows: string, version: string, columnsToo: boolean): string {
  const definitions = columnsToo ? columnsText(kind) : 'null'
  return `{"kind":"Table","apiVersion":"meta.k8s.io/${version}","metadata":${meta},"columnDefinitions":${definitions},"rows":[${rows}]}`
}
