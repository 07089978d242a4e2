/** Keys as map keys and in the order of the store: (namespace, name), as SQLite compares their bytes. */
import type { Key } from './store.ts'

export function keyText(key: Key): string {
  return `${key.resource}\u0000${key.namespace}\u0000${key.name}`
}

export function describeKey(key: Key): string {
  return key.namespace === '' ? `${key.resource}/${key.name}` : `${key.resource}/${key.namespace}/${key.name}`
}

/** Names are ASCII, where the order of UTF-16 units is the order of bytes. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
