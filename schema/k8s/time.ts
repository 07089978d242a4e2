// Timestamps: RFC 3339 in, UTC out, as metav1.Time (seconds) and metav1.MicroTime (six digits); and
// kubectl's short durations. It may use Date to convert, and has no "now".
import { DecodeError } from './decode-error.ts'
import { toUtf8 } from './utf8.ts'

/** A point in time: whole seconds since 1970 and nanoseconds within the second. */
export interface Instant {
  readonly seconds: number
  readonly nanos: number
}

/** Go's zero time, which JSON prints as null. */
export const ZERO_SECONDS = -62135596800
/** 9999-12-31T23:59:59Z, the last second RFC 3339 can name. */
const LAST_SECONDS = 253402300799

const SECONDS_LAYOUT = '2006-01-02T15:04:05Z07:00'
const MICRO_LAYOUT = '2006-01-02T15:04:05.000000Z07:00'

/** Reads an RFC 3339 timestamp, fractions and offsets included. Throws a DecodeError with Go's sentence. */
export function parseInstant(text: string, layout: 'seconds' | 'micro' = 'seconds'): Instant {
  const found = /^(\d{4})-(\d\d)-(\d\d)T(\d\d?):(\d\d):(\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)$/.exec(text)
  const fraction = found?.[7]
  if (found === null || (layout === 'micro' && fraction?.length !== 6)) throw new DecodeError(whyNot(text, layout))
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const zone = found[8] ?? 'Z'
  const range = outOfRange(year, month, day, hour, minute, second)
  if (range !== undefined) throw new DecodeError(`parsing time ${quoted(text)}: ${range} out of range`)
  // Years below 100 mean others to Date: the calendar repeats every 400 years.
  const ms = Date.UTC(year + 400, month - 1, day, hour, minute, second) - CYCLE_MS
  if (zone !== 'Z' && Number(zone.slice(1, 3)) > 24)
    throw new DecodeError(`parsing time ${quoted(text)}: time zone offset hour out of range`)
  if (zone !== 'Z' && Number(zone.slice(4, 6)) > 60)
    throw new DecodeError(`parsing time ${quoted(text)}: time zone offset minute out of range`)
  const sign = zone.startsWith('-') ? -1 : 1
  const offset = zone === 'Z' ? 0 : sign * (Number(zone.slice(1, 3)) * 3600 + Number(zone.slice(4, 6)) * 60)
  const nanos = fraction === undefined ? 0 : Number(fraction.slice(0, 9).padEnd(9, '0'))
  return { seconds: ms / 1000 - offset, nanos }
}

/** Milliseconds since 1970, for comparing; undefined when the text is no timestamp. */
export function timeMs(text: string): number | undefined {
  try {
    const { seconds, nanos } = parseInstant(text)
    return seconds * 1000 + Math.floor(nanos / 1e6)
  } catch {
    return undefined
  }
}

/** `2026-01-02T03:04:05Z`; fractions of a second are cut off. */
export function printTime(ms: number): string {
  return printSeconds(Math.floor(ms / 1000))
}

/** `2026-01-02T03:04:05.006000Z` */
export function printMicroTime(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  return printMicroInstant({ seconds, nanos: Math.round((ms - seconds * 1000) * 1e6) })
}

/** `2026-01-02T03:04:05Z`. Throws a DecodeError outside the years 0000 to 9999. */
export function printSeconds(seconds: number): string {
  if (!(seconds >= -62167219200 && seconds <= LAST_SECONDS))
    throw new DecodeError(`a timestamp of ${seconds} seconds is outside the years 0000 to 9999`)
  if (seconds !== printed.seconds)
    printed = { seconds, text: `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z` }
  return printed.text
}

/** Most timestamps are of the same second as the one before. */
let printed = { seconds: 0, text: '1970-01-01T00:00:00Z' }

/** `2026-01-02T03:04:05.000006Z`; nanoseconds are cut to microseconds. */
export function printMicroInstant(at: Instant): string {
  const micros = String(Math.floor(at.nanos / 1000)).padStart(6, '0')
  return `${printSeconds(at.seconds).slice(0, 19)}.${micros}Z`
}

/** 400 years */
const CYCLE_MS = 146_097 * 86_400_000
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0

function outOfRange(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): string | undefined {
  if (month < 1 || month > 12) return 'month'
  if (day < 1 || day > (month === 2 && isLeap(year) ? 29 : (DAYS[month - 1] ?? 0))) return 'day'
  if (hour > 23) return 'hour'
  if (minute > 59) return 'minute'
  return second > 59 ? 'second' : undefined
}

/** Go's time package quotes in a way of its own: byte by byte, every one outside ASCII escaped. */
function quoted(text: string): string {
  const bytes = [...toUtf8(text)].map((byte) => {
    if (byte === 0x22 || byte === 0x5c) return `\\${String.fromCharCode(byte)}`
    return byte < 0x20 || byte >= 0x80 ? `\\x${byte.toString(16).padStart(2, '0')}` : String.fromCharCode(byte)
  })
  return `"${bytes.join('')}"`
}

/** Go's sentence: it names the rest of the text and the part of the layout that it does not match. */
function whyNot(text: string, layout: 'seconds' | 'micro'): string {
  const parts: readonly (readonly [string, RegExp])[] = [
    ['2006', /^\d{4}/],
    ['-', /^-/],
    ['01', /^\d\d/],
    ['-', /^-/],
    ['02', /^\d\d/],
    ['T', /^T/],
    ['15', /^\d\d?/],
    [':', /^:/],
    ['04', /^\d\d/],
    [':', /^:/],
    ['05', /^\d\d/],
    ...(layout === 'micro' ? ([['.000000', /^\.\d{6}(?!\d)/]] as const) : ([['', /^(?:[.,]\d+)?/]] as const)),
    ['Z07:00', /^(?:Z|[+-]\d\d:\d\d)/],
  ]
  const start = `parsing time ${quoted(text)}`
  let rest = text
  for (const [name, pattern] of parts) {
    const found = pattern.exec(rest)
    if (found === null) {
      return `${start} as ${quoted(layout === 'micro' ? MICRO_LAYOUT : SECONDS_LAYOUT)}: cannot parse ${quoted(rest)} as ${quoted(name)}`
    }
    rest = rest.slice(found[0].length)
  }
  return `${start}: extra text: ${quoted(rest)}`
}

/** kubectl's age: `5s`, `3m20s`, `6h5m`, `2d4h`, `2y30d`; at most two units, `0s` for none, `<invalid>` below -1 s. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000)
  if (seconds < -1) return '<invalid>'
  if (seconds < 0) return '0s'
  if (seconds < 120) return `${seconds}s`
  const minutes = Math.trunc(seconds / 60)
  if (minutes < 10) return pair(minutes, 'm', seconds % 60, 's')
  if (minutes < 180) return `${minutes}m`
  const hours = Math.trunc(minutes / 60)
  if (hours < 8) return pair(hours, 'h', minutes % 60, 'm')
  if (hours < 48) return `${hours}h`
  if (hours < 192) return pair(Math.trunc(hours / 24), 'd', hours % 24, 'h')
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24)}d`
  if (hours < 24 * 365 * 8) return pair(Math.trunc(hours / 24 / 365), 'y', Math.trunc(hours / 24) % 365, 'd')
  return `${Math.trunc(hours / 24 / 365)}y`
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`
}
