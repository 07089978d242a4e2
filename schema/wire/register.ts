/**
 * register: `POST /agent/v1/register`. An agent presents a one-use join token (first time) or its node
 * credential (later) as bearer token and gets a session. One session is one registration: any failure ends it
 * and the agent registers again. The Node object is created, or its status refreshed, in the same group that
 * consumes the token.
 */
import { z } from 'zod'

export const registerRequest = z.object({
  version: z.number().int(),
  /** Node name, a DNS-1123 subdomain */
  node: z.string().min(1).max(253),
  /** changes with each start of the agent process */
  instance: z.string().min(1).max(64),
  labels: z.record(z.string(), z.string()),
  /** Kubernetes NodeStatus: capacity, allocatable, nodeInfo, addresses, conditions, images, daemonEndpoints */
  status: z.record(z.string(), z.unknown()),
})
export type RegisterRequest = z.infer<typeof registerRequest>

export const registerResponse = z.object({
  version: z.number().int(),
  clusterUid: z.string(),
  session: z.string(),
  /** signed node credential (JWT, EdDSA) and its end in milliseconds since the epoch */
  credential: z.string(),
  credentialExpiresAt: z.number(),
  /** this node's pod range, e.g. 10.244.3.0/24 */
  podCIDR: z.string(),
  clusterDomain: z.string(),
  clusterDNS: z.string(),
  /** how long the agent should ask a poll to wait */
  pollMs: z.number().int(),
})
export type RegisterResponse = z.infer<typeof registerResponse>
