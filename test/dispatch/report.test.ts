import { beforeEach, describe, expect, test } from 'vitest'
import { type ManualClock, manualClock } from '../../api/platform/memory.ts'
import type { Cluster } from '../../api/platform/port.ts'
import { remove } from '../../api/registry/delete.ts'
import { get } from '../../api/registry/get.ts'
import { update } from '../../api/registry/update.ts'
import type { Event, Node, Pod } from '../../schema/k8s/generated/types.ts'
import { memoryCluster, START } from '../build/cluster.ts'
import { Agent, aPod, asAdmin, call, createNamespace, createObject } from './agent.ts'

let clock: ManualClock
let cluster: Cluster
let agent: Agent

beforeEach(async () => {
  clock = manualClock(START)
  cluster = await memoryCluster({ clock })
  await createNamespace(cluster, 'ns')
  agent = await Agent.join(cluster, 'n1')
})

const podNow = async (name: string): Promise<Pod> =>
  (await get(asAdmin(cluster, 'get', 'pods', 'ns', name))).object as Pod
const named = async (name: string, node = 'n1') => {
  const { metadata } = await createObject(cluster, 'pods', aPod(name, node))
  return { namespace: 'ns', name, uid: metadata.uid ?? '' }
}
const events = async (): Promise<readonly Event[]> => {
  const page = await cluster.store.list({ resource: 'events', limit: 100 })
  return 'expired' in page ? [] : page.items.map(({ value }) => JSON.parse(value) as Event)
}

