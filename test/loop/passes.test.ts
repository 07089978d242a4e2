/** What passes cost, when none happen, and what they say. */
import { describe, expect, test } from 'vitest'
import { planned, type Planned } from '../../api/loop/controller.ts'
import type { Cluster } from '../../api/platform/port.ts'
import { countedStore } from './counted.ts'
import { configMap } from '../http/door.ts'
import {
  addNode,
  advance,
  turns,
  aDeployment,
  aPod,
  aService,
  type Answered,
  DEPLOYMENTS,
  MERGE,
  openWorld,
  PODS,
  sent,
  SERVICES,
  setRunning,
  type World,
} from './world.ts'

const MINUTE = 60_000

describe('what a pass costs', () => {
  test.each([10, 10_000])(
    'a pass caused by one pod reads at most 50 rows with %i pods stored',
    async (stored) => {
      const counted = countedStore()
      await using world = await openWorld({ store: counted.wrap })
      await addNode(world, 'n1')
      await sent(world.door.send('POST', SERVICES, aService('web', { app: 'web' })))
      await seedPods(world.door.cluster, stored)
      await sent(world.door.send('POST', DEPLOYMENTS, aDeployment('web', 3)))
      await world.loop.settled()
      const pods = (await world.list(`${PODS}?labelSelector=app=web`)).map((pod) => pod.metadata.name)

      const [first = '', second = ''] = pods
      const changed = await counted.during(async () => {
        await setRunning(world, first, '10.1.0.1')
        await world.loop.settled()
      })
      expect(changed.rows).toBeLessThanOrEqual(50)
      const removed = await counted.during(async () => {
        await sent(world.door.send('DELETE', `${PODS}/${second}?gracePeriodSeconds=0`))
        await world.loop.settled()
      })
      // The pass that makes another pod, the passes that place it and count it: each within its budget.
      expect(removed.rows).toBeLessThanOrEqual(3 * 50)
      const made = await counted.during(async () => {
        await sent(world.door.send('POST', PODS, aPod('single')))
        await world.loop.settled()
      })
      expect(made.rows).toBeLessThanOrEqual(50)
    },
    30_000,
  )

  test('a binding that is lost costs its pod a second look, not everything that waits', async () => {
    const counted = countedStore()
    let changeFirst = async (): Promise<void> => undefined
    let bindings = 0
    await using world = await openWorld({
      store: (store) =>
        counted.wrap({
          ...store,
          async write(group) {
            const binds = group.effects.some(
              (effect) => effect.op === 'put' && effect.value.includes('"nodeName":"n1"'),
            )
            if (binds && ++bindings === 1) await changeFirst()
            return store.write(group)
          },
        }),
    })
    await addNode(world, 'n1')
    for (let at = 0; at < 300; at++) {
      const waits = aPod(`waits-${at}`) as { spec: object }
      await sent(world.door.send('POST', PODS, { ...waits, spec: { ...waits.spec, nodeSelector: { disk: 'none' } } }))
    }
    await world.loop.settled()
    changeFirst = () =>
      sent(world.door.send('PATCH', `${PODS}/one`, { metadata: { labels: { now: 'changed' } } }, MERGE))
    const lost = await counted.during(async () => {
      await sent(world.door.send('POST', PODS, aPod('one')))
      await world.loop.settled()
    })
    const pod = await sent(world.door.send('GET', `${PODS}/one`))
    expect(bindings).toBe(2)
    expect([pod.spec.nodeName, pod.metadata.labels]).toEqual(['n1', { now: 'changed' }])
    expect(lost.rows).toBeLessThanOrEqual(50)
  })

  test('bindings of 1,000 pods are written side by side', async () => {
    let now = 0
    let most = 0
    await using world = await openWorld({
      store: (store) => ({
        ...store,
        async write(group) {
          now++
          most = Math.max(most, now)
          await Promise.resolve()
          const outcome = await store.write(group)
          now--
          return outcome
        },
      }),
    })
    for (let at = 0; at < 10; at++) await addNode(world, `n${at}`)
    await sent(world.door.send('POST', DEPLOYMENTS, aDeployment('web', 1000)))
    await world.loop.settled()
    const pods = await world.list(PODS)
    expect(pods.filter((pod) => pod.spec.nodeName !== undefined)).toHaveLength(1000)
    expect(most).toBeGreaterThanOrEqual(400)
  }, 30_000)
})

