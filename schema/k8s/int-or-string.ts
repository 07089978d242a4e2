// `maxSurge: 25%` or `maxSurge: 2`: a count, or a share of a total.
import { DecodeError } from './decode-error.ts'
import { goQuote } from './go-quote.ts'

/**
 * The count a value stands for: a number as it is, a percentage of `total` rounded up or down.
 * Throws a DecodeError for any other text.
 */
export function scaledValue(value: number | string, total: number, round: 'up' | 'down'): number {
  if (typeof value === 'number') return value
  const share = percentOf(value)
  const exact = (share * total) / 100
  return round === 'up' ? Math.ceil(exact) : Math.floor(exact)
}

/** 25 for `25%`. Throws a DecodeError for any other text. */
function percentOf(value: string): number {
  if (!value.endsWith('%'))
    throw new DecodeError('invalid value for IntOrString: invalid type: string is not a percentage')
  const digits = value.slice(0, -1)
  if (!/^[-+]?\d{1,15}$/.test(digits)) {
    throw new DecodeError(
      `invalid value for IntOrString: invalid value ${goQuote(value)}: strconv.Atoi: parsing ${goQuote(digits)}: invalid syntax`,
    )
  }
  return Number(digits)
}
