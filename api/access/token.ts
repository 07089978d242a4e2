/**
 * Join tokens: `kedge_<id>.<secret>`, good for one Node, for an hour unless asked otherwise. Only a digest of the secret is stored, in a
 * sealed record, which is removed in the very group that creates the Node: of two agents with one token, one loses.
 */
import { badRequest } from '../../schema/k8s/status.ts'
import type { Cluster } from '../platform/port.ts'
import type { Effect, Key } from '../store/store.ts'
import { sameDigest } from './digest.ts'

const JOIN_TTL_MS = 3_600_000
export const LONGEST_JOIN_TTL_MS = 24 * 3_600_000
/** upstream's alphabet of generated names: no vowels, nothing to be confused */
const ID_LENGTH = 10
const SECRET_BYTES = 24

export interface JoinTokenOptions {
  /** at most a day; an hour when nothing is said */
  readonly ttlMs?: number
  /** The only Node it may be used for. Such a token may also take over a Node that exists. */
  readonly node?: string
}

export interface JoinToken {
  /** the only Node it may be used for */
  readonly node: string | undefined
  /** to be part of the group it is used in: loses it when the token was used meanwhile */
  readonly consume: Effect
}

interface Record {
  readonly expiresAt: number
  readonly node?: string
}

export async function createJoinToken(cluster: Cluster, options: JoinTokenOptions = {}): Promise<string> {
  const { ttlMs = JOIN_TTL_MS, node } = options
  if (!(ttlMs > 0 && ttlMs <= LONGEST_JOIN_TTL_MS)) {
    throw badRequest(`ttlMs: ${ttlMs}: must be more than 0 and at most ${LONGEST_JOIN_TTL_MS}, a day`)
  }
  const id = cluster.random.suffix(ID_LENGTH)
  const expiresAt = cluster.clock.now() + ttlMs
  const record: Record = { expiresAt, ...(node === undefined ? {} : { node }) }
  const value = JSON.stringify(record)
  const outcome = await cluster.store.write({
    effects: [{ op: 'put', key: keyOf(id), expect: 'absent', value, index: { expiresAt }, sealed: true }],
  })
  // Ten random letters met an existing id: once in a trillion tokens.
  return outcome.ok ? `kedge_${id}.${await secretOf(cluster, id)}` : createJoinToken(cluster, options)
}

/** Is this text a join token at all? Costs nothing; what follows `kedge_<id>.<secret>.` is for the agent. */
export function isJoinToken(token: string): boolean {
  return SHAPE.test(token)
}

/** Was it made by this cluster, ever? Costs a signature and no read, so a stranger's guesses never reach the store. */
export async function isOwnJoinToken(cluster: Cluster, token: string): Promise<boolean> {
  const [, id, secret] = SHAPE.exec(token) ?? []
  return id !== undefined && secret !== undefined && sameDigest(secret, await secretOf(cluster, id))
}

/** One read. undefined: unknown, used, expired, or not this cluster's; which of these nobody is told. */
export async function readJoinToken(cluster: Cluster, token: string): Promise<JoinToken | undefined> {
  const [, id] = SHAPE.exec(token) ?? []
  if (id === undefined || !(await isOwnJoinToken(cluster, token))) return undefined
  const stored = await cluster.store.get(keyOf(id))
  if (stored === undefined) return undefined
  const record = JSON.parse(stored.value) as Record
  if (record.expiresAt <= cluster.clock.now()) return undefined
  return { node: record.node, consume: { op: 'delete', key: stored.key, expect: stored.revision } }
}

/** Follows from the id by the cluster's signing key: it can be told from a guess without being stored anywhere. */
async function secretOf(cluster: Cluster, id: string): Promise<string> {
  const message = new TextEncoder().encode(`kedge join token ${cluster.uid} ${id}`)
  const signature = await crypto.subtle.sign('Ed25519', cluster.keys.signing.privateKey, message)
  return base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', signature)).subarray(0, SECRET_BYTES))
}

const SHAPE = /^kedge_([bcdfghjklmnpqrstvwxz2456789]{10})\.([A-Za-z0-9_-]{32})(?:\.[A-Za-z0-9_-]*)?$/

const keyOf = (id: string): Key => ({ resource: '~join', namespace: '', name: id })

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}
