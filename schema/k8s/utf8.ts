// UTF-8 by hand, strict both ways: the pure rooms have no platform to ask.
import { DecodeError } from './decode-error.ts'

const CHUNK = 4096

/** Bytes to text. Throws a DecodeError on anything that is not well-formed UTF-8. */
export function fromUtf8(bytes: Uint8Array): string {
  let text = ''
  let start = 0
  let at = 0
  while (at < bytes.length) {
    const byte = bytes[at] ?? 0
    if (byte < 0x80) {
      at++
      if (at - start === CHUNK) {
        text += ascii(bytes, start, at)
        start = at
      }
      continue
    }
    text += ascii(bytes, start, at)
    const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
    let code = byte & (0xff >> (size + 1))
    for (let i = 1; i < size; i++) {
      const next = bytes[at + i]
      if (next === undefined || (next & 0xc0) !== 0x80) throw malformed(at)
      code = (code << 6) | (next & 0x3f)
    }
    const least = size === 2 ? 0x80 : size === 3 ? 0x800 : 0x10000
    if (byte < 0xc2 || byte > 0xf4 || code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
      throw malformed(at)
    text += String.fromCodePoint(code)
    at += size
    start = at
  }
  return text + ascii(bytes, start, at)
}

function ascii(bytes: Uint8Array, start: number, end: number): string {
  if (end - start < 24) {
    let text = ''
    for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i] ?? 0)
    return text
  }
  return String.fromCharCode.apply(null, bytes.subarray(start, end) as unknown as number[])
}

function malformed(at: number): DecodeError {
  return new DecodeError(`a string is not valid UTF-8 at its byte ${at}`)
}

/** Length of the text in UTF-8 bytes; an unpaired surrogate counts as U+FFFD. */
export function utf8Length(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x80) continue
    if (code < 0x800) bytes += 1
    else if (code >= 0xd800 && code <= 0xdbff && isLow(text.charCodeAt(i + 1))) {
      bytes += 2
      i++
    } else bytes += 2
  }
  return bytes
}

/** Writes the text at `at` and answers the offset after it. The target must have room for `utf8Length` bytes. */
export function writeUtf8(text: string, target: Uint8Array, at: number): number {
  let to = at
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x80) target[to++] = code
    else if (code < 0x800) {
      target[to++] = 0xc0 | (code >> 6)
      target[to++] = 0x80 | (code & 0x3f)
    } else if (code >= 0xd800 && code <= 0xdbff && isLow(text.charCodeAt(i + 1))) {
      const full = 0x10000 + ((code - 0xd800) << 10) + (text.charCodeAt(++i) - 0xdc00)
      target[to++] = 0xf0 | (full >> 18)
      target[to++] = 0x80 | ((full >> 12) & 0x3f)
      target[to++] = 0x80 | ((full >> 6) & 0x3f)
      target[to++] = 0x80 | (full & 0x3f)
    } else {
      const unit = code >= 0xd800 && code <= 0xdfff ? 0xfffd : code
      target[to++] = 0xe0 | (unit >> 12)
      target[to++] = 0x80 | ((unit >> 6) & 0x3f)
      target[to++] = 0x80 | (unit & 0x3f)
    }
  }
  return to
}

/** Text to bytes; an unpaired surrogate becomes U+FFFD. */
export function toUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(utf8Length(text))
  writeUtf8(text, bytes, 0)
  return bytes
}

function isLow(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff
}
