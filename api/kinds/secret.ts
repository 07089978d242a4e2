/**
 * Secret: a ConfigMap of bytes, sealed at rest. `stringData` is merged into `data` on the way in and never stored;
 * the type is fixed at creation, and upstream's typed secrets must have their keys.
 */
import { fromBase64, toBase64 } from '../../schema/k8s/base64.ts'
import type { FieldError } from '../../schema/k8s/field-error.ts'
import { fieldForbidden, fieldInvalid, fieldRequired, fieldTooLong } from '../../schema/k8s/field-error.ts'
import type { Secret } from '../../schema/k8s/generated/types.ts'
import { fromUtf8, toUtf8 } from '../../schema/k8s/utf8.ts'
import { AGE_COLUMN, age, column, NAME_COLUMN } from './column.ts'
import { base64Length, MAX_DATA_BYTES } from './data-size.ts'
import { defineKind } from './generic.ts'
import { same } from './same.ts'
import { isConfigMapKey } from '../../schema/k8s/names.ts'
import { subdomainName } from './names.ts'

export const secret = defineKind<Secret>({
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  sealed: true,
  nameProblems: subdomainName,
  defaults(object) {
    const { stringData, ...rest } = object
    const type = object.type === undefined || object.type === '' ? 'Opaque' : object.type
    if (stringData === undefined) return { ...rest, type }
    const added = Object.entries(stringData).map(([key, value]) => [key, toBase64(toUtf8(value))])
    const data = { ...object.data, ...Object.fromEntries(added) }
    return { ...rest, ...(Object.keys(data).length === 0 ? {} : { data }), type }
  },
  validate: (object) => [...dataErrors(object), ...typeErrors(object)],
  validateUpdate(object, old) {
    const errors: FieldError[] = []
    if (object.type !== old.type) errors.push(fieldInvalid('type', object.type, 'field is immutable'))
    if (old.immutable !== true) return errors
    const why = 'field is immutable when `immutable` is set'
    if (object.immutable !== true) errors.push(fieldForbidden('immutable', why))
    if (!same(object.data, old.data)) errors.push(fieldForbidden('data', why))
    return errors
  },
  fields: (object) => ({ type: object.type ?? '' }),
  fieldNames: ['type'],
  columns: [
    NAME_COLUMN,
    column('Type', 'string', 'What the keys are for.'),
    column('Data', 'string', 'Number of keys.'),
    AGE_COLUMN,
  ],
  cells: (object, now) => [
    object.metadata.name ?? '',
    object.type ?? '',
    Object.keys(object.data ?? {}).length,
    age(object, now),
  ],
  support: { acts: 'environment variables and volumes of pods; sealed in the store', storedOnly: [] },
})

function dataErrors(object: Secret): readonly FieldError[] {
  const entries = Object.entries(object.data ?? {})
  const bytes = entries.reduce((sum, [, value]) => sum + base64Length(value), 0)
  return [
    ...entries.flatMap(([key]) => isConfigMapKey(key).map((problem) => fieldInvalid(`data[${key}]`, key, problem))),
    ...(bytes > MAX_DATA_BYTES ? [fieldTooLong('data', MAX_DATA_BYTES)] : []),
  ]
}

function typeErrors(object: Secret): readonly FieldError[] {
  const data = object.data ?? {}
  const missing = (keys: readonly string[]): readonly FieldError[] =>
    keys.filter((key) => !Object.hasOwn(data, key)).map((key) => fieldRequired(`data[${key}]`))
  switch (object.type) {
    case 'kubernetes.io/service-account-token': {
      const key = 'kubernetes.io/service-account.name'
      return (object.metadata.annotations?.[key] ?? '') === '' ? [fieldRequired(`metadata.annotations[${key}]`)] : []
    }
    case 'kubernetes.io/dockercfg':
      return jsonErrors(data, '.dockercfg')
    case 'kubernetes.io/dockerconfigjson':
      return jsonErrors(data, '.dockerconfigjson')
    case 'kubernetes.io/basic-auth': {
      const errors = missing(['username', 'password'])
      return errors.length === 2 ? errors : []
    }
    case 'kubernetes.io/ssh-auth':
      return (data['ssh-privatekey'] ?? '') === '' ? [fieldRequired('data[ssh-privatekey]')] : []
    case 'kubernetes.io/tls':
      return missing(['tls.crt', 'tls.key'])
    default:
      return []
  }
}

/** The contents never appear in the message. */
function jsonErrors(data: Readonly<Record<string, string>>, key: string): readonly FieldError[] {
  const value = data[key]
  if (value === undefined) return [fieldRequired(`data[${key}]`)]
  const redacted = '<secret contents redacted>'
  try {
    const parsed: unknown = JSON.parse(fromUtf8(fromBase64(value)))
    if (typeof parsed === 'object' && !Array.isArray(parsed)) return []
    return [fieldInvalid(`data[${key}]`, redacted, 'must be a JSON object')]
  } catch {
    return [
      fieldInvalid(`data[${key}]`, redacted, value === '' ? 'unexpected end of JSON input' : 'must be valid JSON'),
    ]
  }
}
