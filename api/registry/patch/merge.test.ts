import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applyMergePatch } from './merge.ts'
import type { JsonMap } from './value.ts'
import { isMap } from './value.ts'

describe('a merge patch', () => {
  test.each<readonly [JsonMap, JsonMap, JsonMap]>([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ a: 'foo' }, { a: { b: { c: null } } }, { a: { b: {} } }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    [{}, JSON.parse('{"__proto__":{"x":1}}') as JsonMap, JSON.parse('{"__proto__":{"x":1}}') as JsonMap],
  ])('%j + %j is %j', (document, patch, expected) => {
    expect(JSON.stringify(applyMergePatch(document, patch))).toBe(JSON.stringify(expected))
  })

  test.each([[[]], ['text'], [null], [3]])('%j is no patch', (patch) => {
    expect(() => applyMergePatch({}, patch)).toThrow(
      /^error decoding patch: json: cannot unmarshal (array|string|null|number) into Go value of type map\[string\]interface \{\}$/,
    )
  })

  const value = fc.letrec((tie) => ({
    map: fc.dictionary(fc.string({ maxLength: 3 }), tie('any'), { maxKeys: 4 }),
    any: fc.oneof({ maxDepth: 3 }, fc.integer(), fc.string(), fc.array(fc.integer(), { maxLength: 3 }), tie('map')),
  }))

  test('made as a difference turns one document into the other', () => {
    fc.assert(
      fc.property(value.map as fc.Arbitrary<JsonMap>, value.map as fc.Arbitrary<JsonMap>, (from, to) => {
        expect(applyMergePatch(from, difference(from, to))).toEqual(to)
      }),
    )
  })

  test('does the same twice', () => {
    fc.assert(
      fc.property(value.map as fc.Arbitrary<JsonMap>, value.map as fc.Arbitrary<JsonMap>, (document, patch) => {
        const once = applyMergePatch(document, patch)
        expect(applyMergePatch(once, patch)).toEqual(once)
      }),
    )
  })
})

function difference(from: JsonMap, to: JsonMap): JsonMap {
  const patch: [string, unknown][] = []
  for (const key of Object.keys(from)) if (!Object.hasOwn(to, key)) patch.push([key, null])
  for (const [key, value] of Object.entries(to)) {
    const old = Object.hasOwn(from, key) ? from[key] : undefined
    if (isMap(old) && isMap(value)) patch.push([key, difference(old, value)])
    else if (JSON.stringify(old) !== JSON.stringify(value)) patch.push([key, value])
  }
  return Object.fromEntries(patch)
}
