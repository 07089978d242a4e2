import { describe, expect, test } from 'vitest'
import {
  humanDuration,
  parseInstant,
  printMicroInstant,
  printMicroTime,
  printSeconds,
  printTime,
  timeMs,
} from './time.ts'

test('timestamps are read with fractions and offsets and printed in UTC', () => {
  expect(printSeconds(parseInstant('2026-01-02T03:04:05+02:00').seconds)).toBe('2026-01-02T01:04:05Z')
  expect(printMicroInstant(parseInstant('2026-01-02T03:04:05.123456789Z'))).toBe('2026-01-02T03:04:05.123456Z')
  expect(printTime(timeMs('2024-02-29T23:59:59Z') ?? 0)).toBe('2024-02-29T23:59:59Z')
  expect(printMicroTime(1500)).toBe('1970-01-01T00:00:01.500000Z')
  expect(printSeconds(parseInstant('0001-01-01T00:00:00Z').seconds)).toBe('0001-01-01T00:00:00Z')
  expect(timeMs('soon')).toBeUndefined()
})

describe('what is no timestamp is refused in the words of Go', () => {
  test.each([
    ['foo', 'parsing time "foo" as "2006-01-02T15:04:05Z07:00": cannot parse "foo" as "2006"'],
    ['2026-01-02', 'parsing time "2026-01-02" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "T"'],
    ['2026-13-02T00:00:00Z', 'parsing time "2026-13-02T00:00:00Z": month out of range'],
    ['2026-02-29T00:00:00Z', 'parsing time "2026-02-29T00:00:00Z": day out of range'],
    ['2026-02-28T00:00:00Zx', 'parsing time "2026-02-28T00:00:00Zx": extra text: "x"'],
  ])('%s', (text, message) => {
    expect(() => parseInstant(text)).toThrow(message)
  })
  test('a micro time has six digits', () => {
    expect(() => parseInstant('2026-01-02T03:04:05Z', 'micro')).toThrow('cannot parse "Z" as ".000000"')
  })
})

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
test.each([
  [-5 * SECOND, '<invalid>'],
  [-1 * SECOND, '0s'],
  [-500, '0s'],
  [0, '0s'],
  [5 * SECOND, '5s'],
  [119 * SECOND, '119s'],
  [120 * SECOND, '2m'],
  [200 * SECOND, '3m20s'],
  [10 * MINUTE, '10m'],
  [179 * MINUTE, '179m'],
  [180 * MINUTE, '3h'],
  [6 * HOUR + 5 * MINUTE, '6h5m'],
  [8 * HOUR, '8h'],
  [47 * HOUR, '47h'],
  [2 * DAY + 4 * HOUR, '2d4h'],
  [8 * DAY, '8d'],
  [729 * DAY, '729d'],
  [760 * DAY, '2y30d'],
  [3 * 365 * DAY, '3y'],
  [9 * 365 * DAY, '9y'],
])('%d ms is %s', (ms, text) => {
  expect(humanDuration(ms)).toBe(text)
})
