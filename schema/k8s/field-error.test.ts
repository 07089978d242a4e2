import { expect, test } from 'vitest'
import {
  fieldDuplicate,
  fieldErrorText,
  fieldForbidden,
  fieldInvalid,
  fieldNotFound,
  fieldNotSupported,
  fieldRequired,
  fieldTooLong,
  fieldTooMany,
  OMITTED,
} from './field-error.ts'
import type { FieldError } from './field-error.ts'
import { goQuote } from './go-quote.ts'

test.each<[FieldError, string]>([
  [fieldRequired('spec.selector'), 'spec.selector: Required value'],
  [
    fieldRequired('metadata.name', 'name or generateName is required'),
    'metadata.name: Required value: name or generateName is required',
  ],
  [fieldInvalid('a', 'B"', 'bad'), 'a: Invalid value: "B\\"": bad'],
  [fieldInvalid('a', { x: '<' }, 'bad'), 'a: Invalid value: {"x":"\\u003c"}: bad'],
  [fieldInvalid('a', undefined, 'bad'), 'a: Invalid value: null: bad'],
  [fieldInvalid('a', OMITTED, 'bad'), 'a: Invalid value: bad'],
  [fieldNotSupported('a', 'x', ['a', 'b']), 'a: Unsupported value: "x": supported values: "a", "b"'],
  [fieldForbidden('a', 'why'), 'a: Forbidden: why'],
  [fieldDuplicate('a', 'x'), 'a: Duplicate value: "x"'],
  [fieldNotFound('a', 'x'), 'a: Not found: "x"'],
  [fieldTooLong('a', 5), 'a: Too long: may not be more than 5 bytes'],
  [fieldTooLong('a', 1), 'a: Too long: may not be more than 1 byte'],
  [fieldTooMany('a', 3, 2), 'a: Too many: 3: must have at most 2 items'],
])('%s', (error, text) => {
  expect(fieldErrorText(error)).toBe(text)
})

test('text is quoted as Go quotes it', () => {
  expect(goQuote('a\tb\u00e9\u200b\x01\u{1f600}\u{e0001}')).toBe('"a\\tb\u00e9\\u200b\\x01\u{1f600}\\U000e0001"')
})
