/**
 * May they? The only maker of `Allowed`. Default deny: administrators may everything, a node what its table says
 * (`node-rules.ts`), everybody known may ask about themselves.
 */
import { forbidden, type Refusal } from '../../schema/k8s/status.ts'
import type { Cluster } from '../platform/port.ts'
import { factsOf, type Narrowed } from './node-facts.ts'
import { needsFacts, nodeMay } from './node-rules.ts'
import type { Allowed, Known, ResourceRequest, User } from './request.ts'
import { AUTHENTICATED, MASTERS, nodeOf } from './user.ts'

/**
 * Decides at once, or throws the 403. What a node may do depends on facts: here they count as not established, so at
 * the API's door use `authorizeRequest`.
 */
export function authorize(known: Known): Allowed {
  const why = decide(known)
  if (why === undefined) return known as Allowed
  throw refusal(known, why)
}

/** The same, with the reads that a node's requests need; for everybody else the answer is there at once. */
export function authorizeRequest(known: Known, narrowed: Narrowed = {}): Allowed | Promise<Allowed> {
  const node = nodeOf(known.user)
  if (node === undefined || known.user.groups.includes(MASTERS) || !needsFacts(known)) return authorize(known)
  return authorizeOwn(node, known, narrowed)
}

/** At the agents' door: `own` was established by the caller, who then also builds what is written. */
export function authorizeAgent(known: Known, own: boolean): Allowed {
  const node = nodeOf(known.user)
  const why = node === undefined ? '' : nodeMay(node, known, { present: true, own, door: 'agents' })
  if (why === undefined) return known as Allowed
  throw refusal(known, why)
}

/** The control plane's own parts: controllers, the scheduler, the agents' door. `userName` is what a record of it shows. */
export function systemAllowed(cluster: Cluster, userName: string, request: Omit<ResourceRequest, 'cluster'>): Allowed {
  const user: User = { name: userName, groups: [MASTERS, AUTHENTICATED] }
  return authorize({ ...request, cluster, user })
}

/** Would it be allowed, as the reviews ask? `reason` as upstream words it, often empty. */
export async function review(known: Known): Promise<{ readonly allowed: boolean; readonly reason: string }> {
  const node = nodeOf(known.user)
  const why =
    node !== undefined && needsFacts(known) ? nodeMay(node, known, await factsOf(node, known, {})) : decide(known)
  return { allowed: why === undefined, reason: why ?? '' }
}

/** Paths that are no resource: discovery and health for everybody known, the rest for administrators. */
export function authorizePath(user: User, verb: string, path: string): void {
  if (user.groups.includes(MASTERS)) return
  if (verb === 'get' && PUBLIC_PATHS.some((prefix) => path === prefix || path.startsWith(`${prefix}/`))) return
  throw forbidden('', '', '', `User ${JSON.stringify(user.name)} cannot ${verb} path ${JSON.stringify(path)}`)
}

/** upstream's roles system:discovery and system:public-info-viewer */
const PUBLIC_PATHS = ['/api', '/apis', '/openapi', '/version', '/healthz', '/livez', '/readyz']

/** upstream's role system:basic-user */
const ABOUT_ONESELF: readonly string[] = [
  'authorization.k8s.io/selfsubjectaccessreviews',
  'authorization.k8s.io/selfsubjectrulesreviews',
  'authentication.k8s.io/selfsubjectreviews',
]

async function authorizeOwn(node: string, known: Known, narrowed: Narrowed): Promise<Allowed> {
  const why = nodeMay(node, known, await factsOf(node, known, narrowed))
  if (why === undefined) return known as Allowed
  throw refusal(known, why)
}

/** undefined: yes. Otherwise why not, often without words. */
function decide(known: Known): string | undefined {
  const { groups } = known.user
  if (groups.includes(MASTERS)) return undefined
  if (
    known.verb === 'create' &&
    groups.includes(AUTHENTICATED) &&
    ABOUT_ONESELF.includes(`${known.group}/${known.resource}`)
  ) {
    return undefined
  }
  const node = nodeOf(known.user)
  return node === undefined ? '' : nodeMay(node, known, { present: true, own: false, door: 'api' })
}

function refusal(known: Known, why: string): Refusal {
  const { user, verb, group, namespace, subresource } = known
  const resource = subresource === undefined ? known.resource : `${known.resource}/${subresource}`
  const where =
    namespace === undefined || namespace === ''
      ? 'at the cluster scope'
      : `in the namespace ${JSON.stringify(namespace)}`
  const said = `User ${JSON.stringify(user.name)} cannot ${verb} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(group)} ${where}`
  return forbidden(known.resource, group, known.name ?? '', why === '' ? said : `${said}: ${why}`)
}
