import fc from 'fast-check'
import { expect, test } from 'vitest'
import { deepEqual } from './equal.ts'

test('equal means equal as JSON, whatever the order of keys', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      expect(deepEqual(a, JSON.parse(JSON.stringify(a)))).toBe(true)
      expect(deepEqual(a, b)).toBe(canonical(a) === canonical(b))
    }),
  )
  expect(deepEqual({ a: 1, b: undefined }, { a: 1 })).toBe(true)
  expect(deepEqual({ a: '' }, {})).toBe(false)
  expect(deepEqual({ a: null }, {})).toBe(false)
})

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
