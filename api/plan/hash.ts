/**
 * Short names that follow from what they name. FNV-1a over canonical JSON, written in upstream's alphabet for
 * generated names (no vowels, so no words). Equal inputs make equal names on every platform, for ever: the hash of a
 * pod template is stored in ReplicaSets and must not change.
 */

const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'
/** 58 and a suffix of 5 make 63, the longest name a pod may have. */
const LONGEST_BASE = 58

/**
 * JSON with sorted keys and without anything that says nothing: undefined, null, empty texts, lists and maps. Two
 * templates that mean the same have the same canonical form.
 */
export function canonical(value: unknown): string {
  return JSON.stringify(bare(value)) ?? ''
}

/** Up to ten letters, as upstream's pod-template-hash. */
export function shortHash(text: string): string {
  return String(fnv(text, 0x811c9dc5))
    .split('')
    .map((digit) => ALPHABET[digit.charCodeAt(0) % ALPHABET.length])
    .join('')
}

/** `base` and five letters that follow from `parts`. */
export function derivedName(base: string, parts: readonly (string | number)[]): string {
  const text = parts.join('\n')
  let left = fnv(text, 0x811c9dc5) * 4096 + (fnv(text, 0x1b873593) & 4095)
  let suffix = ''
  for (let count = 0; count < 5; count++) {
    suffix += ALPHABET[left % ALPHABET.length]
    left = Math.floor(left / ALPHABET.length)
  }
  return `${base.slice(0, LONGEST_BASE)}${suffix}`
}

function fnv(text: string, seed: number): number {
  let hash = seed >>> 0
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193)
    if (unit > 0xff) hash = Math.imul(hash ^ (unit >>> 8), 0x01000193)
  }
  // FNV's low bits are weak for short texts: mix them once.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return (hash ^ (hash >>> 13)) >>> 0
}

function bare(value: unknown): unknown {
  if (value === null || value === undefined || value === '') return undefined
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map((item) => bare(item) ?? null)
  if (typeof value !== 'object') return value
  const kept = Object.entries(value)
    .map(([key, item]) => [key, bare(item)] as const)
    .filter(([, item]) => item !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  return kept.length === 0 ? undefined : Object.fromEntries(kept)
}
