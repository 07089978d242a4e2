/**
 * Who asks: the bearer token of a request, as a user of this cluster. No query is made here, so a stranger costs one
 * digest or one signature check and never a row. Tokens that were found good are remembered, at most `REMEMBERED` a
 * cluster; bad ones are not, so nobody can push the good ones out.
 */
import type { Cluster } from '../platform/port.ts'
import { verifyNodeCredential } from './credential.ts'
import { sameDigest, sha256Hex } from './digest.ts'
import type { User } from './request.ts'
import { ADMIN, nodeUser } from './user.ts'

const REMEMBERED = 4_096
const LONGEST_TOKEN = 8_192

interface Remembered {
  readonly user: User
  readonly until: number
}

/** By the cluster's own value: two clusters with the same name share nothing. */
const memories = new WeakMap<Cluster, Map<string, Remembered>>()

/**
 * `authorization` is the header as it came. undefined: nobody we know, to be answered 401. The answer is there at once
 * for a token that was seen before, so a request pays for a signature only the first time.
 */
export function authenticate(
  cluster: Cluster,
  authorization: string | null | undefined,
): User | undefined | Promise<User | undefined> {
  const token = bearerOf(authorization)
  if (token === undefined) return undefined
  const memory = memoryOf(cluster)
  const known = memory.get(token)
  if (known === undefined) return recognise(cluster, token, memory)
  if (known.until > cluster.clock.now()) return known.user
  memory.delete(token)
  return undefined
}

/** The token of `Bearer <token>`; the scheme's case does not matter. undefined for anything else. */
export function bearerOf(authorization: string | null | undefined): string | undefined {
  if (authorization === null || authorization === undefined) return undefined
  if (authorization.length < 8 || authorization.length > LONGEST_TOKEN) return undefined
  if (authorization.slice(0, 7).toLowerCase() !== 'bearer ') return undefined
  return authorization.slice(7).trim() || undefined
}

async function recognise(cluster: Cluster, token: string, memory: Map<string, Remembered>): Promise<User | undefined> {
  const found = await userOf(cluster, token)
  if (found === undefined) return undefined
  const oldest = memory.size >= REMEMBERED ? memory.keys().next().value : undefined
  if (oldest !== undefined) memory.delete(oldest)
  memory.set(token, found)
  return found.user
}

async function userOf(cluster: Cluster, token: string): Promise<Remembered | undefined> {
  if (sameDigest(await sha256Hex(token), cluster.keys.adminTokenHash)) return { user: ADMIN, until: Infinity }
  const claims = await verifyNodeCredential(cluster, token)
  return claims && { user: nodeUser(claims.node, claims.nodeUid), until: claims.expiresAt }
}

function memoryOf(cluster: Cluster): Map<string, Remembered> {
  const known = memories.get(cluster)
  if (known !== undefined) return known
  const fresh = new Map<string, Remembered>()
  memories.set(cluster, fresh)
  return fresh
}
