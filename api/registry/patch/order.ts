/**
 * The order of a merged list: items the patch names come in the patch's order, the others keep the order they had,
 * and each of those stays in front of what it was in front of where both rules allow it.
 */
import { isMap, member, scalarId } from './value.ts'

/** What an item is known by: its merge key's value, or itself when it is a scalar. */
export function itemId(item: unknown, mergeKey: string | undefined): string | undefined {
  if (mergeKey === undefined) return scalarId(item)
  if (!isMap(item) || !Object.hasOwn(item, mergeKey)) return undefined
  return scalarId(member(item, mergeKey))
}

export function ordered(
  merged: readonly unknown[],
  by: { readonly wanted: readonly unknown[]; readonly live: readonly unknown[]; readonly mergeKey: string | undefined },
): readonly unknown[] {
  const wanted = placesOf(by.wanted, by.mergeKey)
  const live = placesOf(by.live, by.mergeKey)
  const idOf = (item: unknown): string => itemId(item, by.mergeKey) ?? ''
  const mine = sorted(
    merged.filter((item) => wanted.has(idOf(item))),
    (item) => wanted.get(idOf(item)),
  )
  const theirs = sorted(
    merged.filter((item) => !wanted.has(idOf(item))),
    (item) => live.get(idOf(item)),
  )
  return interleave(theirs, mine, (item) => live.get(idOf(item)))
}

/** An item of `left` goes in front of the first of `right` that stood behind it; both keep their own order. */
function interleave(
  left: readonly unknown[],
  right: readonly unknown[],
  placeOf: (item: unknown) => number | undefined,
): readonly unknown[] {
  const result: unknown[] = []
  let at = 0
  for (const item of right) {
    const place = placeOf(item)
    while (at < left.length) {
      const other = placeOf(left[at])
      if (place === undefined || other === undefined || other >= place) break
      result.push(left[at])
      at += 1
    }
    result.push(item)
  }
  return [...result, ...left.slice(at)]
}

function placesOf(items: readonly unknown[], mergeKey: string | undefined): ReadonlyMap<string, number> {
  const places = new Map<string, number>()
  for (const [index, item] of items.entries()) {
    const id = itemId(item, mergeKey)
    if (id !== undefined && !places.has(id)) places.set(id, index)
  }
  return places
}

/** Stable; items without a place come last. */
function sorted(items: readonly unknown[], placeOf: (item: unknown) => number | undefined): readonly unknown[] {
  return items.toSorted((a, b) => (placeOf(a) ?? Infinity) - (placeOf(b) ?? Infinity) || 0)
}
