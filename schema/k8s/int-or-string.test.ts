import { expect, test } from 'vitest'
import { scaledValue } from './int-or-string.ts'

test.each<[number | string, number, 'up' | 'down', number]>([
  [3, 10, 'up', 3],
  ['25%', 10, 'up', 3],
  ['25%', 10, 'down', 2],
  ['0%', 10, 'up', 0],
  ['100%', 7, 'down', 7],
])('%s of %d rounded %s is %d', (value, total, round, wanted) => {
  expect(scaledValue(value, total, round)).toBe(wanted)
})

test('other text is refused', () => {
  expect(() => scaledValue('5', 10, 'up')).toThrow(
    'invalid value for IntOrString: invalid type: string is not a percentage',
  )
  expect(() => scaledValue('x%', 10, 'up')).toThrow('invalid value "x%"')
})
