/** Rules for `env` and `envFrom` of a container. */
import type { FieldError } from '../../schema/k8s/field-error.ts'
import { fieldInvalid, fieldNotSupported, fieldRequired } from '../../schema/k8s/field-error.ts'
import type {
  ConfigMapKeySelector,
  EnvFromSource,
  EnvVar,
  ObjectFieldSelector,
  ResourceFieldSelector,
} from '../../schema/k8s/generated/types.ts'
import { isConfigMapKey, isDns1123Subdomain, isEnvVarName, isQualifiedName } from '../../schema/k8s/names.ts'
import { invalidEach, optionalAnd, requiredAnd } from './errors.ts'
import { subdomainName } from './names.ts'

const FIELD_PATHS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
]

/** Known fields of a pod that are no environment. */
const OTHER_PATHS: ReadonlySet<string> = new Set([
  'metadata.labels',
  'metadata.annotations',
  'spec.restartPolicy',
  'spec.schedulerName',
  'status.phase',
])

const RESOURCES = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
]

export function envErrors(env: readonly EnvVar[], path: string): readonly FieldError[] {
  return env.flatMap((one, index) => {
    const at = `${path}[${index}]`
    return [...requiredAnd(`${at}.name`, one.name, isEnvVarName), ...sourceErrors(one, `${at}.valueFrom`)]
  })
}

function sourceErrors(env: EnvVar, path: string): readonly FieldError[] {
  const from = env.valueFrom
  if (from === undefined) return []
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = from
  const errors: FieldError[] = []
  if (fieldRef !== undefined) errors.push(...fieldRefErrors(fieldRef, `${path}.fieldRef`))
  if (resourceFieldRef !== undefined) errors.push(...resourceRefErrors(resourceFieldRef, `${path}.resourceFieldRef`))
  if (configMapKeyRef !== undefined) errors.push(...keyRefErrors(configMapKeyRef, `${path}.configMapKeyRef`))
  if (secretKeyRef !== undefined) errors.push(...keyRefErrors(secretKeyRef, `${path}.secretKeyRef`))
  const sources = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef]
  const count = sources.filter((one) => one !== undefined).length
  if (count === 0) {
    const all = '`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`'
    errors.push(fieldInvalid(path, '', `must specify one of: ${all}`))
  } else if ((env.value ?? '') !== '') {
    errors.push(fieldInvalid(path, '', 'may not be specified when `value` is not empty'))
  } else if (count > 1) {
    errors.push(fieldInvalid(path, '', 'may not have more than one field specified at a time'))
  }
  return errors
}

function fieldRefErrors(ref: ObjectFieldSelector, path: string): readonly FieldError[] {
  const { fieldPath } = ref
  if (fieldPath === '') return [fieldRequired(`${path}.fieldPath`)]
  const subscript = /^(metadata\.(?:annotations|labels))\['(.*)'\]$/.exec(fieldPath)
  if (subscript !== null) {
    const key = subscript[2] ?? ''
    return invalidEach(path, key, isQualifiedName(subscript[1] === 'metadata.annotations' ? key.toLowerCase() : key))
  }
  if (FIELD_PATHS.includes(fieldPath)) return []
  if (OTHER_PATHS.has(fieldPath)) {
    return [fieldNotSupported(`${path}.fieldPath`, fieldPath, FIELD_PATHS)]
  }
  const why = `error converting fieldPath: field label not supported: ${fieldPath}`
  return [fieldInvalid(`${path}.fieldPath`, fieldPath, why)]
}

function resourceRefErrors(ref: ResourceFieldSelector, path: string): readonly FieldError[] {
  const { resource } = ref
  if (resource === '') return [fieldRequired(`${path}.resource`)]
  const known = RESOURCES.includes(resource) || /^(?:limits|requests)\.hugepages-/.test(resource)
  if (!known) return [fieldNotSupported(`${path}.resource`, resource, RESOURCES)]
  const divisor = ref.divisor ?? '0'
  if (divisor === '0') return []
  if (resource.endsWith('.cpu')) {
    const why = "only divisor's values 1m and 1 are supported with the cpu resource"
    return divisor === '1m' || divisor === '1' ? [] : [fieldInvalid(`${path}.divisor`, resource, why)]
  }
  if (/^1(?:[kMGTPE]|[KMGTPE]i)?$/.test(divisor)) return []
  const name = resource.endsWith('.memory')
    ? 'memory'
    : resource.includes('hugepages-')
      ? 'hugepages'
      : 'local ephemeral storage'
  const values = '1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei'
  const why = `only divisor's values ${values} are supported with the ${name} resource`
  return [fieldInvalid(`${path}.divisor`, resource, why)]
}

function keyRefErrors(ref: ConfigMapKeySelector, path: string): readonly FieldError[] {
  const { name = '', key } = ref
  return [
    ...invalidEach(`${path}.name`, name, isDns1123Subdomain(name)),
    ...requiredAnd(`${path}.key`, key, isConfigMapKey),
  ]
}

export function envFromErrors(sources: readonly EnvFromSource[], path: string): readonly FieldError[] {
  return sources.flatMap((one, index) => {
    const at = `${path}[${index}]`
    const errors = [...optionalAnd(`${at}.prefix`, one.prefix, isEnvVarName)]
    const { configMapRef, secretRef } = one
    const asPrefix = (name: string): readonly string[] => subdomainName(name, true)
    if (configMapRef !== undefined) errors.push(...requiredAnd(`${at}.configMapRef.name`, configMapRef.name, asPrefix))
    if (secretRef !== undefined) errors.push(...requiredAnd(`${at}.secretRef.name`, secretRef.name, asPrefix))
    if (configMapRef === undefined && secretRef === undefined) {
      errors.push(fieldInvalid(path, '', 'must specify one of: `configMapRef` or `secretRef`'))
    } else if (configMapRef !== undefined && secretRef !== undefined) {
      errors.push(fieldInvalid(path, '', 'may not have more than one field specified at a time'))
    }
    return errors
  })
}
