/**
 * What an agent tells of its pods and its node, as Event objects. The same thing told again is counted on the object there is: its
 * name follows from what it says, so that holds across restarts of either side.
 */
import type { ReportRequest } from '../../schema/wire/report.ts'
import type { Event } from '../../schema/k8s/generated/types.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { isRefusal } from '../../schema/k8s/status.ts'
import { printTime } from '../../schema/k8s/time.ts'
import { authorizeAgent } from '../access/authorize.ts'
import { sha256Hex } from '../access/digest.ts'
import type { Allowed } from '../access/request.ts'
import { nodeUser } from '../access/user.ts'
import type { Cluster } from '../platform/port.ts'
import { create } from '../registry/create.ts'
import { Item } from '../registry/item.ts'
import { update } from '../registry/update.ts'
import type { Session } from './session.ts'

const ATTEMPTS = 4
const COMPONENT = 'kubelet'

type Told = ReportRequest['events'][number]

/** Whose node it is that speaks. */
interface Speaker {
  readonly node: string
  readonly nodeUid: string
}

interface Said extends Pick<Told, 'type' | 'reason' | 'message'> {
  /** of the Event */
  readonly namespace: string
  readonly about: Event['involvedObject'] & { readonly name: string }
}

/**
 * The order of a pod's life. Clients that sort by time have only seconds, and within one they keep the order of the
 * list, which is that of the names; the scheduler's begin with a 1 until the year 2043.
 */
const LIFE = ['Pulling', 'Pulled', 'Created', 'Started', 'Unhealthy', 'Killing', 'Failed', 'BackOff']

function rankOf({ reason }: Told): string {
  const at = LIFE.indexOf(reason)
  return at < 0 ? 'f' : (at + 2).toString(16)
}

/** Events are told, never promised: one that cannot be written is logged, and the report goes on. */
export async function recordEvents(
  cluster: Cluster,
  session: Session,
  told: readonly Told[],
  own: ReadonlyMap<string, Item>,
): Promise<void> {
  const counted = new Map<string, { readonly event: Told; count: number }>()
  for (const event of told) {
    if (!own.has(event.podUid)) continue
    const key = JSON.stringify([event.podUid, event.fieldPath, event.type, event.reason, event.message])
    const known = counted.get(key)
    if (known === undefined) counted.set(key, { event, count: 1 })
    else known.count++
  }
  const written = await Promise.allSettled(
    [...counted].map(async ([key, { event, count }]) =>
      record(cluster, session.claims, aboutPod(event), count, `${rankOf(event)}${(await sha256Hex(key)).slice(0, 15)}`),
    ),
  )
  const failures = written.flatMap((result): unknown[] => (result.status === 'rejected' ? [result.reason] : []))
  const missed = failures.filter((error) => !isHomeless(error))
  if (missed.length === 0) return
  // One line a report: when the database is overloaded, so would be whoever reads the log.
  const { node } = session.claims
  cluster.log.warn('events of pods were not recorded', { node, events: missed.length, error: missed[0] })
}

/** Of the node itself. Told, never promised, as those of pods. */
export async function recordNodeEvent(
  cluster: Cluster,
  speaker: Speaker,
  reason: string,
  message: string,
): Promise<void> {
  const { node, nodeUid } = speaker
  const about = { apiVersion: 'v1', kind: 'Node', name: node, uid: nodeUid }
  const digest = (await sha256Hex(JSON.stringify([nodeUid, reason, message]))).slice(0, 16)
  try {
    await record(cluster, speaker, { namespace: 'default', about, type: 'Normal', reason, message }, 1, digest)
  } catch (error) {
    if (!isHomeless(error)) cluster.log.warn('an event of a node was not recorded', { node, reason, error })
  }
}

/** In a namespace that is going away, or not there yet, nobody misses an event. */
const isHomeless = (error: unknown): boolean => isRefusal(error, 'Forbidden') || isRefusal(error, 'NotFound')

function aboutPod({ namespace, pod, podUid, fieldPath, type, reason, message }: Told): Said {
  const about = { apiVersion: 'v1', kind: 'Pod', namespace, name: pod, uid: podUid }
  return { namespace, about: fieldPath === undefined ? about : { ...about, fieldPath }, type, reason, message }
}

async function record(cluster: Cluster, speaker: Speaker, told: Said, count: number, digest: string): Promise<void> {
  const { node, nodeUid } = speaker
  // 253 characters are the most a name may have.
  const name = `${told.about.name.slice(0, 236)}.${digest}`
  const resource = {
    group: '',
    version: 'v1',
    resource: 'events',
    namespace: told.namespace,
    name,
    subresource: undefined,
  }
  const allowed = (verb: 'create' | 'update'): Allowed =>
    authorizeAgent({ ...resource, cluster, verb, user: nodeUser(node, nodeUid) }, true)
  for (let attempt = 1; ; attempt++) {
    const at = printTime(cluster.clock.now())
    try {
      // Most are told for the first time: whether one is there shows when it cannot be made.
      const stored =
        attempt === 1 ? undefined : await cluster.store.get({ resource: 'events', namespace: told.namespace, name })
      if (stored === undefined) await create(allowed('create'), eventOf(told, node, name, count, at), { lane: 'last' })
      else {
        const held = Item.of(stored)
        const old = held.object as unknown as Event
        const next = { ...held.object, count: (old.count ?? 1) + count, lastTimestamp: at } as K8sObject
        await update(allowed('update'), next, { held, lane: 'last' })
      }
      return
    } catch (error) {
      if (!isRefusal(error) || error.code !== 409 || attempt >= ATTEMPTS) throw error
    }
  }
}

function eventOf(told: Said, node: string, name: string, count: number, at: string): K8sObject {
  const { namespace, about, type, reason, message } = told
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace },
    involvedObject: about,
    reason,
    message,
    type,
    source: { component: COMPONENT, host: node },
    firstTimestamp: at,
    lastTimestamp: at,
    count,
    reportingComponent: COMPONENT,
    reportingInstance: node,
  }
}
