/**
 * What most kinds share, so that a kind's file says only what is its own. `defineKind` fills a `Kind` from the
 * parts a kind names; inputs are never changed. Validation of metadata is part of every kind's `validate`.
 */
import type { FieldError } from '../../schema/k8s/field-error.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import type { Column, Kind } from './kind.ts'
import { metadataErrors, metadataUpdateErrors } from './metadata.ts'
import { same } from './same.ts'
import { withStructs } from './structs.ts'

export type Cell = string | number | boolean | null

const ALL_VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'] as const

/** The parts of a kind; everything optional has upstream's most common behaviour when left out. */
export interface Parts<T extends K8sObject> {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly singular?: string
  readonly shortNames?: readonly string[]
  readonly categories?: readonly string[]
  /** default true */
  readonly namespaced?: boolean
  /** default: all eight */
  readonly verbs?: readonly string[]
  readonly hasStatus?: boolean
  readonly scale?: Kind['scale']
  readonly sealed?: boolean
  readonly createOnUpdate?: boolean
  /** default true */
  readonly unconditionalUpdate?: boolean
  readonly nameProblems: (name: string, isPrefix: boolean) => readonly string[]
  readonly defaults?: (object: T) => T
  /** default: empties status */
  readonly prepareCreate?: (object: T, at: string) => T
  /** default: keeps the old status */
  readonly prepareUpdate?: (object: T, old: T) => T
  /** default: everything but metadata and status is old */
  readonly prepareStatus?: (object: T, old: T) => T
  /** beside metadata */
  readonly validate?: (object: T) => readonly FieldError[]
  readonly validateUpdate?: (object: T, old: T) => readonly FieldError[]
  readonly validateStatus?: (object: T, old: T) => readonly FieldError[]
  readonly hasGeneration?: boolean
  /** default, with hasGeneration: spec differs */
  readonly bumpsGeneration?: (object: T, old: T) => boolean
  readonly fields?: (object: T) => Readonly<Record<string, string>>
  /** beside metadata.name and metadata.namespace */
  readonly fieldNames?: readonly string[]
  readonly index?: (object: T) => { readonly nodeName?: string; readonly expiresAt?: number; readonly facts?: string }
  readonly columns: readonly Column[]
  readonly cells: (object: T, now: number) => readonly Cell[]
  readonly rowConditions?: (object: T) => readonly {
    readonly type: string
    readonly status: string
    readonly reason?: string
    readonly message?: string
  }[]
  readonly grace?: (object: T, asked: number | undefined) => number
  readonly defaultPropagation?: 'Background' | 'Orphan'
  readonly warnings?: (object: T, old: T | undefined) => readonly string[]
  readonly support: Kind['support']
}

/** A complete kind. The casts are the one place where an object of the registry becomes an object of its kind. */
export function defineKind<T extends K8sObject>(parts: Parts<T>): Kind {
  const namespaced = parts.namespaced ?? true
  const hasStatus = parts.hasStatus ?? false
  const hasGeneration = parts.hasGeneration ?? false
  const { prepareCreate, prepareUpdate, prepareStatus, rowConditions } = parts
  const metadataFields = namespaced ? ['metadata.name', 'metadata.namespace'] : ['metadata.name']
  return {
    group: parts.group,
    version: parts.version,
    kind: parts.kind,
    plural: parts.plural,
    singular: parts.singular ?? parts.kind.toLowerCase(),
    shortNames: parts.shortNames ?? [],
    categories: parts.categories ?? [],
    namespaced,
    verbs: parts.verbs ?? ALL_VERBS,
    resource: parts.group === '' ? parts.plural : `${parts.plural}.${parts.group}`,
    hasStatus,
    ...(parts.scale === undefined ? {} : { scale: parts.scale }),
    sealed: parts.sealed ?? false,
    createOnUpdate: parts.createOnUpdate ?? false,
    unconditionalUpdate: parts.unconditionalUpdate ?? true,
    nameProblems: parts.nameProblems,
    defaults: (object) => withStructs(parts.defaults === undefined ? object : parts.defaults(object as T)),
    prepareCreate(object, at) {
      if (prepareCreate !== undefined) return prepareCreate(object as T, at)
      return hasStatus ? withField(object, 'status', {}) : object
    },
    prepareUpdate(object, old) {
      if (prepareUpdate !== undefined) return prepareUpdate(object as T, old as T)
      return hasStatus ? keepStatus(object, old) : object
    },
    prepareStatus(object, old) {
      if (prepareStatus !== undefined) return prepareStatus(object as T, old as T)
      return takeStatus(object, old)
    },
    validate: (object) => [
      ...metadataErrors(object.metadata, { namespaced, nameProblems: parts.nameProblems }),
      ...(parts.validate?.(object as T) ?? []),
    ],
    validateUpdate: (object, old) => [
      ...metadataUpdateErrors(object.metadata, old.metadata),
      ...(parts.validateUpdate?.(object as T, old as T) ?? []),
    ],
    validateStatus: (object, old) => [
      ...metadataUpdateErrors(object.metadata, old.metadata),
      ...(parts.validateStatus?.(object as T, old as T) ?? []),
    ],
    bumpsGeneration(object, old) {
      if (!hasGeneration) return false
      if (parts.bumpsGeneration !== undefined) return parts.bumpsGeneration(object as T, old as T)
      return !same(object['spec'], old['spec'])
    },
    hasGeneration,
    fields: (object) => parts.fields?.(object as T) ?? {},
    fieldNames: [...metadataFields, ...(parts.fieldNames ?? [])],
    index: (object) => parts.index?.(object as T) ?? {},
    columns: parts.columns,
    cells: (object, now) => parts.cells(object as T, now),
    ...(rowConditions === undefined ? {} : { rowConditions: (object: K8sObject) => rowConditions(object as T) }),
    grace: (object, asked) => parts.grace?.(object as T, asked) ?? 0,
    defaultPropagation: parts.defaultPropagation ?? 'Background',
    warnings: (object, old) => parts.warnings?.(object as T, old as T | undefined) ?? [],
    support: parts.support,
  }
}

/** The object with `name` set, or without it when the value is undefined. */
export function withField<T extends object>(object: T, name: string, value: unknown): T {
  const { [name]: _, ...rest } = object as Record<string, unknown>
  return (value === undefined ? rest : { ...rest, [name]: value }) as T
}

/** A client's object with the status that is stored. */
function keepStatus<T extends K8sObject>(object: T, old: T): T {
  return withField(object, 'status', old['status'])
}

/** The stored object with a client's status and metadata. */
function takeStatus<T extends K8sObject>(object: T, old: T): T {
  return withField({ ...old, metadata: object.metadata }, 'status', object['status'])
}
