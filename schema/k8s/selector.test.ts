import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DecodeError } from './decode-error.ts'
import { matchesFields, parseFieldSelector } from './field-selector.ts'
import {
  EVERYTHING,
  labelMatchOf,
  labelMatchOfSet,
  matches,
  NOTHING,
  parseLabelSelector,
  printLabelMatch,
} from './selector.ts'

const labels = { a: 'b', c: 'x', n: '5', 'example.com/e': '' }

describe('label selectors', () => {
  test.each([
    ['', true],
    ['a=b', true],
    ['a==b', true],
    ['a = b , c!=y', true],
    ['a=c', false],
    ['c!=x', false],
    ['missing!=x', true],
    ['c in (x,y)', true],
    ['c in (y)', false],
    ['c notin (y)', true],
    ['missing notin (y)', true],
    ['a', true],
    ['!a', false],
    ['!missing', true],
    ['n>4', true],
    ['n<5', false],
    ['a>4', false],
    ['example.com/e=', true],
    ['example.com/e in ()', true],
    ['in=x', false],
    ['a=b,', undefined],
  ])('%j', (text, wanted) => {
    if (wanted === undefined) expect(() => parseLabelSelector(text)).toThrow(DecodeError)
    else expect(matches(parseLabelSelector(text), labels)).toBe(wanted)
  })

  test.each([
    ['a=b,', "found '', expected: identifier after ','"],
    [',a', "found ',', expected: !, identifier, or 'end of string'"],
    ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ['a in x', "unable to parse requirement: found 'x' expected: '('"],
    ['a in (x', "unable to parse requirement: found '', expected: ',' or ')'"],
    ['a=b c', "found 'c', expected: ',' or 'end of string'"],
    [
      'a>x',
      "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
    ],
    ['a=-', 'unable to parse requirement: values[0][a]: Invalid value: "-": a valid label must be an empty string or'],
    ['-=a', 'unable to parse requirement: <nil>: Invalid value: "-": name part must consist of'],
  ])('%j is refused', (text, message) => {
    expect(() => parseLabelSelector(text)).toThrow(message)
  })

  test('an object selects like the text', () => {
    const match = labelMatchOf({
      matchLabels: { a: 'b' },
      matchExpressions: [
        { key: 'c', operator: 'In', values: ['y', 'x'] },
        { key: 'd', operator: 'DoesNotExist' },
      ],
    })
    expect(printLabelMatch(match)).toBe('a=b,c in (x,y),!d')
    expect(matches(match, labels)).toBe(true)
    expect(labelMatchOf(undefined)).toEqual(NOTHING)
    expect(labelMatchOf({})).toEqual(EVERYTHING)
    expect(matches(NOTHING, {})).toBe(false)
    expect(matches(labelMatchOfSet({ a: 'b' }), labels)).toBe(true)
    expect(() => labelMatchOf({ matchExpressions: [{ key: 'a', operator: 'Near' }] })).toThrow(
      '"Near" is not a valid label selector operator',
    )
    expect(() => labelMatchOf({ matchExpressions: [{ key: 'a', operator: 'In' }] })).toThrow(
      "values set can't be empty",
    )
  })

  test('what is printed reads back, and text is read or refused', () => {
    const soup = fc.array(
      fc.constantFrom('a', 'b', 'in', 'notin', ',', '(', ')', '=', '==', '!=', '!', '>', '<', ' ', '1', 'x/y', '-'),
      { maxLength: 12 },
    )
    fc.assert(
      fc.property(soup, (words) => {
        try {
          const match = parseLabelSelector(words.join(''))
          expect(parseLabelSelector(printLabelMatch(match))).toEqual(match)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
      { numRuns: 3000 },
    )
  })
})

describe('field selectors', () => {
  test.each([
    ['', true],
    ['metadata.name=x', true],
    ['metadata.name==x,status.phase!=Running', true],
    ['metadata.name!=x', false],
    ['spec.nodeName=', true],
    ['k=a\\,b\\=c\\\\', true],
  ])('%j', (text, wanted) => {
    expect(
      matchesFields(parseFieldSelector(text), { 'metadata.name': 'x', 'status.phase': 'Pending', k: 'a,b=c\\' }),
    ).toBe(wanted)
  })
  test.each([
    ['x', "invalid selector: 'x'; can't understand 'x'"],
    ['a=b=c', 'invalid field selector: unescaped character in value: 61'],
    ['a=\\b', 'invalid field selector: invalid escape sequence: \\b'],
    ['a=b\\', 'invalid field selector: invalid escape sequence: \\'],
  ])('%j is refused', (text, message) => {
    expect(() => parseFieldSelector(text)).toThrow(message)
  })
})
