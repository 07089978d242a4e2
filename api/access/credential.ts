/**
 * What a node proves itself with: signed tokens (JWT, EdDSA) that are verified without a query. Two kinds that never
 * pass for one another, told apart by `typ`:
 *
 * - the credential, the bearer token of the agent: at most 24 h, renewed in the poll at 80 % of its life;
 * - the session, named in each poll and report: bound to one registration of one agent process. It is signed so that
 *   it outlives a restart of the control plane.
 *
 * Issuer and audience are the cluster's uid: a token of one cluster says nothing to another.
 */
import type * as Jose from 'jose'
import type { Cluster } from '../platform/port.ts'
import { nodeSubject } from './user.ts'

export const CREDENTIAL_MS = 24 * 3_600_000
/**
 * How long after its end a credential may still be exchanged for a new one, at register and nowhere else: a host that
 * was switched off for a while comes back by itself. Deleting the Node ends that at once.
 */
export const RENEWAL_MS = 30 * 24 * 3_600_000
/** A session is renewed by registering again; it only has to outlast the credential it came with. */
const SESSION_MS = 7 * 24 * 3_600_000
const CREDENTIAL_TYPE = 'kedge-node+jwt'
const SESSION_TYPE = 'kedge-session+jwt'

export interface NodeClaims {
  readonly node: string
  /** uid of the Node this was made for: one that was deleted and made anew needs a new credential */
  readonly nodeUid: string
  /** milliseconds since the epoch */
  readonly issuedAt: number
  readonly expiresAt: number
}

export interface SessionClaims extends NodeClaims {
  readonly instance: string
  /** tells two registrations of one agent process apart */
  readonly id: string
}

export async function signNodeCredential(
  cluster: Cluster,
  node: { readonly name: string; readonly uid: string },
): Promise<{ readonly token: string; readonly expiresAt: number }> {
  return sign(cluster, CREDENTIAL_TYPE, node, {}, CREDENTIAL_MS)
}

export async function signSession(
  cluster: Cluster,
  node: { readonly name: string; readonly uid: string },
  session: { readonly instance: string; readonly id: string },
): Promise<string> {
  return (await sign(cluster, SESSION_TYPE, node, { instance: session.instance, jti: session.id }, SESSION_MS)).token
}

/** undefined when it is not one of this cluster's, or ended longer than `graceMs` ago. */
export async function verifyNodeCredential(
  cluster: Cluster,
  token: string,
  graceMs = 0,
): Promise<NodeClaims | undefined> {
  const payload = await verify(cluster, CREDENTIAL_TYPE, token, graceMs)
  return payload === undefined ? undefined : claimsOf(payload)
}

export async function verifySession(cluster: Cluster, token: string): Promise<SessionClaims | undefined> {
  const payload = await verify(cluster, SESSION_TYPE, token, 0)
  const claims = payload === undefined ? undefined : claimsOf(payload)
  const instance = payload?.['instance']
  if (claims === undefined || typeof instance !== 'string' || payload?.jti === undefined) return undefined
  return { ...claims, instance, id: payload.jti }
}

/** Loaded with the first node: an administrator's requests do without. */
const jose = (): Promise<typeof Jose> => import('jose')

async function sign(
  cluster: Cluster,
  typ: string,
  node: { readonly name: string; readonly uid: string },
  more: Jose.JWTPayload,
  lifeMs: number,
): Promise<{ readonly token: string; readonly expiresAt: number }> {
  const { SignJWT } = await jose()
  const now = Math.floor(cluster.clock.now() / 1000)
  const end = now + lifeMs / 1000
  const token = await new SignJWT({ ...more, nodeUid: node.uid })
    .setProtectedHeader({ alg: 'EdDSA', typ, kid: cluster.keys.signing.id })
    .setIssuer(cluster.uid)
    .setAudience(cluster.uid)
    .setSubject(nodeSubject(node.name))
    .setIssuedAt(now)
    .setExpirationTime(end)
    .sign(cluster.keys.signing.privateKey)
  return { token, expiresAt: end * 1000 }
}

async function verify(
  cluster: Cluster,
  typ: string,
  token: string,
  graceMs: number,
): Promise<Jose.JWTPayload | undefined> {
  // A token of ours has a few hundred characters; a longer one is not worth a signature check.
  if (token.length > 4_096) return undefined
  const { errors, jwtVerify } = await jose()
  try {
    const { payload, protectedHeader } = await jwtVerify(token, cluster.keys.signing.publicKey, {
      algorithms: ['EdDSA'],
      typ,
      issuer: cluster.uid,
      audience: cluster.uid,
      requiredClaims: ['sub', 'iat', 'exp', 'nodeUid'],
      clockTolerance: graceMs / 1000,
      currentDate: new Date(cluster.clock.now()),
    })
    return protectedHeader.kid === cluster.keys.signing.id ? payload : undefined
  } catch (error) {
    if (error instanceof errors.JOSEError) return undefined
    throw error
  }
}

function claimsOf(payload: Jose.JWTPayload): NodeClaims | undefined {
  const { sub = '', iat = 0, exp = 0 } = payload
  const nodeUid = payload['nodeUid']
  const node = sub.slice(nodeSubject('').length)
  if (!sub.startsWith(nodeSubject('')) || node === '' || typeof nodeUid !== 'string') return undefined
  return { node, nodeUid, issuedAt: iat * 1000, expiresAt: exp * 1000 }
}
