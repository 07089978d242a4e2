// A problem with one field, and the sentence upstream prints for it. Validation returns lists of
// these; `invalid` in status.ts turns a list into a 422.
import { goQuote } from './go-quote.ts'

/** The `reason` of a cause in a Status. */
export type FieldErrorType =
  | 'FieldValueNotFound'
  | 'FieldValueRequired'
  | 'FieldValueDuplicate'
  | 'FieldValueInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'InternalError'
  | 'FieldValueTypeInvalid'

export interface FieldError {
  readonly type: FieldErrorType
  /** Path in upstream's form: `spec.containers[0].ports[1].name`, `metadata.labels`, `data[a/b]`. */
  readonly field: string
  /** The rule, after the value. Empty when the type says it all. */
  readonly detail: string
  /** The offending value; `OMITTED` leaves it out of the message; undefined prints as null. */
  readonly value?: unknown
}

/** Keeps the value out of the message. */
export const OMITTED: unique symbol = Symbol('omitted')

/** The path of the object as a whole, as upstream's empty path prints. */
export const WHOLE = '[]'

const TITLES: Readonly<Record<FieldErrorType, string>> = {
  FieldValueNotFound: 'Not found',
  FieldValueRequired: 'Required value',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueForbidden: 'Forbidden',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
  InternalError: 'Internal error',
  FieldValueTypeInvalid: 'Invalid value',
}

const WITHOUT_VALUE: ReadonlySet<FieldErrorType> = new Set([
  'FieldValueRequired',
  'FieldValueForbidden',
  'FieldValueTooLong',
  'InternalError',
])

/** `Invalid value: -1: must be greater than or equal to 0`: the message of a cause. */
export function fieldErrorBody(error: FieldError): string {
  let text = TITLES[error.type]
  if (!WITHOUT_VALUE.has(error.type) && error.value !== OMITTED) text += `: ${valueText(error.value)}`
  return error.detail === '' ? text : `${text}: ${error.detail}`
}

/** `spec.replicas: Invalid value: -1: must be ...`: one problem in the message of a 422. */
export function fieldErrorText(error: FieldError): string {
  return `${error.field}: ${fieldErrorBody(error)}`
}

/** Several problems as upstream joins them: repeated ones once, `[a, b]` when there are two or more. */
export function fieldErrorsText(errors: readonly FieldError[]): string {
  return aggregate(errors.map(fieldErrorText))
}

/** `a`, or `[a, b]`; repeated texts once. */
export function aggregate(texts: readonly string[]): string {
  const unique = [...new Set(texts)]
  return unique.length === 1 ? (unique[0] ?? '') : `[${unique.join(', ')}]`
}

function valueText(value: unknown): string {
  if (typeof value === 'string') return goQuote(value)
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  return (JSON.stringify(value ?? null) ?? 'null').replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** `field: Invalid value: value: detail` */
export function fieldInvalid(field: string, value: unknown, detail: string): FieldError {
  return { type: 'FieldValueInvalid', field, value, detail }
}

/** `field: Required value` with an optional `: detail` */
export function fieldRequired(field: string, detail = ''): FieldError {
  return { type: 'FieldValueRequired', field, detail }
}

/** `field: Forbidden: detail` */
export function fieldForbidden(field: string, detail: string): FieldError {
  return { type: 'FieldValueForbidden', field, detail }
}

/** `field: Duplicate value: value` */
export function fieldDuplicate(field: string, value: unknown): FieldError {
  return { type: 'FieldValueDuplicate', field, value, detail: '' }
}

/** `field: Not found: value` */
export function fieldNotFound(field: string, value: unknown): FieldError {
  return { type: 'FieldValueNotFound', field, value, detail: '' }
}

/** `field: Unsupported value: value: supported values: "a", "b"`. Upstream sorts most lists; pass them in order. */
export function fieldNotSupported(field: string, value: unknown, supported: readonly string[]): FieldError {
  const detail = supported.length === 0 ? '' : `supported values: ${supported.map(goQuote).join(', ')}`
  return { type: 'FieldValueNotSupported', field, value, detail }
}

/** `field: Too long: may not be more than maxBytes bytes`; a negative maxBytes: `value is too long` */
export function fieldTooLong(field: string, maxBytes: number): FieldError {
  const unit = maxBytes === 1 ? 'byte' : 'bytes'
  const detail = maxBytes < 0 ? 'value is too long' : `may not be more than ${maxBytes} ${unit}`
  return { type: 'FieldValueTooLong', field, detail }
}

/** `field: Too many: actual: must have at most max items`; a negative actual is left out */
export function fieldTooMany(field: string, actual: number, max: number): FieldError {
  const detail = max < 0 ? 'has too many items' : `must have at most ${max} ${max === 1 ? 'item' : 'items'}`
  return { type: 'FieldValueTooMany', field, value: actual < 0 ? OMITTED : actual, detail }
}
