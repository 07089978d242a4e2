/** Small building blocks of validation: a rule's problems become errors with a path and a value. */
import type { FieldError } from '../../schema/k8s/field-error.ts'
import { fieldInvalid, fieldNotSupported, fieldRequired } from '../../schema/k8s/field-error.ts'

/** Each problem as `path: Invalid value: value: problem`. */
export function invalidEach(path: string, value: unknown, problems: readonly string[]): readonly FieldError[] {
  return problems.map((problem) => fieldInvalid(path, value, problem))
}

/** Required when empty, else each problem of the rule. */
export function requiredAnd(
  path: string,
  value: string | undefined,
  rule: (value: string) => readonly string[],
): readonly FieldError[] {
  if (value === undefined || value === '') return [fieldRequired(path)]
  return invalidEach(path, value, rule(value))
}

/** Nothing when absent or empty, else each problem of the rule. */
export function optionalAnd(
  path: string,
  value: string | undefined,
  rule: (value: string) => readonly string[],
): readonly FieldError[] {
  return value === undefined || value === '' ? [] : invalidEach(path, value, rule(value))
}

/** Required when empty, else one of the supported values. */
export function oneOf(path: string, value: string | undefined, supported: readonly string[]): readonly FieldError[] {
  if (value === undefined || value === '') return [fieldRequired(path)]
  return supported.includes(value) ? [] : [fieldNotSupported(path, value, supported)]
}

export function notNegative(path: string, value: number | undefined): readonly FieldError[] {
  return value === undefined || value >= 0 ? [] : [fieldInvalid(path, value, 'must be greater than or equal to 0')]
}
