import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DecodeError } from './decode-error.ts'
import { readJson } from './json.ts'

describe('keys that occur twice are named by path', () => {
  test.each<[string, string[]]>([
    ['{"a":1,"b":{"a":2}}', []],
    ['{"a":1,"a":2}', ['a']],
    ['{"spec":{"bar":1,"x":{"bar":1},"bar":2}}', ['spec.bar']],
    [
      '{"spec":{"containers":[{"name":"a","name":"b"},{"name":"c"},{"name":"d" , "name" : "e"}]}}',
      ['spec.containers[0].name', 'spec.containers[2].name'],
    ],
    ['{"a":"a","b":["a","a","b"]}', []],
    ['{"a":1,"\\u0061":2}', ['a']],
    ['{"a\\"":1,"a\\"":{"b":1,"b":1}}', ['a"', 'a".b']],
    ['[[{"x":1,"x":1}]]', ['[0][0].x']],
    ['{"x":1,"x":1,"x":1}', ['x']],
  ])('%s', (text, duplicates) => {
    expect(readJson(text).duplicates).toEqual(duplicates)
  })
})

test('the last of two equal keys wins', () => {
  expect(readJson('{"a":1,"a":2}').value).toEqual({ a: 2 })
})

test('an integer that a double would change is refused by path', () => {
  expect(() => readJson('{"spec":{"x":[1,9007199254740993]}}')).toThrow(
    'the integer 9007199254740993 of spec.x[1] is beyond 2^53',
  )
  expect(() => readJson('9007199254740993')).toThrow('of the document')
  expect(
    readJson('{"a":9007199254740991,"b":-9007199254740991,"c":12345678901234567.5,"d":"9007199254740993"}').duplicates,
  ).toEqual([])
})

test('a number that no double can hold is refused', () => {
  expect(() => readJson('{"a":[1e400]}')).toThrow('a number of a[0] is beyond the largest double')
})

test('repeated keys cost no more than naming a hundred of them', () => {
  const text = '{"deep":'.repeat(900) + `{${'"a":1,'.repeat(100_000)}"a":1}` + '}'.repeat(900)
  expect(readJson(text).duplicates).toHaveLength(1)
})

test('nesting without end is refused', () => {
  expect(() => readJson('['.repeat(100_000))).toThrow('nested deeper than 1000')
})

test('any JSON reads as JSON.parse reads it, and has no duplicates', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      if (/\d{16}/.test(text)) return
      const read = readJson(text)
      expect(read.value).toEqual(JSON.parse(text))
      expect(read.duplicates).toEqual([])
    }),
  )
})

test('text that is no JSON is refused with a DecodeError', () => {
  const broken = fc.oneof(fc.string(), fc.stringMatching(/^[[\]{}:,"\\0-9a-]{0,40}$/))
  fc.assert(
    fc.property(broken, (text) => {
      try {
        readJson(text)
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
      }
    }),
    { numRuns: 2000 },
  )
})