describe('when nothing happens', () => {
  test('ten minutes after the last write nothing is asked and nothing written, whatever time passes', async () => {
    const counted = countedStore()
    await using world = await openWorld({ store: counted.wrap })
    await addNode(world, 'n1')
    await sent(world.door.send('POST', DEPLOYMENTS, aDeployment('web', 2)))
    await world.loop.settled()
    for (const pod of await world.list(PODS)) await setRunning(world, pod.metadata.name, '10.1.0.1')
    await world.loop.settled()
    await heardFor(world, 10 * MINUTE)
    const { cluster } = world.door
    expect((await cluster.store.head()).compacted).toBeGreaterThan(0)
    const idle = await counted.during(() => heardFor(world, 120 * MINUTE))
    expect(idle).toEqual({ questions: 0, rows: 0, groups: 0 })
  })

  test('Events that are over are removed with the next write', async () => {
    await using world = await openWorld()
    await sent(world.door.send('POST', DEPLOYMENTS, aDeployment('web', 1)))
    await world.loop.settled()
    expect((await world.list('/api/v1/events')).length).toBeGreaterThan(0)
    await advance(world, 70 * MINUTE)
    await sent(world.door.send('POST', '/api/v1/namespaces/default/configmaps', configMap('later')))
    await world.loop.settled()
    await advance(world, 10 * MINUTE)
    expect(await world.list('/api/v1/events')).toEqual([])
  })
})

describe('Events', () => {
  test('the same thing said again is counted, and a source that talks too much is cut short', async () => {
    const chatty: Planned = planned<Answered>({
      name: 'chatty',
      user: 'system:chatty',
      watches: { configmaps: ({ namespace, name }) => (name === 'about' ? [`${namespace}/${name}`] : []) },
      read: (view) => view.get('configmaps', 'default', 'about'),
      planner: ({ object, revision }) => ({
        actions: [said('Same', 'always the same'), said('New', `now at ${revision}`)].map((action) => ({
          ...action,
          target: {
            resource: 'configmaps',
            namespace: 'default',
            name: 'about',
            uid: object.metadata.uid,
            atRevision: revision,
            kind: 'ConfigMap',
            apiVersion: 'v1',
          },
        })),
      }),
    })
    await using world = await openWorld({ controllers: [chatty] })
    const path = '/api/v1/namespaces/default/configmaps'
    await sent(world.door.send('POST', path, configMap('about')))
    await world.loop.settled()
    for (let count = 1; count < 40; count++) {
      await sent(world.door.send('PATCH', `${path}/about`, { data: { count: String(count) } }, MERGE))
      await world.loop.settled()
    }
    const events = await world.list('/api/v1/namespaces/default/events')
    const same = events.filter(({ reason }) => reason === 'Same')
    expect(same).toHaveLength(1)
    expect(same[0].count).toBe(13)
    expect(events.length + same[0].count - 1).toBe(25)
    expect(same[0].metadata.name).toMatch(/^about\.[0-9a-f]+$/)
  })
})

function said(
  reason: string,
  message: string,
): { do: 'event'; type: 'Normal'; reason: string; message: string; source: string } {
  return { do: 'event', type: 'Normal', reason, message, source: 'chatty' }
}

/** Pods that are none of the test's business, bound and running, straight into the store. */
async function seedPods(cluster: Cluster, count: number): Promise<void> {
  for (let at = 0; at < count; at++) {
    const name = `other-${at}`
    const labels = { app: 'other' }
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default', uid: `uid-${at}`, labels, ownerReferences: [] },
      spec: { nodeName: 'n2', containers: [{ name: 'main', image: 'busybox' }] },
      status: { phase: 'Running', podIP: '10.2.0.1' },
    }
    const index = { labels, nodeName: 'n2', uid: `uid-${at}` }
    const key = { resource: 'pods', namespace: 'default', name }
    await cluster.store.write({ effects: [{ op: 'put', key, expect: 'absent', value: JSON.stringify(pod), index }] })
  }
}

/** The same, with the agents heard all the while. */
async function heardFor(world: World, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10_000) {
    world.door.cluster.live.seen('n1', world.clock.now())
    await world.clock.advance(10_000)
    await turns()
  }
}
