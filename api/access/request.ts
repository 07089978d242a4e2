/**
 * A request on its way in: what it asks (`ResourceRequest`), who asks (`Known`), that they may (`Allowed`).
 * The types enforce the order: registry verbs take `Allowed`, which only `authorize.ts` can make.
 */
import type { Cluster } from '../platform/port.ts'

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection'

export interface ResourceRequest {
  readonly cluster: Cluster
  readonly verb: Verb
  /** '' is the core group */
  readonly group: string
  readonly version: string
  /** plural: 'pods' */
  readonly resource: string
  /** undefined at cluster scope and for all-namespaces requests */
  readonly namespace: string | undefined
  readonly name: string | undefined
  /** 'status', 'scale', 'log', 'exec', ... */
  readonly subresource: string | undefined
}

export interface User {
  readonly name: string
  readonly groups: readonly string[]
  readonly uid?: string
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

export interface Known extends ResourceRequest {
  readonly user: User
}

declare const allowed: unique symbol
/** Made by `authorize` alone; valid for `cluster` only. */
export interface Allowed extends Known {
  readonly [allowed]: true
}
