/** Rules for what steers a pod to a node: tolerations and node affinity. */
import type { FieldError } from '../../schema/k8s/field-error.ts'
import { fieldForbidden, fieldInvalid, fieldNotSupported, fieldRequired } from '../../schema/k8s/field-error.ts'
import type {
  NodeAffinity,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  Toleration,
} from '../../schema/k8s/generated/types.ts'
import { isLabelValue, isQualifiedName } from '../../schema/k8s/names.ts'
import { invalidEach, optionalAnd } from './errors.ts'

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute']

export function tolerationErrors(tolerations: readonly Toleration[], path: string): readonly FieldError[] {
  return tolerations.flatMap((one, index) => {
    const at = `${path}[${index}]`
    const { key = '', operator, value = '', effect, tolerationSeconds } = one
    const errors: FieldError[] = [...optionalAnd(`${at}.key`, key, isQualifiedName)]
    if (key === '' && operator !== 'Exists') {
      const why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
      errors.push(fieldInvalid(`${at}.operator`, operator ?? '', why))
    }
    if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
      errors.push(
        fieldInvalid(`${at}.effect`, effect ?? '', "effect must be 'NoExecute' when `tolerationSeconds` is set"),
      )
    }
    if (operator === undefined || operator === 'Equal') {
      const problems = isLabelValue(value)
      if (problems.length > 0) errors.push(fieldInvalid(`${at}.operator`, value, problems.join(';')))
    } else if (operator === 'Exists') {
      if (value !== '') {
        errors.push(fieldInvalid(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'"))
      }
    } else {
      errors.push(fieldNotSupported(`${at}.operator`, operator, ['Equal', 'Exists']))
    }
    if (effect !== undefined && !EFFECTS.includes(effect))
      errors.push(fieldNotSupported(`${at}.effect`, effect, EFFECTS))
    return errors
  })
}

export function nodeAffinityErrors(affinity: NodeAffinity | undefined, path: string): readonly FieldError[] {
  const errors: FieldError[] = []
  const required = affinity?.requiredDuringSchedulingIgnoredDuringExecution
  if (required !== undefined) {
    const at = `${path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms`
    const terms = required.nodeSelectorTerms ?? []
    if (terms.length === 0) errors.push(fieldRequired(at, 'must have at least one node selector term'))
    for (const [index, term] of terms.entries()) errors.push(...termErrors(term, `${at}[${index}]`, 'strict'))
  }
  const preferred = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
  for (const [index, { weight = 0, preference = {} }] of preferred.entries()) {
    const at = `${path}.preferredDuringSchedulingIgnoredDuringExecution[${index}]`
    if (weight <= 0 || weight > 100) errors.push(fieldInvalid(`${at}.weight`, weight, 'must be in the range 1-100'))
    errors.push(...termErrors(preference, `${at}.preference`, 'any value'))
  }
  return errors
}

function termErrors(term: NodeSelectorTerm, path: string, values: 'strict' | 'any value'): readonly FieldError[] {
  const expressions = (term.matchExpressions ?? []).flatMap((one, index) =>
    requirementErrors(one, `${path}.matchExpressions[${index}]`, values),
  )
  const fields = (term.matchFields ?? []).flatMap((one, index) => fieldErrors(one, `${path}.matchFields[${index}]`))
  return [...expressions, ...fields]
}

function requirementErrors(
  { key, operator, values = [] }: NodeSelectorRequirement,
  path: string,
  strictness: 'strict' | 'any value',
): readonly FieldError[] {
  const errors: FieldError[] = []
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) {
        errors.push(fieldRequired(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"))
      }
      break
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) {
        errors.push(
          fieldForbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
        )
      }
      break
    case 'Gt':
    case 'Lt':
      if (values.length !== 1) {
        errors.push(fieldRequired(`${path}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"))
      }
      break
    default:
      errors.push(fieldInvalid(`${path}.operator`, operator ?? '', 'not a valid selector operator'))
  }
  errors.push(...invalidEach(`${path}.key`, key, isQualifiedName(key)))
  if (strictness === 'strict') {
    for (const [index, value] of values.entries()) {
      errors.push(...invalidEach(`${path}.values[${index}]`, value, isLabelValue(value)))
    }
  }
  return errors
}

/** Only a node's name can be matched as a field. */
function fieldErrors({ key, operator, values = [] }: NodeSelectorRequirement, path: string): readonly FieldError[] {
  const errors: FieldError[] = []
  if (operator !== 'In' && operator !== 'NotIn') {
    errors.push(fieldInvalid(`${path}.operator`, operator ?? '', 'not a valid selector operator'))
  } else if (values.length !== 1) {
    const why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
    errors.push(fieldRequired(`${path}.values`, why))
  }
  if (key !== 'metadata.name') errors.push(fieldInvalid(`${path}.key`, key, 'not a valid field selector key'))
  return errors
}
