/** ConfigMap: keys of text and of bytes, at most 1 MiB, optionally immutable. */
import type { FieldError } from '../../schema/k8s/field-error.ts'
import { fieldForbidden, fieldInvalid, fieldTooLong, WHOLE } from '../../schema/k8s/field-error.ts'
import type { ConfigMap } from '../../schema/k8s/generated/types.ts'
import { AGE_COLUMN, age, column, NAME_COLUMN } from './column.ts'
import { defineKind } from './generic.ts'
import { base64Length, MAX_DATA_BYTES } from './data-size.ts'
import { utf8Length } from '../../schema/k8s/utf8.ts'
import { same } from './same.ts'
import { isConfigMapKey } from '../../schema/k8s/names.ts'
import { subdomainName } from './names.ts'

export const configMap = defineKind<ConfigMap>({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  shortNames: ['cm'],
  nameProblems: subdomainName,
  validate(object) {
    const data = Object.entries(object.data ?? {})
    const binary = Object.entries(object.binaryData ?? {})
    const bytes =
      data.reduce((sum, [, value]) => sum + utf8Length(value), 0) +
      binary.reduce((sum, [, value]) => sum + base64Length(value), 0)
    return [
      ...data.flatMap(([key]) => keyErrors('data', key, object)),
      ...binary.flatMap(([key]) =>
        isConfigMapKey(key).map((problem) => fieldInvalid(`binaryData[${key}]`, key, problem)),
      ),
      ...(bytes > MAX_DATA_BYTES ? [fieldTooLong(WHOLE, MAX_DATA_BYTES)] : []),
    ]
  },
  validateUpdate(object, old) {
    if (old.immutable !== true) return []
    const why = 'field is immutable when `immutable` is set'
    return [
      ...(object.immutable === true ? [] : [fieldForbidden('immutable', why)]),
      ...(same(object.data, old.data) ? [] : [fieldForbidden('data', why)]),
      ...(same(object.binaryData, old.binaryData) ? [] : [fieldForbidden('binaryData', why)]),
    ]
  },
  columns: [NAME_COLUMN, column('Data', 'string', 'Number of keys.'), AGE_COLUMN],
  cells: (object, now) => [
    object.metadata.name ?? '',
    Object.keys(object.data ?? {}).length + Object.keys(object.binaryData ?? {}).length,
    age(object, now),
  ],
  support: { acts: 'environment variables and volumes of pods', storedOnly: [] },
})

function keyErrors(field: string, key: string, object: ConfigMap): readonly FieldError[] {
  const errors = isConfigMapKey(key).map((problem) => fieldInvalid(`${field}[${key}]`, key, problem))
  if (Object.hasOwn(object.binaryData ?? {}, key)) {
    errors.push(fieldInvalid(`${field}[${key}]`, key, 'duplicate of key present in binaryData'))
  }
  return errors
}
