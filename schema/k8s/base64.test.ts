import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromBase64, toBase64 } from './base64.ts'
import { fromUtf8, toUtf8, utf8Length } from './utf8.ts'

test('base64 goes both ways for any bytes, as the platform does it', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20_000 }), (bytes) => {
      const text = toBase64(bytes)
      expect(text).toBe(btoa(String.fromCharCode(...bytes)))
      expect(fromBase64(text)).toEqual(bytes)
    }),
  )
})

test('line breaks are skipped and bad characters named', () => {
  expect(fromBase64('YW\nJj\r\n')).toEqual(toUtf8('abc'))
  expect(() => fromBase64('ab!=')).toThrow('illegal base64 data at input byte 2')
  expect(() => fromBase64('abc')).toThrow('illegal base64 data at input byte 0')
})

test('UTF-8 goes both ways for any text, as the platform does it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 5000 }), (text) => {
      const bytes = toUtf8(text)
      expect(bytes).toEqual(new TextEncoder().encode(text))
      expect(bytes.length).toBe(utf8Length(text))
      expect(fromUtf8(bytes)).toBe(text)
    }),
  )
})

test('malformed UTF-8 is refused exactly where the platform refuses it', () => {
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
      let wanted: string | undefined
      try {
        wanted = strict.decode(bytes)
      } catch {
        wanted = undefined
      }
      let got: string | undefined
      try {
        got = fromUtf8(bytes)
      } catch {
        got = undefined
      }
      expect(got).toBe(wanted)
    }),
    { numRuns: 5000 },
  )
})
