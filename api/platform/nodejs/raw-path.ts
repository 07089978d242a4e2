/**
 * Paths that `URL` would rewrite before any handler sees them: `/pods/..` becomes `/`, and so does `/pods/%2e%2e`, and a
 * backslash becomes a slash. Whoever sends one means something else than would be done, so it is refused as it came.
 */
import { badRequest, type Refusal } from '../../../schema/k8s/status.ts'

/** Says why the target of a request line is refused; undefined: `URL` leaves its path as it is. */
export function pathRefusal(target: string): Refusal | undefined {
  const query = target.indexOf('?')
  const path = query === -1 ? target : target.slice(0, query)
  // Hardly any path has one of these: the pattern is for those that do.
  if (!path.includes('/.') && !path.includes('%') && !path.includes('\\')) return undefined
  const [, segment] = REWRITTEN.exec(path) ?? []
  return segment === undefined
    ? undefined
    : badRequest(`the path has an invalid segment: ${JSON.stringify(segment.slice(0, 64))}`)
}

/** A segment `.` or `..`, however its dots are written, or one with a backslash. */
const REWRITTEN = /\/((?:\.|%2e){1,2}|[^/\\]*\\[^/]*)(?=[/#]|$)/i
