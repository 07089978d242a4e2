/**
 * Semantic equality of JSON values as upstream compares specs: order of keys does not matter, and nothing, an
 * empty string, an empty list and an empty map are the same. False and 0 differ from absent, because they mean
 * something where Go has pointers.
 */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (isMap(a) && isMap(b)) {
    return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((key) => same(a[key], b[key]))
  }
  if (isNothing(a) || isNothing(b)) return isNothing(a) && isNothing(b)
  if (!Array.isArray(a) || !Array.isArray(b)) return false
  return a.length === b.length && a.every((item, index) => same(item, b[index]))
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true
  if (Array.isArray(value)) return value.length === 0
  return isMap(value) && Object.keys(value).length === 0
}
