/**
 * Namespace: its own name is kept as a label, and the `kubernetes` finalizer in `spec.finalizers` holds it until
 * everything inside is gone (cleared through `/finalize`).
 */
import type { FieldError } from '../../schema/k8s/field-error.ts'
import { fieldInvalid } from '../../schema/k8s/field-error.ts'
import type { Namespace } from '../../schema/k8s/generated/types.ts'
import { AGE_COLUMN, age, column, NAME_COLUMN } from './column.ts'
import { defineKind } from './generic.ts'
import { isQualifiedName } from '../../schema/k8s/names.ts'
import { NOT_A_FINALIZER, PLAIN_FINALIZERS } from './metadata.ts'
import { labelName } from './names.ts'

export const namespace = defineKind<Namespace>({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  shortNames: ['ns'],
  namespaced: false,
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  hasStatus: true,
  nameProblems: labelName,
  defaults: (object) => ({
    ...withNameLabel(object),
    spec: object.spec ?? {},
    status: { ...object.status, phase: object.status?.phase ?? 'Active' },
  }),
  prepareCreate(object) {
    const finalizers = object.spec?.finalizers ?? []
    const kept = finalizers.includes('kubernetes') ? finalizers : [...finalizers, 'kubernetes']
    return { ...withNameLabel(object), spec: { ...object.spec, finalizers: kept }, status: { phase: 'Active' } }
  },
  prepareUpdate: (object, old) => ({
    ...object,
    spec: { ...object.spec, ...(old.spec?.finalizers === undefined ? {} : { finalizers: old.spec.finalizers }) },
    ...(old.status === undefined ? {} : { status: old.status }),
  }),
  validate: (object) => (object.spec?.finalizers ?? []).flatMap(finalizerErrors),
  validateStatus(object) {
    const phase = object.status?.phase
    const deleted = object.metadata.deletionTimestamp !== undefined
    if (!deleted && phase !== 'Active') {
      return [fieldInvalid('status.Phase', phase ?? '', "may only be 'Active' if `deletionTimestamp` is empty")]
    }
    if (deleted && phase !== 'Terminating') {
      return [
        fieldInvalid('status.Phase', phase ?? '', "may only be 'Terminating' if `deletionTimestamp` is not empty"),
      ]
    }
    return []
  },
  fields: (object) => ({ 'status.phase': object.status?.phase ?? '' }),
  fieldNames: ['status.phase'],
  columns: [NAME_COLUMN, column('Status', 'string', 'Phase of the namespace.'), AGE_COLUMN],
  cells: (object, now) => [object.metadata.name ?? '', object.status?.phase ?? '', age(object, now)],
  support: { acts: 'holds objects; deleting it deletes everything inside', storedOnly: [] },
})

function withNameLabel(object: Namespace): Namespace {
  const name = object.metadata.name ?? ''
  if (name === '') return object
  const labels = { ...object.metadata.labels, 'kubernetes.io/metadata.name': name }
  return { ...object, metadata: { ...object.metadata, labels } }
}

function finalizerErrors(finalizer: string): readonly FieldError[] {
  const path = 'spec.finalizers'
  const errors = isQualifiedName(finalizer).map((problem) => fieldInvalid(path, finalizer, problem))
  if (!finalizer.includes('/') && !PLAIN_FINALIZERS.has(finalizer)) {
    errors.push(fieldInvalid(path, finalizer, NOT_A_FINALIZER))
  }
  return errors
}
