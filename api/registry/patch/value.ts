/** JSON values as the patches see them: kinds, copies, and printing as Go prints them in upstream's messages. */

export type JsonMap = Readonly<Record<string, unknown>>

export function isMap(value: unknown): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An own member; names such as `__proto__` are ordinary. */
export function member(map: JsonMap, key: string): unknown {
  return Object.hasOwn(map, key) ? map[key] : undefined
}

/** What Go calls the type of a decoded value; values of different types replace each other. */
export function goType(value: unknown): string {
  if (value === null || value === undefined) return 'nil'
  if (Array.isArray(value)) return '[]interface {}'
  if (typeof value === 'object') return 'map[string]interface {}'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'string') return 'string'
  return Number.isInteger(value) ? 'int64' : 'float64'
}

/** `map[image:x name:y]`, `[a b]`, `<nil>`: a value in upstream's sentences, at most 1,000 characters. */
export function goPrint(value: unknown): string {
  const text = print(value, 0)
  return text.length > 1000 ? `${text.slice(0, 1000)}...` : text
}

function print(value: unknown, depth: number): string {
  if (value === null || value === undefined) return '<nil>'
  if (typeof value === 'string') return value
  if (typeof value !== 'object') return JSON.stringify(value)
  if (depth > 20) return '...'
  if (Array.isArray(value)) return `[${value.map((item) => print(item, depth + 1)).join(' ')}]`
  const pairs = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `map[${pairs.map(([key, item]) => `${key}:${print(item, depth + 1)}`).join(' ')}]`
}

/** An identity of scalars that keeps `1` and `"1"` apart; maps and lists have none. */
export function scalarId(value: unknown): string | undefined {
  return typeof value === 'object' && value !== null ? undefined : `${typeof value} ${String(value)}`
}
