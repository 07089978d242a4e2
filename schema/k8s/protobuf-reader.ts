// The wire format under protobuf.ts: a cursor over bytes. Nothing is read past its end, no length is
// trusted before it is compared with what is left, and the number of fields has a limit.
import { DecodeError } from './decode-error.ts'

/** Fields read from one document; each costs at least two bytes of input. */
const MAX_FIELDS = 1_000_000
/** Messages inside messages. */
export const MAX_DEPTH = 100

export const VARINT = 0
export const FIXED64 = 1
export const BYTES = 2
const GROUP_START = 3
const GROUP_END = 4
const FIXED32 = 5

/** Counts the fields of a document, whatever message they are in. */
export interface Budget {
  left: number
}

export class Reader {
  readonly bytes: Uint8Array
  at: number
  readonly end: number
  readonly budget: Budget

  constructor(bytes: Uint8Array, at = 0, end: number = bytes.length, budget: Budget = { left: MAX_FIELDS }) {
    this.bytes = bytes
    this.at = at
    this.end = end
    this.budget = budget
  }

  /** The next field's `number * 8 + wire type`, or 0 at the end. */
  tag(): number {
    if (this.at >= this.end) return 0
    if (--this.budget.left < 0) throw new DecodeError(`protobuf: more than ${MAX_FIELDS} fields`)
    const { low, high } = this.varint()
    if (high !== 0 || low >>> 3 === 0 || low >>> 3 > 0x1fffffff)
      throw new DecodeError(`protobuf: illegal field number at byte ${this.at}`)
    return low
  }

  /** A 64-bit varint in two unsigned halves. */
  varint(): { readonly low: number; readonly high: number } {
    let low = 0
    let high = 0
    for (let i = 0; i < 10; i++) {
      const byte = this.at < this.end ? this.bytes[this.at++] : undefined
      if (byte === undefined) throw this.truncated()
      const bits = byte & 0x7f
      if (i < 4) low |= bits << (7 * i)
      else if (i === 4) {
        low |= bits << 28
        high |= bits >> 4
      } else if (i < 9) high |= bits << (7 * i - 32)
      else high |= bits << 31
      if (byte < 0x80) return { low: low >>> 0, high: high >>> 0 }
    }
    throw new DecodeError(`protobuf: a varint longer than 10 bytes at byte ${this.at}`)
  }

  /** A signed 64-bit integer; beyond 2^53 it is refused, because JSON numbers here are doubles. */
  int64(): number {
    const { low, high } = this.varint()
    const value = (high | 0) * 4294967296 + low
    if (!Number.isSafeInteger(value)) {
      const exact = BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low))
      throw new DecodeError(`protobuf: the integer ${exact} is beyond 2^53`)
    }
    return value
  }

  int32(): number {
    return this.varint().low | 0
  }

  bool(): boolean {
    const { low, high } = this.varint()
    return (low | high) !== 0
  }

  float64(): number {
    if (this.end - this.at < 8) throw this.truncated()
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset + this.at, 8)
    this.at += 8
    return view.getFloat64(0, true)
  }

  /** A length and that many bytes, not copied. */
  slice(): Uint8Array {
    const length = this.length()
    const start = this.at
    this.at += length
    return this.bytes.subarray(start, this.at)
  }

  /** A length and a cursor over that many bytes. */
  nested(): Reader {
    const length = this.length()
    const start = this.at
    this.at += length
    return new Reader(this.bytes, start, this.at, this.budget)
  }

  /** Passes over a field that is not known. */
  skip(wire: number, depth: number): void {
    if (wire === VARINT) this.varint()
    else if (wire === FIXED64) this.pass(8)
    else if (wire === BYTES) this.pass(this.length())
    else if (wire === FIXED32) this.pass(4)
    else if (wire === GROUP_START) {
      if (depth >= MAX_DEPTH) throw new DecodeError(`protobuf: nested deeper than ${MAX_DEPTH}`)
      for (let tag = this.tag(); ; tag = this.tag()) {
        if (tag === 0) throw this.truncated()
        if ((tag & 7) === GROUP_END) return
        this.skip(tag & 7, depth + 1)
      }
    } else throw new DecodeError(`protobuf: illegal wire type ${wire} at byte ${this.at}`)
  }

  private length(): number {
    const { low, high } = this.varint()
    if (high !== 0 || low > this.end - this.at) throw this.truncated()
    return low
  }

  private pass(count: number): void {
    if (count > this.end - this.at) throw this.truncated()
    this.at += count
  }

  private truncated(): DecodeError {
    return new DecodeError(`protobuf: unexpected end at byte ${this.end}`)
  }
}
