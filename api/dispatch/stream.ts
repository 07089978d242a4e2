/** stream: the agent dials back for an order. The order's id is good once, and only for the node it was given to. */
import type { Cluster } from '../platform/port.ts'
import { claimsOf } from './sessions.ts'

export async function stream(cluster: Cluster, request: Request, id: string): Promise<Response> {
  const { node } = await claimsOf(cluster, request)
  return cluster.streams.answer(id, node, request)
}
