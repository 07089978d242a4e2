import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DecodeError } from './decode-error.ts'
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  milliValue,
  parseQuantity,
  printQuantity,
  subtractQuantities,
  wholeValue,
} from './quantity.ts'

describe('a quantity is printed as upstream prints it', () => {
  test.each([
    ['0', '0'],
    ['0Gi', '0'],
    ['100m', '100m'],
    ['1000m', '1'],
    ['1500m', '1500m'],
    ['0.5', '500m'],
    ['.5', '500m'],
    ['1.5', '1500m'],
    ['1Gi', '1Gi'],
    ['1024Mi', '1Gi'],
    ['1536Mi', '1536Mi'],
    ['1.5Gi', '1536Mi'],
    ['0.5Gi', '512Mi'],
    ['1023Ki', '1023Ki'],
    ['1e3', '1e3'],
    ['1E3', '1E3'],
    ['1e4', '10e3'],
    ['1000', '1k'],
    ['10000', '10k'],
    ['1000000', '1M'],
    ['12345', '12345'],
    ['1.234', '1.234'],
    ['0.1n', '1n'],
    ['-1', '-1'],
    ['-1000m', '-1'],
    ['0.5Ki', '512'],
    ['1Ki', '1Ki'],
    ['100Ki', '100Ki'],
    ['9223372036854775808Ki', '9223372036854775807'],
    ['1M', '1M'],
    ['1000M', '1G'],
    ['2.5G', '2500M'],
    ['1.', '1.'],
  ])('%s is %s', (given, printed) => {
    expect(canonicalQuantity(given)).toBe(printed)
  })
})

test.each(['', 'a', '1i', '1.1.1', '1 Gi', '--1', '1GiB', '0x10', '1e', `1e${'9'.repeat(30)}`, '1'.repeat(500)])(
  '%j is refused',
  (text) => {
    expect(() => parseQuantity(text)).toThrow(DecodeError)
  },
)

test('numbers count like their text', () => {
  expect(canonicalQuantity(0.1)).toBe('100m')
  expect(canonicalQuantity(1e21)).toBe('1e+21')
})

test('amounts are rounded up to thousandths and units', () => {
  expect(milliValue('100m')).toBe(100)
  expect(milliValue('0.0001')).toBe(1)
  expect(milliValue('2')).toBe(2000)
  expect(wholeValue('1100m')).toBe(2)
  expect(wholeValue('1Gi')).toBe(1073741824)
  expect(wholeValue('-1500m')).toBe(-2)
})

test('comparing and adding is exact across formats', () => {
  expect(compareQuantities('1024Mi', '1Gi')).toBe(0)
  expect(compareQuantities('999m', '1')).toBe(-1)
  expect(printQuantity(addQuantities('100m', '0.2'))).toBe('300m')
  expect(printQuantity(addQuantities('0', '1Gi'))).toBe('1Gi')
  expect(printQuantity(subtractQuantities('1Gi', '512Mi'))).toBe('512Mi')
})

test('printing is a fixed point, and text is parsed or refused', () => {
  const text = fc.tuple(
    fc.constantFrom('', '-', '+'),
    fc.stringMatching(/^\d{1,12}(\.\d{0,6})?$/),
    fc.constantFrom('', 'n', 'u', 'm', 'k', 'M', 'G', 'T', 'Ki', 'Mi', 'Gi', 'Ti', 'e2', 'E-3', 'e+5'),
  )
  fc.assert(
    fc.property(text, (parts) => {
      const once = canonicalQuantity(parts.join(''))
      expect(canonicalQuantity(once)).toBe(once)
      expect(compareQuantities(once, parts.join(''))).toBe(0)
    }),
  )
  fc.assert(
    fc.property(fc.string(), (any) => {
      try {
        parseQuantity(any)
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
      }
    }),
  )
})
