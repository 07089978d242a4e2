/**
 * Who is connected: one session a node, in memory. A session is a signed token, so one that this process does not
 * remember (it was restarted) is taken up again after a look at its Node; what it had been sent is then sent anew.
 */
import { forbidden, gone, Refusal, unauthorized } from '../../schema/k8s/status.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { bearerOf } from '../access/authenticate.ts'
import {
  type NodeClaims,
  type SessionClaims,
  signSession,
  verifyNodeCredential,
  verifySession,
} from '../access/credential.ts'
import type { Cluster } from '../platform/port.ts'
import { Session } from './session.ts'
import { Wakes } from './wakes.ts'

/** A session that was silent for this long is over; the agent registers again, which also says that its node is ready. */
const SILENT_MS = 40_000

const clusters = new WeakMap<Cluster, Sessions>()

/** The sessions of this cluster in this process. */
export function sessionsOf(cluster: Cluster): Sessions {
  const known = clusters.get(cluster)
  if (known !== undefined) return known
  const fresh = new Sessions(cluster)
  clusters.set(cluster, fresh)
  return fresh
}

export class Sessions {
  readonly #cluster: Cluster
  readonly #byNode = new Map<string, Session>()
  readonly #byToken = new Map<string, Session>()
  readonly #wakes: Wakes

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.#wakes = new Wakes(cluster, {
      session: (node) => this.#byNode.get(node),
      ended: (node, uid) => this.end(node, uid),
    })
  }

  /** A new session for this node, whose Node was there at `since`; the one it had is over. Refused while another agent
   *  process holds it. */
  async open(node: { readonly name: string; readonly uid: string }, instance: string, since: number): Promise<Session> {
    this.checkFree(node.name, instance)
    const id = this.#cluster.random.uuid()
    const token = await signSession(this.#cluster, node, { instance, id })
    this.checkFree(node.name, instance)
    return this.#adopt({ node: node.name, nodeUid: node.uid, instance, id, issuedAt: 0, expiresAt: 0 }, token, since)
  }

  /** 409 while another process of this node is alive. One whose poll broke off, or that was silent, is not. */
  checkFree(node: string, instance: string): void {
    const held = this.#byNode.get(node)
    if (held === undefined || held.claims.instance === instance || !this.#alive(held)) return
    throw new Refusal({
      code: 409,
      reason: 'Conflict',
      message: `node ${node} is connected from another process (instance ${held.claims.instance}): stop that one, or choose another node name`,
    })
  }

  /** The session of a poll or report: bearer and session must be good and belong together. */
  async find(request: Request, token: string): Promise<Session> {
    const known = this.#byToken.get(token)
    const bearer = known?.knows(request, this.#cluster.clock.now()) ?? (await claimsOf(this.#cluster, request))
    const session = known?.claims.node === bearer.node ? known : await this.#takeUp(bearer, token)
    if (session.claims.nodeUid !== bearer.nodeUid) throw over()
    if (!this.#alive(session)) {
      this.end(bearer.node, session.claims.nodeUid)
      throw over()
    }
    session.heard(this.#cluster.clock.now())
    session.remember(request, bearer)
    return session
  }

  /** Its Node was deleted: what hangs is answered, what comes is refused. */
  end(node: string, uid: string): void {
    const held = this.#byNode.get(node)
    if (held === undefined || held.claims.nodeUid !== uid) return
    this.#byNode.delete(node)
    this.#byToken.delete(held.token)
    held.end()
    this.#wakes.forget(node)
  }

  get wakes(): Wakes {
    return this.#wakes
  }

  async #takeUp(bearer: NodeClaims, token: string): Promise<Session> {
    const claims = await verifySession(this.#cluster, token)
    if (claims === undefined) throw over()
    if (claims.node !== bearer.node) throw forbidden('nodes', '', claims.node, `the session belongs to another node`)
    // Another registration came later.
    if (this.#byNode.has(bearer.node)) throw over()
    const { head } = await this.#cluster.store.head()
    const stored = await this.#cluster.store.get({ resource: 'nodes', namespace: '', name: bearer.node })
    const node = stored === undefined ? undefined : (JSON.parse(stored.value) as K8sObject)
    if (node?.metadata.uid !== claims.nodeUid) throw unauthorized()
    // Somebody gave it up meanwhile: registering puts its status right.
    if (!isReady(node)) throw over()
    const raced = this.#byNode.get(bearer.node)
    if (raced !== undefined && raced.token !== token) throw over()
    return raced ?? this.#adopt(claims, token, head)
  }

  #adopt(claims: SessionClaims, token: string, since: number): Session {
    const before = this.#byNode.get(claims.node)
    if (before !== undefined) this.#byToken.delete(before.token)
    before?.end()
    const session = new Session(claims, token, this.#cluster.clock.now())
    this.#byNode.set(claims.node, session)
    this.#byToken.set(token, session)
    this.#wakes.use(claims.node, [])
    this.#wakes.connect(claims.node, since)
    return session
  }

  #alive(session: Session): boolean {
    return session.polling || (!session.brokeOff && this.#cluster.clock.now() - session.heardAt < SILENT_MS)
  }
}

/** The node behind a request, by its credential alone. */
export async function claimsOf(cluster: Cluster, request: Request): Promise<NodeClaims> {
  const token = bearerOf(request.headers.get('authorization'))
  const claims = token === undefined ? undefined : await verifyNodeCredential(cluster, token)
  if (claims === undefined) throw unauthorized()
  return claims
}

const over = (): Refusal => gone('the session is over: register again')

function isReady(node: K8sObject): boolean {
  const conditions = (node['status'] as { conditions?: readonly { type: string; status: string }[] } | undefined)
    ?.conditions
  return conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true
}
