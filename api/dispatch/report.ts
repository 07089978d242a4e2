/**
 * report: what the agent saw. Each pod's status is a write of its own, in the lane that goes first; all of a report are
 * under way at once, so they share a commit. A report that was sent again, or comes late, changes nothing.
 */
import { type ReportRequest, type ReportResponse, reportRequest } from '../../schema/wire/report.ts'
import type { Pod } from '../../schema/k8s/generated/types.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { isRefusal } from '../../schema/k8s/status.ts'
import { printTime } from '../../schema/k8s/time.ts'
import { authorizeAgent } from '../access/authorize.ts'
import type { Allowed } from '../access/request.ts'
import { nodeUser } from '../access/user.ts'
import type { Cluster } from '../platform/port.ts'
import { remove } from '../registry/delete.ts'
import { Item } from '../registry/item.ts'
import { update } from '../registry/update.ts'
import type { Key } from '../store/store.ts'
import { podId } from './assignment.ts'
import { recordEvents } from './events.ts'
import { readMessage } from './message.ts'
import { withNodeStatus } from './node-object.ts'
import { nextPodStatus } from './pod-status.ts'
import { tellReadiness } from './readiness.ts'
import { allowedOn } from './register.ts'
import type { Session } from './session.ts'
import { sessionsOf } from './sessions.ts'

/** Attempts when others write the same object. */
const ATTEMPTS = 8

type Reported = ReportRequest['pods'][number]
export interface Named {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

export async function report(cluster: Cluster, request: Request): Promise<Response> {
  const message = await readMessage(request, reportRequest)
  const session = await sessionsOf(cluster).find(request, message.session)
  cluster.live.seen(session.claims.node, cluster.clock.now())
  const own = await ownPods(cluster, session, message)
  const unknown = [...message.pods, ...message.stopped].filter((pod) => !own.has(pod.uid))

  const { node } = message
  await Promise.all([
    ...message.pods.map((pod) => writeStatus(cluster, session, pod, own.get(pod.uid), message.seq)),
    ...(node === undefined ? [] : [writeNodeStatus(cluster, session, node)]),
  ])
  // The last status of a pod is written before the pod goes.
  await Promise.all(message.stopped.map((pod) => removeStopped(cluster, session, pod, own.get(pod.uid))))
  if (message.seq > session.eventsReported && message.events.length > 0) {
    session.eventsReported = message.seq
    await recordEvents(cluster, session, message.events, own)
  }
  const answer: ReportResponse = { unknown: distinct(unknown) }
  return Response.json(answer, { headers: { 'cache-control': 'no-store' } })
}

/** The pods a report speaks of that are this node's, by uid, in one read. */
async function ownPods(cluster: Cluster, session: Session, message: ReportRequest): Promise<ReadonlyMap<string, Item>> {
  const keys = new Map<string, Key>()
  const add = (namespace: string, name: string): void => {
    keys.set(podId({ namespace, name }), { resource: 'pods', namespace, name })
  }
  for (const { namespace, name } of [...message.pods, ...message.stopped]) add(namespace, name)
  for (const { namespace, pod } of message.events) add(namespace, pod)
  const own = new Map<string, Item>()
  const found = keys.size === 0 ? [] : await cluster.store.getMany([...keys.values()])
  for (const stored of found) {
    if (stored === undefined) continue
    const item = Item.of(stored)
    if ((item.object as Pod).spec?.nodeName !== session.claims.node) continue
    own.set(item.object.metadata.uid ?? '', item)
  }
  return own
}

async function writeStatus(
  cluster: Cluster,
  session: Session,
  reported: Reported,
  held: Item | undefined,
  seq: number,
): Promise<void> {
  if (held === undefined) return
  const newest = session.reported.get(reported.uid) ?? 0
  if (newest > seq) return
  session.reported.set(reported.uid, seq)
  let current: Item | undefined = held
  for (let attempt = 1; current !== undefined; attempt++) {
    const status = nextPodStatus(current.object as Pod, reported.status, printTime(cluster.clock.now()))
    if (status === undefined) return
    try {
      const allowed = allowedOnPod(cluster, session, current.object, 'update', 'status')
      const { item } = await update(allowed, { ...current.object, status }, { held: current, lane: 'first' })
      acknowledge(session, current, item)
      return
    } catch (error) {
      if (isRefusal(error, 'NotFound')) return
      if (!isRefusal(error, 'Conflict') || attempt >= ATTEMPTS) throw error
      // A later report of the same pod has the last word.
      if ((session.reported.get(reported.uid) ?? 0) > seq) return
      current = await again(cluster, session, reported)
    }
  }
}

/** The agent needs not be sent what it just said itself, if it knew the state before. */
function acknowledge(session: Session, before: Item, after: Item): void {
  const { namespace = '', name = '' } = before.object.metadata
  const sent = session.pods.get(podId({ namespace, name }))
  if (sent?.revision === before.revision) sent.revision = after.revision
}

async function writeNodeStatus(
  cluster: Cluster,
  session: Session,
  status: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { node, nodeUid } = session.claims
  for (let attempt = 1; ; attempt++) {
    const stored = await cluster.store.get({ resource: 'nodes', namespace: '', name: node })
    const held = stored === undefined ? undefined : Item.of(stored)
    if (held?.object.metadata.uid !== nodeUid) return
    try {
      const next = withNodeStatus(held.object, status, printTime(cluster.clock.now()))
      await update(allowedOn(cluster, node, nodeUid, 'update', 'status'), next, { held, lane: 'first' })
      tellReadiness(cluster, held.object, next)
      return
    } catch (error) {
      if (!isRefusal(error, 'Conflict') || attempt >= ATTEMPTS) throw error
    }
  }
}

/** Its containers are gone: so is the pod, if it was to go. */
async function removeStopped(cluster: Cluster, session: Session, pod: Named, held: Item | undefined): Promise<void> {
  if (held?.object.metadata.deletionTimestamp === undefined) return
  try {
    const allowed = allowedOnPod(cluster, session, held.object, 'delete')
    await remove(allowed, { gracePeriodSeconds: 0, preconditions: { uid: pod.uid }, lane: 'first' })
  } catch (error) {
    // Gone already, or a pod of the same name took its place.
    if (!isRefusal(error, 'NotFound') && !isRefusal(error, 'Conflict')) throw error
  }
}

async function again(cluster: Cluster, session: Session, pod: Named): Promise<Item | undefined> {
  const stored = await cluster.store.get({ resource: 'pods', namespace: pod.namespace, name: pod.name })
  const item = stored === undefined ? undefined : Item.of(stored)
  const mine = item?.object.metadata.uid === pod.uid && (item.object as Pod).spec?.nodeName === session.claims.node
  return mine ? item : undefined
}

function allowedOnPod(
  cluster: Cluster,
  session: Session,
  pod: K8sObject,
  verb: 'update' | 'delete',
  subresource?: string,
): Allowed {
  const { node, nodeUid } = session.claims
  const { namespace, name } = pod.metadata
  const own = (pod as Pod).spec?.nodeName === node
  const resource = { group: '', version: 'v1', resource: 'pods', namespace, name, subresource }
  return authorizeAgent({ ...resource, cluster, verb, user: nodeUser(node, nodeUid) }, own)
}

function distinct(pods: readonly Named[]): ReportResponse['unknown'] {
  const byUid = new Map(pods.map(({ namespace, name, uid }) => [uid, { namespace, name, uid }]))
  return [...byUid.values()]
}
