/** Rules shared by Deployment and ReplicaSet: the selector, the template, and that one matches the other. */
import type { FieldError } from '../../schema/k8s/field-error.ts'
import { fieldForbidden, fieldInvalid, fieldNotSupported, fieldRequired } from '../../schema/k8s/field-error.ts'
import type {
  LabelSelector,
  LabelSelectorRequirement,
  PodSpec,
  PodTemplateSpec,
} from '../../schema/k8s/generated/types.ts'
import { isLabelValue, isQualifiedName } from '../../schema/k8s/names.ts'
import type { LabelMatch } from '../../schema/k8s/selector.ts'
import { labelMatchOf, matches } from '../../schema/k8s/selector.ts'
import { invalidEach } from './errors.ts'
import { annotationErrors, labelErrors } from './metadata.ts'
import { podSpecErrors } from './pod-spec-errors.ts'
import { podSpecWarnings } from './pod-warnings.ts'
import { same } from './same.ts'
import { treatmentWarnings } from './treated.ts'

export function selectorErrors(selector: LabelSelector | undefined, path: string): readonly FieldError[] {
  if (selector === undefined) return [fieldRequired(path)]
  const { matchLabels = {}, matchExpressions = [] } = selector
  const errors: FieldError[] = [...labelErrors(matchLabels, `${path}.matchLabels`)]
  for (const [index, one] of matchExpressions.entries()) {
    errors.push(...expressionErrors(one, `${path}.matchExpressions[${index}]`))
  }
  if (Object.keys(matchLabels).length + matchExpressions.length === 0) {
    errors.push(fieldInvalid(path, selector, 'empty selector is invalid for deployment'))
  }
  return errors
}

function expressionErrors(
  { key, operator, values = [] }: LabelSelectorRequirement,
  path: string,
): readonly FieldError[] {
  const errors: FieldError[] = []
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0) {
      errors.push(fieldRequired(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"))
    }
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0) {
      errors.push(
        fieldForbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
      )
    }
  } else errors.push(fieldInvalid(`${path}.operator`, operator ?? '', 'not a valid selector operator'))
  errors.push(...invalidEach(`${path}.key`, key, isQualifiedName(key)))
  for (const [index, value] of values.entries()) {
    errors.push(...invalidEach(`${path}.values[${index}]`, value, isLabelValue(value)))
  }
  return errors
}

/** The template of pods that are kept running: matched by the selector, restarted always. */
export function templateErrors(
  template: PodTemplateSpec | undefined,
  selector: LabelSelector | undefined,
  path: string,
): readonly FieldError[] {
  const labels = template?.metadata?.labels
  const errors: FieldError[] = []
  const match = matchOf(selector)
  // Upstream looks no further.
  if (match === undefined)
    return [fieldInvalid(path.replace(/template$/, 'selector'), selector, 'invalid label selector')]
  if ((match.nothing || match.requirements.length > 0) && !matches(match, labels)) {
    errors.push(fieldInvalid(`${path}.metadata.labels`, labels, '`selector` does not match template `labels`'))
  }
  const spec = template?.spec
  errors.push(
    ...labelErrors(labels, `${path}.labels`),
    ...annotationErrors(template?.metadata?.annotations, `${path}.annotations`),
    ...podSpecErrors(spec ?? { containers: [] }, `${path}.spec`, 'template'),
  )
  if (spec?.restartPolicy !== undefined && spec.restartPolicy !== 'Always') {
    errors.push(fieldNotSupported(`${path}.spec.restartPolicy`, spec.restartPolicy, ['Always']))
  }
  if (spec?.activeDeadlineSeconds !== undefined) {
    const why = 'activeDeadlineSeconds in ReplicaSet is not Supported'
    errors.push(fieldForbidden(`${path}.spec.activeDeadlineSeconds`, why))
  }
  return errors
}

export function templateWarnings(spec: PodSpec | undefined): readonly string[] {
  const path = 'spec.template.spec'
  return [...podSpecWarnings(spec, path), ...treatmentWarnings(spec, path)]
}

/** Undefined: the selector cannot be understood. No selector selects nothing. */
function matchOf(selector: LabelSelector | undefined): LabelMatch | undefined {
  try {
    return labelMatchOf(selector)
  } catch {
    return undefined
  }
}

export function selectorUpdateErrors(
  selector: LabelSelector | undefined,
  old: LabelSelector | undefined,
): readonly FieldError[] {
  return same(selector, old) ? [] : [fieldInvalid('spec.selector', selector, 'field is immutable')]
}

type Counts = Readonly<Record<string, unknown>>

/** Counters of a status: none negative, none beyond the replicas there are. */
export function countErrors(status: Counts, names: readonly string[]): readonly FieldError[] {
  const count = (name: string): number => {
    const value = status[name]
    return typeof value === 'number' ? value : 0
  }
  const errors: FieldError[] = []
  for (const name of ['observedGeneration', 'replicas', ...names]) {
    if (count(name) < 0) {
      errors.push(fieldInvalid(`status.${name}`, count(name), 'must be greater than or equal to 0'))
    }
  }
  for (const name of names) {
    if (name === 'unavailableReplicas' || count(name) <= count('replicas')) continue
    errors.push(fieldInvalid(`status.${name}`, count(name), 'cannot be greater than status.replicas'))
  }
  if (count('availableReplicas') > count('readyReplicas')) {
    const value = count('availableReplicas')
    errors.push(fieldInvalid('status.availableReplicas', value, 'cannot be greater than readyReplicas'))
  }
  return errors
}
