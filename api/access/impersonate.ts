/**
 * Who a request acts as: `kubectl --as`. An administrator may act as anybody, to see what they would be allowed; to
 * everybody else it is forbidden in upstream's words. Never ignored: an answer meant for somebody else's rights must not
 * be given with one's own.
 */
import { badRequest, forbidden } from '../../schema/k8s/status.ts'
import type { User } from './request.ts'
import { ANONYMOUS, AUTHENTICATED, MASTERS, UNAUTHENTICATED } from './user.ts'

const EXTRA = 'impersonate-extra-'
const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/

/** The user itself when nothing is asked for. */
export function actingAs(user: User, headers: Headers): User {
  const name = headers.get('impersonate-user') ?? ''
  const uid = headers.get('impersonate-uid') ?? ''
  // One header a group, which arrive joined: no group's name has a comma.
  const groups = (headers.get('impersonate-group') ?? '').split(',').flatMap((group) => group.trim() || [])
  const extra = extraOf(headers)
  if (name === '') {
    if (uid === '' && groups.length === 0 && extra === undefined) return user
    throw badRequest('a group, uid or extra was to be impersonated without a user: Impersonate-User is missing')
  }
  if (!user.groups.includes(MASTERS)) throw refusal(user, name)
  return {
    name,
    groups: groupsOf(name, groups),
    ...(uid === '' ? {} : { uid }),
    ...(extra === undefined ? {} : { extra }),
  }
}

/** A service account's groups follow from its name; everybody is either authenticated or not. */
function groupsOf(name: string, asked: readonly string[]): readonly string[] {
  const namespace = SERVICE_ACCOUNT.exec(name)?.[1]
  const own =
    asked.length === 0 && namespace !== undefined
      ? ['system:serviceaccounts', `system:serviceaccounts:${namespace}`]
      : asked
  if (own.includes(AUTHENTICATED) || own.includes(UNAUTHENTICATED)) return own
  return [...own, name === ANONYMOUS ? UNAUTHENTICATED : AUTHENTICATED]
}

/** Several values of one key arrive joined, and stay so. */
function extraOf(headers: Headers): Record<string, readonly string[]> | undefined {
  const found: [string, readonly string[]][] = []
  for (const [header, value] of headers)
    if (header.startsWith(EXTRA)) found.push([unescaped(header.slice(EXTRA.length)), [value]])
  return found.length === 0 ? undefined : Object.fromEntries(found)
}

/** Keys are percent-encoded where a header's name could not hold them. */
function unescaped(key: string): string {
  try {
    return decodeURIComponent(key)
  } catch {
    return key
  }
}

function refusal(user: User, name: string): Error {
  const [, namespace, account] = SERVICE_ACCOUNT.exec(name) ?? []
  const resource = account === undefined ? 'users' : 'serviceaccounts'
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`
  const said = `User ${JSON.stringify(user.name)} cannot impersonate resource "${resource}" in API group "" ${where}`
  return forbidden(resource, '', account ?? name, said)
}
