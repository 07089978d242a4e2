// Kubernetes quantities, exact: `100m`, `1Gi`, `1e3`, `0.5`. An amount is a count of billionths
// (nano-units) in a bigint; anything finer is rounded away from zero, as upstream does.
import { DecodeError } from './decode-error.ts'

export interface Amount {
  /** billionths of the unit */
  readonly nano: bigint
  /** how it is printed: 1000s, 1024s, or an exponent */
  readonly format: 'decimal' | 'binary' | 'exponent'
  /** the client's own spelling where upstream keeps it */
  readonly text?: string
}

const DECIMAL: Readonly<Record<string, number>> = { '': 0, n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }
const BINARY: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 }
const DECIMAL_NAMES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(DECIMAL).map(([name, power]) => [power, name]),
)
const BINARY_NAMES = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']

const NANO = 1_000_000_000n
const MAX_INT64 = 9223372036854775807n
/** Longer texts and larger exponents have no use and would cost time. */
const MAX_LENGTH = 256
const MAX_EXPONENT = 256

const FORM = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
const SUFFIX = "unable to parse quantity's suffix"

/**
 * Quantities are few and repeat: each text is read once. Longer ones are not remembered: V8 keeps a part of a text that
 * has 13 characters or more as a view of the whole, which may be a body of megabytes.
 */
const LONGEST_KNOWN = 12
const MOST_KNOWN = 10_000
const known = new Map<string, Amount>()

/** Reads a quantity. Throws a DecodeError with upstream's sentence. */
export function parseQuantity(text: string): Amount {
  const found = known.get(text)
  if (found !== undefined) return found
  const amount = read(text)
  if (text.length > LONGEST_KNOWN) return amount
  if (known.size >= MOST_KNOWN) known.clear()
  known.set(text, amount)
  return amount
}

function read(text: string): Amount {
  const found =
    text.length > MAX_LENGTH || text === '' ? null : /^([+-]?)(\d*)(?:\.(\d*))?([eEinumkKMGTP]*[-+]?\d*)$/.exec(text)
  if (found === null) throw new DecodeError(FORM)
  const [, sign = '', whole = '', fraction = '', suffix = ''] = found
  const { format, ten, two } = interpret(suffix)
  const digits = whole.replace(/^0+/, '') || '0'
  const shifted = BigInt(digits + fraction)
  const magnitude = scaled(shifted, ten - fraction.length, two)
  // Upstream never stores more than 2^63-1 of a binary amount, and below 1 it stops being binary.
  const capped = format === 'binary' && magnitude > MAX_INT64 * NANO ? MAX_INT64 * NANO : magnitude
  const shape = format === 'binary' && capped < NANO && capped > 0n ? 'decimal' : format
  const nano = sign === '-' ? -capped : capped
  return keepsSpelling(digits, fraction, shifted, { format, ten, two })
    ? { nano, format, text }
    : { nano, format: shape }
}

/** The spelling upstream prints: `1000m` becomes `1`, `0.5` becomes `500m`, `1024Mi` becomes `1Gi`. */
export function canonicalQuantity(value: string | number): string {
  return printQuantity(parseQuantity(typeof value === 'number' ? String(value) : value.trim()))
}

/** Prints an amount in its format, `0` for nothing. */
export function printQuantity(amount: Amount): string {
  if (amount.text !== undefined) return amount.text
  if (amount.nano === 0n) return '0'
  const size = amount.nano < 0n ? -amount.nano : amount.nano
  if (amount.format === 'binary' && size >= 1024n * NANO && amount.nano % NANO === 0n)
    return printBinary(amount.nano / NANO)
  return printDecimal(amount.nano, amount.format === 'exponent')
}

/** a < b: negative; a > b: positive; equal: 0. */
export function compareQuantities(a: string | number | Amount, b: string | number | Amount): number {
  const left = amountOf(a).nano
  const right = amountOf(b).nano
  return left < right ? -1 : left > right ? 1 : 0
}

