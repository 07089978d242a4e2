/** What every object's metadata must meet, on create and on update, with upstream's paths and sentences. */
import type { FieldError } from '../../schema/k8s/field-error.ts'
import { fieldForbidden, fieldInvalid, fieldRequired, fieldTooLong } from '../../schema/k8s/field-error.ts'
import type { ObjectMeta, OwnerReference } from '../../schema/k8s/meta.ts'
import { utf8Length } from '../../schema/k8s/utf8.ts'
import { same } from './same.ts'
import type { NameRule } from './names.ts'
import { isDns1123Label, isLabelValue, isQualifiedName } from '../../schema/k8s/names.ts'

const MAX_ANNOTATION_BYTES = 262_144

/** Finalizers of the control plane itself; all others name their domain. */
export const PLAIN_FINALIZERS: ReadonlySet<string> = new Set(['kubernetes', 'orphan', 'foregroundDeletion'])
export const NOT_A_FINALIZER = 'name is neither a standard finalizer name nor is it fully qualified'

/** Metadata of an object that is to be stored; its name was generated already where that was asked. */
export function metadataErrors(
  meta: ObjectMeta,
  options: { readonly namespaced: boolean; readonly nameProblems: NameRule; readonly path?: string },
): readonly FieldError[] {
  const path = options.path ?? 'metadata'
  const errors: FieldError[] = []
  const { generateName = '', name = '', namespace = '' } = meta
  if (generateName !== '') {
    for (const problem of options.nameProblems(generateName, true)) {
      errors.push(fieldInvalid(`${path}.generateName`, generateName, problem))
    }
  }
  if (name === '') errors.push(fieldRequired(`${path}.name`, 'name or generateName is required'))
  else for (const problem of options.nameProblems(name, false)) errors.push(fieldInvalid(`${path}.name`, name, problem))
  if (!options.namespaced) {
    if (namespace !== '') errors.push(fieldForbidden(`${path}.namespace`, 'not allowed on this type'))
  } else if (namespace === '') errors.push(fieldRequired(`${path}.namespace`))
  else {
    for (const problem of isDns1123Label(namespace)) errors.push(fieldInvalid(`${path}.namespace`, namespace, problem))
  }
  return [...errors, ...commonErrors(meta, path), ...finalizerErrors(meta.finalizers ?? [], `${path}.finalizers`)]
}

/**
 * What an update may not change. Values the client left out were filled from the stored object (or are about to
 * be), so only a differing value is an error.
 */
export function metadataUpdateErrors(meta: ObjectMeta, old: ObjectMeta): readonly FieldError[] {
  const errors: FieldError[] = []
  if (old.deletionTimestamp !== undefined) {
    const extra = (meta.finalizers ?? []).filter((one) => !(old.finalizers ?? []).includes(one)).toSorted()
    if (extra.length > 0) {
      const list = `[]string{${extra.map((one) => JSON.stringify(one)).join(', ')}}`
      const why = `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`
      errors.push(fieldForbidden('metadata.finalizers', why))
    }
  }
  for (const field of IMMUTABLE) {
    if (meta[field] !== undefined && !same(meta[field], old[field])) {
      errors.push(fieldInvalid(`metadata.${field}`, meta[field], 'field is immutable'))
    }
  }
  return errors
}

const IMMUTABLE = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
] as const

function commonErrors(meta: ObjectMeta, path: string): readonly FieldError[] {
  return [
    ...labelErrors(meta.labels, `${path}.labels`),
    ...annotationErrors(meta.annotations, `${path}.annotations`),
    ...ownerErrors(meta.ownerReferences ?? [], `${path}.ownerReferences`),
  ]
}

/** Labels of an object or of a template. */
export function labelErrors(labels: Readonly<Record<string, string>> | undefined, path: string): readonly FieldError[] {
  const errors: FieldError[] = []
  for (const [key, value] of Object.entries(labels ?? {})) {
    for (const problem of isQualifiedName(key)) errors.push(fieldInvalid(path, key, problem))
    for (const problem of isLabelValue(value)) errors.push(fieldInvalid(path, value, problem))
  }
  return errors
}

/** Annotations: keys as for labels but in any case, 256 KiB in all. */
export function annotationErrors(
  annotations: Readonly<Record<string, string>> | undefined,
  path: string,
): readonly FieldError[] {
  const errors: FieldError[] = []
  let bytes = 0
  for (const [key, value] of Object.entries(annotations ?? {})) {
    for (const problem of isQualifiedName(key.toLowerCase())) errors.push(fieldInvalid(path, key, problem))
    bytes += utf8Length(key) + utf8Length(value)
  }
  if (bytes > MAX_ANNOTATION_BYTES) errors.push(fieldTooLong(path, MAX_ANNOTATION_BYTES))
  return errors
}

function ownerErrors(owners: readonly OwnerReference[], path: string): readonly FieldError[] {
  const errors: FieldError[] = []
  let controller: string | undefined
  for (const owner of owners) {
    const { apiVersion = '', kind = '', name = '', uid = '' } = owner as Partial<OwnerReference>
    if (apiVersion === '' || apiVersion.endsWith('/')) {
      errors.push(fieldInvalid(`${path}.apiVersion`, apiVersion, 'version must not be empty'))
    }
    if (kind === '') errors.push(fieldInvalid(`${path}.kind`, kind, 'must not be empty'))
    if (name === '') errors.push(fieldInvalid(`${path}.name`, name, 'must not be empty'))
    if (uid === '') errors.push(fieldInvalid(`${path}.uid`, uid, 'must not be empty'))
    if (apiVersion === 'v1' && kind === 'Event') {
      errors.push(fieldInvalid(path, owner, '/v1, Kind=Event is disallowed from being an owner'))
    }
    if (owner.controller !== true) continue
    if (controller === undefined) controller = `${kind}/${name}`
    else {
      const why = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${kind}/${name}`
      errors.push(fieldInvalid(path, owners, why))
    }
  }
  return errors
}

function finalizerErrors(finalizers: readonly string[], path: string): readonly FieldError[] {
  const errors: FieldError[] = []
  for (const [index, finalizer] of finalizers.entries()) {
    for (const problem of isQualifiedName(finalizer)) errors.push(fieldInvalid(path, finalizer, problem))
    if (finalizer.includes('/') || PLAIN_FINALIZERS.has(finalizer)) continue
    errors.push(fieldInvalid(`${path}[${index}]`, finalizer, NOT_A_FINALIZER))
  }
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    errors.push(fieldInvalid(path, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'))
  }
  return errors
}
