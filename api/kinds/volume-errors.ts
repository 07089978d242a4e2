/** Rules for the volumes of a pod and their mounts. Volumes of a type that no node can mount are refused. */
import type { FieldError } from '../../schema/k8s/field-error.ts'
import {
  fieldDuplicate,
  fieldForbidden,
  fieldInvalid,
  fieldNotFound,
  fieldRequired,
} from '../../schema/k8s/field-error.ts'
import type { KeyToPath, Volume, VolumeMount } from '../../schema/k8s/generated/types.ts'
import { isDns1123Label } from '../../schema/k8s/names.ts'
import { compareQuantities } from '../../schema/k8s/quantity.ts'
import { requiredAnd } from './errors.ts'

const MODE_RULE = 'must be a number between 0 and 0777 (octal), both inclusive'

/** The errors, and the names of the volumes that are good. */
export function volumeErrors(
  volumes: readonly Volume[],
  path: string,
): { readonly errors: readonly FieldError[]; readonly names: ReadonlySet<string> } {
  const names = new Set<string>()
  const errors: FieldError[] = []
  for (const [index, volume] of volumes.entries()) {
    const at = `${path}[${index}]`
    const own = [...sourceErrors(volume, at), ...requiredAnd(`${at}.name`, volume.name, isDns1123Label)]
    if (names.has(volume.name)) own.push(fieldDuplicate(`${at}.name`, volume.name))
    if (own.length === 0) names.add(volume.name)
    errors.push(...own)
  }
  return { errors, names }
}

function sourceErrors(volume: Volume, path: string): readonly FieldError[] {
  const { name: _name, ...sources } = volume
  const set = Object.keys(sources).filter((type) => sources[type as keyof typeof sources] !== undefined)
  // Upstream looks at emptyDir first, and complains of whatever comes second.
  const types = set.toSorted((a, b) => Number(b === 'emptyDir') - Number(a === 'emptyDir'))
  const [first = ''] = types
  if (types.length === 0) return [fieldRequired(path, 'must specify a volume type')]
  return [
    ...contentErrors(volume, first, path),
    ...types.slice(1).map((type) => fieldForbidden(`${path}.${type}`, 'may not specify more than 1 volume type')),
  ]
}

function contentErrors(volume: Volume, type: string, path: string): readonly FieldError[] {
  const at = `${path}.${type}`
  const { emptyDir, hostPath, configMap, secret } = volume
  if (type === 'emptyDir' && emptyDir?.sizeLimit !== undefined) {
    const why = 'SizeLimit field must be a valid resource quantity'
    return compareQuantities(emptyDir.sizeLimit, '0') < 0 ? [fieldForbidden(`${at}.sizeLimit`, why)] : []
  }
  if (type === 'hostPath' && hostPath !== undefined) {
    if ((hostPath.path ?? '') === '') return [fieldRequired(`${at}.path`)]
    return backstepErrors(hostPath.path, `${at}.path`)
  }
  if (type === 'configMap' && configMap !== undefined) {
    return [
      ...((configMap.name ?? '') === '' ? [fieldRequired(`${at}.name`)] : []),
      ...modeErrors(configMap.defaultMode, `${at}.defaultMode`),
      ...itemErrors(configMap.items ?? [], `${at}.items`),
    ]
  }
  if (type === 'secret' && secret !== undefined) {
    return [
      ...((secret.secretName ?? '') === '' ? [fieldRequired(`${at}.secretName`)] : []),
      ...modeErrors(secret.defaultMode, `${at}.defaultMode`),
      ...itemErrors(secret.items ?? [], `${at}.items`),
    ]
  }
  return []
}

function itemErrors(items: readonly KeyToPath[], path: string): readonly FieldError[] {
  return items.flatMap((item, index) => {
    const at = `${path}[${index}]`
    const errors: FieldError[] = []
    if ((item.key ?? '') === '') errors.push(fieldRequired(`${at}.key`))
    if ((item.path ?? '') === '') errors.push(fieldRequired(`${at}.path`))
    errors.push(...localPathErrors(item.path ?? '', `${at}.path`))
    if (/^\.\.(?!\/)/.test(item.path ?? ''))
      errors.push(fieldInvalid(`${at}.path`, item.path, "must not start with '..'"))
    return [...errors, ...modeErrors(item.mode, `${at}.mode`)]
  })
}

function modeErrors(mode: number | undefined, path: string): readonly FieldError[] {
  return mode === undefined || (mode >= 0 && mode <= 0o777) ? [] : [fieldInvalid(path, mode, MODE_RULE)]
}

export function mountErrors(
  mounts: readonly VolumeMount[],
  volumes: ReadonlySet<string>,
  path: string,
): readonly FieldError[] {
  const seen = new Set<string>()
  return mounts.flatMap((mount, index) => {
    const at = `${path}[${index}]`
    const { name = '', mountPath = '', subPath = '', subPathExpr = '' } = mount as Partial<VolumeMount>
    const errors: FieldError[] = []
    if (name === '') errors.push(fieldRequired(`${at}.name`))
    if (!volumes.has(name)) errors.push(fieldNotFound(`${at}.name`, name))
    if (mountPath === '') errors.push(fieldRequired(`${at}.mountPath`))
    if (seen.has(mountPath)) errors.push(fieldInvalid(`${at}.mountPath`, mountPath, 'must be unique'))
    seen.add(mountPath)
    if (subPath !== '') errors.push(...localPathErrors(subPath, `${path}.subPath`))
    if (subPathExpr !== '') {
      if (subPath !== '') {
        errors.push(fieldInvalid(`${at}.subPathExpr`, subPathExpr, 'subPathExpr and subPath are mutually exclusive'))
      }
      errors.push(...localPathErrors(subPathExpr, `${path}.subPathExpr`))
    }
    return errors
  })
}

function localPathErrors(text: string, path: string): readonly FieldError[] {
  const absolute = text.startsWith('/') ? [fieldInvalid(path, text, 'must be a relative path')] : []
  return [...absolute, ...backstepErrors(text, path)]
}

function backstepErrors(text: string, path: string): readonly FieldError[] {
  return text.split('/').includes('..') ? [fieldInvalid(path, text, "must not contain '..'")] : []
}