/** a + b, printed in a's format, or in b's when a is nothing. */
export function addQuantities(a: string | number | Amount, b: string | number | Amount): Amount {
  return sum(amountOf(a), amountOf(b), 1n)
}

/** a - b, printed in a's format, or in b's when a is nothing. */
export function subtractQuantities(a: string | number | Amount, b: string | number | Amount): Amount {
  return sum(amountOf(a), amountOf(b), -1n)
}

/** Whole units, rounded away from zero: `1100m` is 2. Exact up to 2^53. */
export function wholeValue(quantity: string | number | Amount): number {
  return Number(ceiling(amountOf(quantity).nano, NANO))
}

/** Thousandths, rounded away from zero: `1.5` is 1500. Exact up to 2^53. */
export function milliValue(quantity: string | number | Amount): number {
  return Number(ceiling(amountOf(quantity).nano, 1_000_000n))
}

function amountOf(value: string | number | Amount): Amount {
  return typeof value === 'object' ? value : parseQuantity(String(value))
}

function sum(a: Amount, b: Amount, sign: bigint): Amount {
  return { nano: a.nano + sign * b.nano, format: a.nano === 0n ? b.format : a.format }
}

function interpret(suffix: string): { readonly format: Amount['format']; readonly ten: number; readonly two: number } {
  const ten = Object.hasOwn(DECIMAL, suffix) ? DECIMAL[suffix] : undefined
  if (ten !== undefined) return { format: 'decimal', ten, two: 0 }
  const two = Object.hasOwn(BINARY, suffix) ? BINARY[suffix] : undefined
  if (two !== undefined) return { format: 'binary', ten: 0, two }
  if (!/^[eE][-+]?\d+$/.test(suffix)) throw new DecodeError(SUFFIX)
  const exponent = Number(suffix.slice(1))
  if (Math.abs(exponent) > MAX_EXPONENT) throw new DecodeError(SUFFIX)
  return { format: 'exponent', ten: exponent, two: 0 }
}

/** mantissa * 10^ten * 2^two in billionths, rounded up. */
function scaled(mantissa: bigint, ten: number, two: number): bigint {
  const power = ten + 9
  const shifted = mantissa << BigInt(two)
  return power >= 0 ? shifted * 10n ** BigInt(power) : ceiling(shifted, 10n ** BigInt(-power))
}

/** Division rounding away from zero. */
function ceiling(value: bigint, by: bigint): bigint {
  const quotient = value / by
  if (value % by === 0n) return quotient
  return value < 0n ? quotient - 1n : quotient + 1n
}

/** Upstream keeps the client's text when its quick check finds it canonical already. */
function keepsSpelling(
  digits: string,
  fraction: string,
  shifted: bigint,
  { format, ten, two }: { readonly format: Amount['format']; readonly ten: number; readonly two: number },
): boolean {
  const scale = ten - fraction.length
  if (format === 'binary') {
    const precision = 15 - digits.length - Math.trunc((two * 3) / 10) - 1
    return fraction === '' && precision >= 0 && shifted << BigInt(two) <= MAX_INT64 && (shifted & 7n) !== 0n
  }
  if (18 - digits.length - fraction.length < 0 || scale < -9) return false
  const text = digits + fraction
  return scale % 3 === 0 && !text.endsWith('000') && !text.startsWith('0')
}

function printDecimal(nano: bigint, asExponent: boolean): string {
  let mantissa = nano
  let power = -9
  const limit = asExponent ? Number.POSITIVE_INFINITY : 18
  while (mantissa % 1000n === 0n && power + 3 <= limit) {
    mantissa /= 1000n
    power += 3
  }
  if (asExponent) return power === 0 ? String(mantissa) : `${mantissa}e${power}`
  return `${mantissa}${DECIMAL_NAMES[power] ?? ''}`
}

function printBinary(units: bigint): string {
  let mantissa = units
  let power = 0
  while (mantissa % 1024n === 0n && power < 6) {
    mantissa /= 1024n
    power++
  }
  return `${mantissa}${BINARY_NAMES[power] ?? ''}`
}
