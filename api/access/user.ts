/** The identities this control plane hands out itself, with upstream's names and groups. */
import type { User } from './request.ts'

export const MASTERS = 'system:masters'
const NODES = 'system:nodes'
export const AUTHENTICATED = 'system:authenticated'
export const UNAUTHENTICATED = 'system:unauthenticated'
export const ANONYMOUS = 'system:anonymous'
const NODE_PREFIX = 'system:node:'
/** Binds a node's credential to one incarnation of its Node. */
const NODE_UID = 'authentication.kubernetes.io/node-uid'

export const ADMIN: User = { name: 'kubernetes-admin', groups: [MASTERS, AUTHENTICATED] }

export function nodeUser(node: string, uid: string): User {
  return { name: `${NODE_PREFIX}${node}`, groups: [NODES, AUTHENTICATED], extra: { [NODE_UID]: [uid] } }
}

/** The node behind this user; undefined when it is none. Both the name and the group must say so, as upstream. */
export function nodeOf(user: User): string | undefined {
  if (!user.groups.includes(NODES) || !user.name.startsWith(NODE_PREFIX)) return undefined
  return user.name.slice(NODE_PREFIX.length) || undefined
}

export function nodeUidOf(user: User): string | undefined {
  return user.extra?.[NODE_UID]?.[0]
}

export function nodeSubject(node: string): string {
  return `${NODE_PREFIX}${node}`
}
