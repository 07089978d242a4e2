/**
 * What a field selector pins to one value. Only equality narrows; a selector that says anything else pins nothing there.
 * One with escapes pins nothing at all: a comma inside a value must not be taken for the start of another term.
 */
export function fieldSelectorTerms(selector: string | undefined): ReadonlyMap<string, string> {
  const terms = new Map<string, string>()
  if (selector?.includes('\\') === true) return terms
  for (const term of (selector ?? '').split(',')) {
    const found = /^\s*([A-Za-z0-9./_-]+)==?([A-Za-z0-9.-]*)\s*$/.exec(term)
    if (found?.[1] !== undefined && found[2] !== undefined) terms.set(found[1], found[2])
  }
  return terms
}
