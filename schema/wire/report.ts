/**
 * report: `POST /agent/v1/report`. What the agent saw, newest state per pod. `seq` rises by one with each report
 * of a session; the control plane keeps the highest per (instance, pod), so duplicates and late reports change
 * nothing. Statuses of one report are written as one group per pod, in the 'first' lane.
 */
import { z } from 'zod'

export const reportRequest = z.object({
  session: z.string(),
  seq: z.number().int().min(1),
  pods: z
    .array(
      z.object({
        namespace: z.string(),
        name: z.string(),
        uid: z.string(),
        /** Kubernetes PodStatus, whole; timestamps made by the agent are kept, missing ones are filled */
        status: z.record(z.string(), z.unknown()),
      }),
    )
    .max(500),
  /** pods whose containers are gone after a deletionTimestamp: delete with grace 0 and this uid */
  stopped: z.array(z.object({ namespace: z.string(), name: z.string(), uid: z.string() })).max(500),
  /** NodeStatus fields that changed */
  node: z.record(z.string(), z.unknown()).optional(),
  /** upstream's kubelet events: Pulled, Created, Started, Killing, BackOff, Failed, ... */
  events: z
    .array(
      z.object({
        namespace: z.string(),
        pod: z.string(),
        podUid: z.string(),
        /** e.g. spec.containers{web} */
        fieldPath: z.string().optional(),
        type: z.enum(['Normal', 'Warning']),
        reason: z.string(),
        message: z.string().max(1024),
      }),
    )
    .max(500),
})
export type ReportRequest = z.infer<typeof reportRequest>

export const reportResponse = z.object({
  /** pods the control plane does not know (any more) on this node: the agent stops and forgets them */
  unknown: z.array(z.object({ namespace: z.string(), name: z.string(), uid: z.string() })),
})
export type ReportResponse = z.infer<typeof reportResponse>
