/** Join tokens for administrators: `POST /agent/v1/tokens`, answered once, 201; only a digest is kept. */
import { badRequest, forbidden, unauthorized } from '../../schema/k8s/status.ts'
import { authenticate } from '../access/authenticate.ts'
import { createJoinToken } from '../access/token.ts'
import { MASTERS } from '../access/user.ts'
import type { Cluster } from '../platform/port.ts'
import { readMessage } from './message.ts'

interface TokenRequest {
  readonly ttlSeconds: number | undefined
  readonly node: string | undefined
}

export async function tokens(cluster: Cluster, request: Request): Promise<Response> {
  const user = await authenticate(cluster, request.headers.get('authorization'))
  if (user === undefined) throw unauthorized()
  if (!user.groups.includes(MASTERS)) {
    throw forbidden('', '', '', `User ${JSON.stringify(user.name)} cannot create join tokens`)
  }
  const { ttlSeconds, node } = await readMessage(request, { safeParse })
  const token = await createJoinToken(cluster, {
    ...(ttlSeconds === undefined ? {} : { ttlMs: ttlSeconds * 1000 }),
    ...(node === undefined ? {} : { node }),
  })
  return Response.json({ token }, { status: 201, headers: { 'cache-control': 'no-store' } })
}

function safeParse(value: unknown): { readonly success: true; readonly data: TokenRequest } {
  if (typeof value !== 'object' || value === null) throw badRequest('body: must be an object')
  const { ttlSeconds, node } = value as Readonly<Record<string, unknown>>
  if (ttlSeconds !== undefined && !Number.isInteger(ttlSeconds)) throw badRequest('ttlSeconds: must be a whole number')
  if (node !== undefined && typeof node !== 'string') throw badRequest('node: must be the name of a Node')
  return { success: true, data: { ttlSeconds: ttlSeconds as number | undefined, node } }
}
