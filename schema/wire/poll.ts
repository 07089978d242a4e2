/**
 * poll: `POST /agent/v1/poll`, a long poll of at most 25 s. The answer carries the node's pods with the Secrets
 * and ConfigMaps they name: `all` (everything assigned, at revision `to`) or `changes` (from `from` to `to`).
 * A `changes` whose `from` is not what the agent has means a gap: the agent asks again with `have: null`.
 */
import { z } from 'zod'

/** a Kubernetes object, verbatim, resourceVersion included */
const object = z.record(z.string(), z.unknown())
const reference = z.object({ namespace: z.string(), name: z.string() })

export const pollRequest = z.object({
  session: z.string(),
  /** revision the agent has; null asks for `all` */
  have: z.number().int().nullable(),
  wait: z.enum(['poll', 'socket']),
  waitMs: z.number().int().min(0).max(25_000),
})
export type PollRequest = z.infer<typeof pollRequest>

const streamOrder = z.object({
  id: z.string(),
  kind: z.enum(['exec', 'attach', 'portforward', 'log']),
  node: z.string(),
  namespace: z.string(),
  pod: z.string(),
  podUid: z.string(),
  container: z.string(),
  query: z.array(z.tuple([z.string(), z.string()])),
})

export const pollResponse = z.object({
  assignment: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('all'),
      to: z.number().int(),
      pods: z.array(object),
      secrets: z.array(object),
      configMaps: z.array(object),
      /** named by a pod, but not there */
      missing: z.array(z.object({ kind: z.enum(['Secret', 'ConfigMap']), namespace: z.string(), name: z.string() })),
    }),
    z.object({
      kind: z.literal('changes'),
      from: z.number().int(),
      to: z.number().int(),
      /** pods added or changed, then what they newly name or what changed under them */
      pods: z.array(object),
      gone: z.array(z.object({ namespace: z.string(), name: z.string(), uid: z.string() })),
      secrets: z.array(object),
      configMaps: z.array(object),
      missing: z.array(z.object({ kind: z.enum(['Secret', 'ConfigMap']), namespace: z.string(), name: z.string() })),
    }),
  ]),
  /** to dial back for, each handed out once */
  streams: z.array(streamOrder),
  /** a renewed credential when the old one is past 80 % of its life */
  credential: z.object({ token: z.string(), expiresAt: z.number() }).optional(),
  /** earliest next poll, with jitter already in it */
  againMs: z.number().int(),
})
export type PollResponse = z.infer<typeof pollResponse>
export type WireStreamOrder = z.infer<typeof streamOrder>
export type WireReference = z.infer<typeof reference>
