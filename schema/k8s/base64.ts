// Standard base64 (RFC 4648, padded) by hand: the pure rooms have no platform to ask.
import { DecodeError } from './decode-error.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const CODES = Uint8Array.from(ALPHABET, (char) => char.charCodeAt(0))
const VALUES = new Uint8Array(128).fill(255)
CODES.forEach((code, value) => {
  VALUES[code] = value
})
const PAD = 61
/** Bytes that make one call of String.fromCharCode; a multiple of 3. */
const CHUNK = 6144

/** Bytes to padded base64. */
export function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (let start = 0; start < bytes.length; start += CHUNK) {
    const part = bytes.subarray(start, start + CHUNK)
    const codes = new Uint8Array(Math.ceil(part.length / 3) * 4)
    let at = 0
    for (let i = 0; i < part.length; i += 3) {
      const a = part[i] ?? 0
      const b = part[i + 1] ?? 0
      const c = part[i + 2] ?? 0
      codes[at++] = CODES[a >> 2] ?? 0
      codes[at++] = CODES[((a & 3) << 4) | (b >> 4)] ?? 0
      codes[at++] = i + 1 < part.length ? (CODES[((b & 15) << 2) | (c >> 6)] ?? 0) : PAD
      codes[at++] = i + 2 < part.length ? (CODES[c & 63] ?? 0) : PAD
    }
    text += String.fromCharCode.apply(null, codes as unknown as number[])
  }
  return text
}

/**
 * Padded base64 to bytes; line breaks are skipped, as Go does. Throws a DecodeError naming the first
 * bad byte: `illegal base64 data at input byte 3`.
 */
export function fromBase64(text: string): Uint8Array {
  const clean = /[\r\n]/.test(text) ? text.replace(/[\r\n]/g, '') : text
  const padding = clean.endsWith('==') ? 2 : clean.endsWith('=') ? 1 : 0
  const digits = clean.length - padding
  let bits = 0
  let held = 0
  let at = 0
  const bytes = new Uint8Array(Math.floor((digits * 6) / 8))
  for (let i = 0; i < digits; i++) {
    const code = clean.charCodeAt(i)
    const value = code < 128 ? (VALUES[code] ?? 255) : 255
    if (value === 255) throw new DecodeError(`illegal base64 data at input byte ${i}`)
    held = ((held << 6) | value) & 0xffff
    bits += 6
    if (bits >= 8) {
      bits -= 8
      bytes[at++] = (held >> bits) & 255
    }
  }
  if (clean.length % 4 !== 0 || digits % 4 === 1)
    throw new DecodeError(`illegal base64 data at input byte ${digits - (digits % 4)}`)
  return bytes
}
