// Kubernetes' $(VAR) syntax in command, args, env values and subPathExpr: `$$` is a literal `$`, an unknown
// variable stays as it was written.

export function expand(text: string, lookup: (name: string) => string | undefined): string {
  let out = ''
  for (let at = 0; at < text.length; at++) {
    const here = text[at] ?? ''
    if (here !== '$' || at + 1 >= text.length) {
      out += here
      continue
    }
    const next = text[at + 1] ?? ''
    if (next === '$') {
      out += '$'
      at++
      continue
    }
    const end = next === '(' ? text.indexOf(')', at + 2) : -1
    if (end < 0) {
      out += here + next
      at++
      continue
    }
    const name = text.slice(at + 2, end)
    out += lookup(name) ?? `$(${name})`
    at = end
  }
  return out
}
