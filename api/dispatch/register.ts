/**
 * register: an agent becomes a node. The first time it brings a join token, which is used up in the group that creates
 * its Node; later its credential, even one that ended while the host or this control plane was away, as long as its
 * Node is still there.
 *
 * A token without a name makes new Nodes only. To take over a Node that exists one needs a token made for it: otherwise
 * any token would do to receive another node's Secrets.
 */
import { OLDEST_WIRE_VERSION, WIRE_VERSION } from '../../schema/wire/version.ts'
import { type RegisterRequest, registerRequest, type RegisterResponse } from '../../schema/wire/register.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { forbidden, isRefusal, Refusal, unauthorized } from '../../schema/k8s/status.ts'
import { printTime } from '../../schema/k8s/time.ts'
import { bearerOf } from '../access/authenticate.ts'
import { authorizeAgent, systemAllowed } from '../access/authorize.ts'
import { RENEWAL_MS, signNodeCredential, verifyNodeCredential } from '../access/credential.ts'
import type { Allowed } from '../access/request.ts'
import { isJoinToken, isOwnJoinToken, type JoinToken, readJoinToken } from '../access/token.ts'
import { nodeUser } from '../access/user.ts'
import type { Cluster } from '../platform/port.ts'
import { create } from '../registry/create.ts'
import { Item } from '../registry/item.ts'
import { update } from '../registry/update.ts'
import { readMessage } from './message.ts'
import { newNode, withNodeStatus } from './node-object.ts'
import { freeRange } from './pod-cidr.ts'
import { tellReadiness } from './readiness.ts'
import { sessionsOf } from './sessions.ts'

/** Attempts when others write the Node, or take the pod range, at the same time. */
const ATTEMPTS = 8
const POLL_MS = 25_000
const CLUSTER_DOMAIN = 'cluster.local'
const CLUSTER_DNS = '10.96.0.10'

export async function register(cluster: Cluster, request: Request): Promise<Response> {
  const bearer = bearerOf(request.headers.get('authorization'))
  if (bearer === undefined) throw unauthorized()
  // Nothing is read for somebody whose credential is not ours.
  const claims = isJoinToken(bearer) ? undefined : await verifyNodeCredential(cluster, bearer, RENEWAL_MS)
  if (claims === undefined && !(await isOwnJoinToken(cluster, bearer))) throw unauthorized()
  const message = await readMessage(request, registerRequest)
  checkVersion(message.version)
  if (claims !== undefined && claims.node !== message.node) {
    throw forbidden('nodes', '', message.node, `the credential is that of node ${JSON.stringify(claims.node)}`)
  }
  const sessions = sessionsOf(cluster)
  sessions.checkFree(message.node, message.instance)
  const { head } = await cluster.store.head()
  const node =
    claims === undefined ? await join(cluster, bearer, message) : await comeBack(cluster, message, claims.nodeUid)

  const named = { name: message.node, uid: node.metadata.uid ?? '' }
  const session = await sessions.open(named, message.instance, head)
  const credential = await signNodeCredential(cluster, named)
  const answer: RegisterResponse = {
    version: message.version,
    clusterUid: cluster.uid,
    session: session.token,
    credential: credential.token,
    credentialExpiresAt: credential.expiresAt,
    podCIDR: podCidrOf(node) ?? '',
    clusterDomain: CLUSTER_DOMAIN,
    clusterDNS: CLUSTER_DNS,
    pollMs: POLL_MS,
  }
  return Response.json(answer, { headers: { 'cache-control': 'no-store' } })
}

function checkVersion(version: number): void {
  if (version >= OLDEST_WIRE_VERSION && version <= WIRE_VERSION) return
  throw new Refusal({
    code: 426,
    reason: 'UpgradeRequired',
    message: `agent protocol version ${version} is not served: use an agent of version ${OLDEST_WIRE_VERSION} to ${WIRE_VERSION}`,
  })
}

