// JSON from clients: JSON.parse for the value, and one pass over the text for what JSON.parse hides:
// keys that occur twice, integers that a double cannot hold, and nesting without end.
import { DecodeError } from './decode-error.ts'

/** Objects and lists inside each other. */
const MAX_JSON_DEPTH = 1000
/** Duplicates whose path is worked out, which costs as much as the path is long. Upstream reports 100. */
const MAX_NAMED = 100
/** A longer key is cut in a path. */
const MAX_KEY = 256

export interface ReadJson {
  readonly value: unknown
  /** Paths of keys that occur more than once, in upstream's form: `spec.bar`, `spec.containers[0].name`. */
  readonly duplicates: readonly string[]
}

/**
 * Reads JSON. As in Go, the last of two equal keys wins. Throws a DecodeError on malformed text, on
 * an integer beyond 2^53, on a number beyond 1.8e308 and on nesting deeper than 1,000.
 */
export function readJson(text: string): ReadJson {
  const duplicates = scan(text)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new DecodeError(`invalid JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  return { value, duplicates }
}

/** One open object or list. */
interface Open {
  /** keys seen, for an object; undefined for a list */
  readonly keys: Set<string> | undefined
  /** where in the list we are */
  index: number
  /** the key whose value is being read */
  key: string
}

const QUOTE = 34
const COMMA = 44
const MINUS = 45
const COLON = 58
const OPEN_LIST = 91
const BACKSLASH = 92
const CLOSE_LIST = 93
const OPEN_OBJECT = 123
const CLOSE_OBJECT = 125

/**
 * Assumes the text is valid where it is not told otherwise: JSON.parse judges that afterwards.
 * A string is a key when the next thing behind it is a colon.
 */
function scan(text: string): readonly string[] {
  const duplicates = new Set<string>()
  const stack: Open[] = []
  let top: Open | undefined
  let named = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      const end = endOfString(text, at)
      if (top?.keys !== undefined && colonFollows(text, end)) {
        const key = textOf(text, at, end)
        if (!top.keys.has(key)) top.keys.add(key)
        else if (named++ < MAX_NAMED) duplicates.add(pathOf(stack, key))
        top.key = key
      }
      at = end - 1
    } else if (code === OPEN_OBJECT || code === OPEN_LIST) {
      if (stack.length >= MAX_JSON_DEPTH) throw new DecodeError(`JSON is nested deeper than ${MAX_JSON_DEPTH}`)
      top = { keys: code === OPEN_OBJECT ? new Set() : undefined, index: 0, key: '' }
      stack.push(top)
    } else if (code === CLOSE_OBJECT || code === CLOSE_LIST) {
      stack.pop()
      top = stack.at(-1)
    } else if (code === COMMA) {
      if (top !== undefined) top.index++
    } else if (code === MINUS || (code >= 48 && code <= 57)) {
      at = checkNumber(text, at, stack) - 1
    }
  }
  return [...duplicates]
}

/** The offset behind the closing quote, or behind the text when there is none. */
function endOfString(text: string, start: number): number {
  let at = start + 1
  for (;;) {
    const end = text.indexOf('"', at)
    if (end === -1) return text.length
    let slashes = 0
    while (end - 1 - slashes > start && text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++
    if (slashes % 2 === 0) return end + 1
    at = end + 1
  }
}

function colonFollows(text: string, from: number): boolean {
  let at = from
  while (at < text.length && text.charCodeAt(at) <= 32) at++
  return text.charCodeAt(at) === COLON
}

function textOf(text: string, start: number, end: number): string {
  const inner = text.slice(start + 1, end - 1)
  if (!inner.includes('\\')) return inner
  try {
    return String(JSON.parse(text.slice(start, end)))
  } catch {
    return inner
  }
}

/** Refuses an integer that a double would change, and answers the offset behind the number. */
function checkNumber(text: string, start: number, stack: readonly Open[]): number {
  let end = start + 1
  let integer = true
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end)
    if (code >= 48 && code <= 57) continue
    if (code !== 46 && code !== 43 && code !== 45 && code !== 69 && code !== 101) break
    integer = false
  }
  if (integer && end - start >= 16 && !Number.isSafeInteger(Number(text.slice(start, end)))) {
    const number = end - start > 40 ? `${text.slice(start, start + 40)}...` : text.slice(start, end)
    throw new DecodeError(`the integer ${number} of ${placeOf(stack)} is beyond 2^53`)
  }
  if (!integer && !Number.isFinite(Number(text.slice(start, end))) && /^[-+.eE\d]+$/.test(text.slice(start, end))) {
    throw new DecodeError(`a number of ${placeOf(stack)} is beyond the largest double`)
  }
  return end
}

function placeOf(stack: readonly Open[]): string {
  return pathOf(stack.slice(0, -1), stack.at(-1)) || 'the document'
}

/** The path of `last`, a key of the innermost object, or of the place an open object or list is at. */
function pathOf(stack: readonly Open[], last: string | Open | undefined): string {
  let path = ''
  const step = (key: string): void => {
    const short = key.length > MAX_KEY ? `${key.slice(0, MAX_KEY)}...` : key
    path += path === '' ? short : `.${short}`
  }
  const enter = (open: Open): void => {
    if (open.keys === undefined) path += `[${open.index}]`
    else step(open.key)
  }
  const outer = typeof last === 'string' ? stack.slice(0, -1) : stack
  for (const open of outer) enter(open)
  if (typeof last === 'string') step(last)
  else if (last !== undefined) enter(last)
  return path
}
