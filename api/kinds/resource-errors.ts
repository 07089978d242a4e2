/** Rules for requests and limits: names, amounts, and that nothing is requested beyond its limit. */
import type { FieldError } from '../../schema/k8s/field-error.ts'
import { fieldInvalid, fieldRequired } from '../../schema/k8s/field-error.ts'
import type { Quantity, ResourceRequirements } from '../../schema/k8s/generated/types.ts'
import { isQualifiedName } from '../../schema/k8s/names.ts'
import { compareQuantities, milliValue } from '../../schema/k8s/quantity.ts'
import { invalidEach } from './errors.ts'

const STANDARD: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage'])

export function resourceErrors(resources: ResourceRequirements | undefined, path: string): readonly FieldError[] {
  const { limits = {}, requests = {} } = resources ?? {}
  const errors: FieldError[] = []
  for (const [name, amount] of Object.entries(limits)) {
    errors.push(
      ...nameErrors(name, `${path}.limits[${name}]`),
      ...amountErrors(name, amount, `${path}.limits[${name}]`),
    )
  }
  for (const [name, amount] of Object.entries(requests)) {
    const at = `${path}.requests[${name}]`
    errors.push(...nameErrors(name, at), ...amountErrors(name, amount, at))
    const limit = Object.hasOwn(limits, name) ? limits[name] : undefined
    if (limit === undefined) {
      if (!overcommits(name)) {
        errors.push(fieldRequired(`${path}.limits`, 'Limit must be set for non overcommitable resources'))
      }
      continue
    }
    const order = compareQuantities(amount, limit)
    if (order !== 0 && !overcommits(name)) {
      errors.push(fieldInvalid(`${path}.requests`, amount, `must be equal to ${name} limit of ${limit}`))
    } else if (order > 0) {
      errors.push(fieldInvalid(`${path}.requests`, amount, `must be less than or equal to ${name} limit of ${limit}`))
    }
  }
  return errors
}

/** Extended resources and huge pages are handed out whole. */
function overcommits(name: string): boolean {
  return (!name.includes('/') || name.includes('kubernetes.io/')) && !name.startsWith('hugepages-')
}

function nameErrors(name: string, path: string): readonly FieldError[] {
  const problems = isQualifiedName(name)
  const own = invalidEach(path, name, problems)
  if (name.includes('/')) return own
  if (STANDARD.has(name) || name.startsWith('hugepages-')) return []
  const standard = problems.length > 0 || ['pods', 'services', 'secrets', 'configmaps', 'storage'].includes(name)
  return [
    ...own,
    ...(standard ? [] : [fieldInvalid(path, name, 'must be a standard resource type or fully qualified')]),
    fieldInvalid(path, name, 'must be a standard resource for containers'),
  ]
}

function amountErrors(name: string, amount: Quantity, path: string): readonly FieldError[] {
  const errors: FieldError[] = []
  if (compareQuantities(amount, '0') < 0) errors.push(fieldInvalid(path, amount, 'must be greater than or equal to 0'))
  if (name.includes('/') && !name.includes('kubernetes.io/') && milliValue(amount) % 1000 !== 0) {
    errors.push(fieldInvalid(path, amount, 'must be an integer'))
  }
  return errors
}