async function join(cluster: Cluster, bearer: string, message: RegisterRequest): Promise<K8sObject> {
  const token = await readJoinToken(cluster, bearer)
  if (token === undefined) throw unauthorized()
  if (token.node !== undefined && token.node !== message.node) {
    throw forbidden('nodes', '', message.node, `the join token was made for node ${JSON.stringify(token.node)}`)
  }
  const held = await heldNode(cluster, message.node)
  if (held !== undefined) return takeOver(cluster, held, token, message)
  for (let attempt = 1; ; attempt++) {
    const range = await freeRange(cluster, message.node, attempt > 1)
    const at = printTime(cluster.clock.now())
    const object = newNode({
      name: message.node,
      labels: message.labels,
      status: message.status,
      podCIDR: range.podCIDR,
      at,
    })
    // Whoever hears of the Node asks when its agent was heard, and is not asked again until it changes.
    cluster.live.seen(message.node, cluster.clock.now())
    try {
      const effects = [token.consume, range.take]
      const allowed = allowedOn(cluster, message.node, '', 'create')
      const { object: made } = await create(allowed, object, { effects, lane: 'first' })
      tellReadiness(cluster, undefined, made)
      return made
    } catch (error) {
      if (!isRefusal(error) || error.code !== 409) throw error
      if ((await readJoinToken(cluster, bearer)) === undefined) throw unauthorized()
      if (isRefusal(error, 'AlreadyExists') || attempt >= ATTEMPTS) throw error
    }
  }
}

/** A Node that exists, by a token that was made for it: its agent lost what it had, or somebody created it by hand. */
async function takeOver(cluster: Cluster, held: Item, token: JoinToken, message: RegisterRequest): Promise<K8sObject> {
  if (token.node === undefined) {
    throw forbidden(
      'nodes',
      '',
      message.node,
      'the Node exists already: delete it first, or use a join token made for it',
    )
  }
  const outcome = await cluster.store.write({ effects: [token.consume] })
  if (!outcome.ok) throw unauthorized()
  return refresh(cluster, held, message)
}

async function comeBack(cluster: Cluster, message: RegisterRequest, nodeUid: string): Promise<K8sObject> {
  const held = await heldNode(cluster, message.node)
  // Deleted, or deleted and made anew: either way this credential is worth nothing any more.
  if (held?.object.metadata.uid !== nodeUid) throw unauthorized()
  return refresh(cluster, held, message)
}

/** Its status as the agent just said; a pod range if it has none. */
async function refresh(cluster: Cluster, held: Item, message: RegisterRequest): Promise<K8sObject> {
  const uid = held.object.metadata.uid ?? ''
  let current: Item | undefined = held
  for (let attempt = 1; ; attempt++) {
    if (current?.object.metadata.uid !== uid) throw unauthorized()
    cluster.live.seen(message.node, cluster.clock.now())
    try {
      const ranged = podCidrOf(current.object) === undefined ? await giveRange(cluster, current, attempt > 1) : current
      const next = withNodeStatus(ranged.object, message.status, printTime(cluster.clock.now()))
      const allowed = allowedOn(cluster, message.node, uid, 'update', 'status')
      const { object } = (await update(allowed, next, { held: ranged, lane: 'first' })).item
      tellReadiness(cluster, ranged.object, object)
      return object
    } catch (error) {
      if (!isRefusal(error, 'Conflict') || attempt >= ATTEMPTS) throw error
      current = await heldNode(cluster, message.node)
    }
  }
}

async function giveRange(cluster: Cluster, held: Item, lost: boolean): Promise<Item> {
  const { name = '' } = held.object.metadata
  const { podCIDR, take } = await freeRange(cluster, name, lost)
  const spec = { ...(held.object['spec'] as object | undefined), podCIDR, podCIDRs: [podCIDR] }
  const resource = { group: '', version: 'v1', resource: 'nodes', namespace: undefined, name, subresource: undefined }
  const allowed = systemAllowed(cluster, 'system:serviceaccount:kube-system:node-controller', {
    ...resource,
    verb: 'update',
  })
  return (await update(allowed, { ...held.object, spec }, { held, effects: [take] })).item
}

async function heldNode(cluster: Cluster, name: string): Promise<Item | undefined> {
  const stored = await cluster.store.get({ resource: 'nodes', namespace: '', name })
  return stored === undefined ? undefined : Item.of(stored)
}

/** The node itself writes its own Node: what is written was built here out of its message. */
export function allowedOn(
  cluster: Cluster,
  node: string,
  uid: string,
  verb: 'create' | 'update',
  subresource?: string,
): Allowed {
  const user = nodeUser(node, uid)
  const resource = { group: '', version: 'v1', resource: 'nodes', namespace: undefined, name: node, subresource }
  return authorizeAgent({ ...resource, cluster, verb, user }, true)
}

function podCidrOf(node: K8sObject): string | undefined {
  return (node['spec'] as { podCIDR?: string } | undefined)?.podCIDR || undefined
}