describe('a pod’s status', () => {
  test('is what the agent says; what others wrote stays', async () => {
    const pod = await named('web')
    const allowed = asAdmin(cluster, 'update', 'pods', 'ns', 'web', 'status')
    const { object } = await get(asAdmin(cluster, 'get', 'pods', 'ns', 'web'))
    const gate = { type: 'example.com/ready', status: 'True', lastTransitionTime: '2025-01-01T00:00:00Z' }
    await update(allowed, { ...object, status: { ...(object['status'] as object), conditions: [gate] } })
    await agent.report({
      pods: [
        {
          ...pod,
          status: {
            phase: 'Running',
            podIP: '10.244.0.2',
            qosClass: 'Guaranteed',
            conditions: [{ type: 'Ready', status: 'True' }],
          },
        },
      ],
    })
    const { status } = await podNow('web')
    expect(status).toMatchObject({
      phase: 'Running',
      podIP: '10.244.0.2',
      qosClass: 'BestEffort',
      startTime: '2026-01-01T00:00:00Z',
    })
    expect(status?.conditions).toEqual([
      gate,
      { type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' },
    ])
  })

  test('a condition that did not turn keeps the time of its last turn', async () => {
    const pod = await named('web')
    const say = (status: string) =>
      agent.report({ pods: [{ ...pod, status: { phase: 'Running', conditions: [{ type: 'Ready', status }] } }] })
    await say('True')
    await clock.advance(5000)
    await say('True')
    expect((await podNow('web')).status?.conditions?.[0]?.lastTransitionTime).toBe('2026-01-01T00:00:00Z')
    await say('False')
    expect((await podNow('web')).status?.conditions?.[0]?.lastTransitionTime).toBe('2026-01-01T00:00:05Z')
  })

  test('reports that come again or late change nothing', async () => {
    const pod = await named('web')
    const report = (seq: number, podIP: string) =>
      agent.report({ seq, pods: [{ ...pod, status: { phase: 'Running', podIP } }] })
    await report(5, '10.244.0.5')
    const { metadata } = await podNow('web')
    await report(5, '10.244.0.5')
    await report(4, '10.244.0.4')
    expect((await podNow('web')).status?.podIP).toBe('10.244.0.5')
    expect((await podNow('web')).metadata?.resourceVersion).toBe(metadata?.resourceVersion)
    await report(6, '10.244.0.6')
    expect((await podNow('web')).status?.podIP).toBe('10.244.0.6')
  })

  test('a pod that ended does not run again', async () => {
    const pod = await named('job')
    await agent.report({ pods: [{ ...pod, status: { phase: 'Succeeded' } }] })
    await agent.report({ pods: [{ ...pod, status: { phase: 'Running' } }] })
    expect((await podNow('job')).status?.phase).toBe('Succeeded')
  })

  test('survives others writing the same pod, and many at once', async () => {
    const pods = await Promise.all(Array.from({ length: 50 }, (_, at) => named(`p${at}`)))
    const label = async (name: string): Promise<void> => {
      const { object } = await get(asAdmin(cluster, 'get', 'pods', 'ns', name))
      const { resourceVersion: _, ...metadata } = object.metadata
      await update(asAdmin(cluster, 'update', 'pods', 'ns', name), {
        ...object,
        metadata: { ...metadata, labels: { a: 'b' } },
      })
    }
    await Promise.all([
      agent.report({ pods: pods.map((pod) => ({ ...pod, status: { phase: 'Running' } })) }),
      ...pods.map(({ name }) => label(name)),
    ])
    for (const { name } of pods) {
      expect(await podNow(name)).toMatchObject({ metadata: { labels: { a: 'b' } }, status: { phase: 'Running' } })
    }
  })
})

describe('what is not the node’s', () => {
  test('is answered as unknown and not touched: pods of others, pods that are gone, pods made anew', async () => {
    await Agent.join(cluster, 'n2')
    const other = await named('other', 'n2')
    const old = await named('web')
    await remove(asAdmin(cluster, 'delete', 'pods', 'ns', 'web'), { gracePeriodSeconds: 0 })
    await named('web')
    const gone = { namespace: 'ns', name: 'nowhere', uid: 'u' }
    const status = { phase: 'Failed' }
    const answer = await agent.report({
      pods: [other, old, gone].map((pod) => ({ ...pod, status })),
      stopped: [other],
      events: [{ namespace: 'ns', pod: 'other', podUid: other.uid, type: 'Normal', reason: 'Evil', message: 'x' }],
    })
    expect(answer.unknown.map(({ uid }) => uid).toSorted()).toEqual([other.uid, old.uid, gone.uid].toSorted())
    expect((await podNow('other')).status?.phase).toBe('Pending')
    expect((await podNow('web')).status?.phase).toBe('Pending')
    expect(await events()).toEqual([])
  })

  test('is not reached by a report for another node or cluster', async () => {
    const second = await Agent.join(cluster, 'n2')
    const other = await memoryCluster({ name: 'other', clock })
    const foreign = await Agent.join(other, 'n1')
    const pod = await named('web')
    const message = { seq: 1, pods: [{ ...pod, status: { phase: 'Failed' } }], stopped: [], events: [] }
    expect(
      (await call(cluster, 'report', agent.credential, { ...message, session: second.registered.session })).status,
    ).toBe(403)
    expect(
      (await call(cluster, 'report', foreign.credential, { ...message, session: foreign.registered.session })).status,
    ).toBe(401)
    expect((await podNow('web')).status?.phase).toBe('Pending')
  })

  test('a report writes status and nothing else', async () => {
    const pod = await named('web')
    const evil = { phase: 'Running', metadata: { labels: { x: 'y' } }, spec: { nodeName: 'n2' } }
    await agent.report({
      pods: [{ ...pod, status: evil }],
      node: { metadata: { labels: { 'node-role.kubernetes.io/x': '' } }, spec: { taints: [] } },
    })
    expect(await podNow('web')).toMatchObject({ spec: { nodeName: 'n1' } })
    expect((await podNow('web')).metadata?.labels).toBeUndefined()
    const node = (await get(asAdmin(cluster, 'get', 'nodes', undefined, 'n1'))).object as Node
    expect(node.metadata?.labels).toEqual({ 'kubernetes.io/hostname': 'n1' })
    expect(node.metadata?.ownerReferences).toBeUndefined()
  })
})

describe('a pod that stopped', () => {
  test('is removed if it was to go, and only then', async () => {
    const [going, staying] = [await named('going'), await named('staying')]
    await remove(asAdmin(cluster, 'delete', 'pods', 'ns', 'going'))
    await agent.report({ stopped: [going, staying] })
    await expect(podNow('going')).rejects.toThrow('not found')
    expect((await podNow('staying')).metadata?.deletionTimestamp).toBeUndefined()
    expect((await agent.report({ stopped: [going] })).unknown).toEqual([going])
  })

  test('a pod of the same name that came after it stays', async () => {
    const old = await named('web')
    await remove(asAdmin(cluster, 'delete', 'pods', 'ns', 'web'), { gracePeriodSeconds: 0 })
    await named('web')
    await remove(asAdmin(cluster, 'delete', 'pods', 'ns', 'web'))
    await agent.report({ stopped: [old] })
    expect((await podNow('web')).metadata?.deletionTimestamp).toBeDefined()
  })
})

test('the node’s status: fields that are left out stay, conditions are told apart by type', async () => {
  await agent.report({ node: { conditions: [{ type: 'MemoryPressure', status: 'True' }], images: [] } })
  const node = (await get(asAdmin(cluster, 'get', 'nodes', undefined, 'n1'))).object as Node
  expect(node.status?.capacity).toEqual({ cpu: '4', memory: '8Gi', pods: '110' })
  expect(node.status?.conditions?.map(({ type, status }) => `${type}=${status}`)).toEqual([
    'Ready=True',
    'MemoryPressure=True',
  ])
})

test('a node that is no longer ready, and one that is again, are told of', async () => {
  await createNamespace(cluster, 'default')
  const n2 = await Agent.join(cluster, 'n2')
  const say = (status: string): Promise<unknown> => n2.report({ node: { conditions: [{ type: 'Ready', status }] } })
  const told = async (): Promise<readonly string[]> =>
    (await events()).map(({ count, message, source }) => `${count} x ${source?.component}: ${message}`).toSorted()
  const ready = 'kubelet: Node n2 status is now: NodeReady'
  const not = 'kubelet: Node n2 status is now: NodeNotReady'
  await expect.poll(told).toEqual([`1 x ${ready}`])
  await say('False')
  await expect.poll(told).toEqual([`1 x ${not}`, `1 x ${ready}`])
  await say('False')
  await say('True')
  await expect.poll(told).toEqual([`1 x ${not}`, `2 x ${ready}`])
})

test('events of one second are listed in the order of a pod’s life', async () => {
  const { name: pod, uid: podUid } = await named('web')
  const reasons = ['Pulling', 'Pulled', 'Created', 'Started', 'Killing', 'BackOff']
  const told = reasons.map((reason) => ({
    namespace: 'ns',
    pod,
    podUid,
    type: 'Normal' as const,
    reason,
    message: 'm',
  }))
  for (const event of told.toReversed()) await agent.report({ events: [event] })
  expect((await events()).map(({ reason }) => reason)).toEqual(reasons)
})

test('events are counted on one object, across reports; a report that comes again is not counted', async () => {
  const pod = await named('web')
  const event = {
    namespace: 'ns',
    pod: 'web',
    podUid: pod.uid,
    fieldPath: 'spec.containers{main}',
    type: 'Warning' as const,
    reason: 'BackOff',
    message: 'again',
  }
  await agent.report({ events: [event, event, { ...event, reason: 'Pulled', type: 'Normal' }] })
  await clock.advance(10_000)
  await agent.report({ seq: 2, events: [event] })
  await agent.report({ seq: 2, events: [event] })
  const found = await events()
  expect(found.map(({ reason, count }) => `${reason} ${count}`).toSorted()).toEqual(['BackOff 3', 'Pulled 1'])
  expect(found.find(({ reason }) => reason === 'BackOff')).toMatchObject({
    involvedObject: { kind: 'Pod', namespace: 'ns', name: 'web', uid: pod.uid, fieldPath: 'spec.containers{main}' },
    source: { component: 'kubelet', host: 'n1' },
    firstTimestamp: '2026-01-01T00:00:00Z',
    lastTimestamp: '2026-01-01T00:00:10Z',
    reportingComponent: 'kubelet',
    reportingInstance: 'n1',
  })
})
