/** How the loop goes about its work: what it costs, what it survives, when it does nothing. */
import { describe, expect, test } from 'vitest'
import { allControllers } from '../../api/loop/controllers.ts'
import { planned, type Planned } from '../../api/loop/controller.ts'
import { startLoop } from '../../api/loop/runner.ts'
import type { Cluster } from '../../api/platform/port.ts'
import type { Store } from '../../api/store/store.ts'
import { memoryBell } from '../../api/platform/memory.ts'
import { countedStore } from './counted.ts'
import { configMap } from '../http/door.ts'
import {
  addNode,
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

describe('what the loop survives', () => {
  test('a lost ring is made good by the tick', async () => {
    const silent = memoryBell()
    const world = await openWorld()
    await world[Symbol.asyncDispose]()
    const { door } = world
    const stop = new AbortController()
    const cluster: Cluster = { ...door.cluster, bell: { ...silent, ring: () => undefined } }
    const loop = startLoop(cluster, { signal: stop.signal })
    await loop.settled()
    await sent(
      door.send('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a' } }),
    )
    silent.ring({ revision: 0, resources: [], nodes: [] })
    await turns()
    expect((await door.send('GET', '/api/v1/namespaces/a/serviceaccounts/default')).status).toBe(200)
    await sent(
      door.send('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'b' } }),
    )
    await loop.settled()
    expect((await door.send('GET', '/api/v1/namespaces/b/serviceaccounts/default')).status).toBe(200)
    stop.abort()
    await loop.ended
  })

  test('two control planes at once make no pod twice', async () => {
    await using world = await openWorld()
    const stop = new AbortController()
    const other = startLoop(world.door.cluster, { signal: stop.signal })
    await other.settled()
    for (let round = 0; round < 10; round++) {
      await sent(world.door.send('POST', DEPLOYMENTS, aDeployment(`web-${round}`, 5)))
      await Promise.all([world.loop.settled(), other.settled()])
    }
    await advance(world, MINUTE)
    await Promise.all([world.loop.settled(), other.settled()])
    const pods = await world.list(PODS)
    expect(pods).toHaveLength(50)
    const created = (await world.list('/api/v1/events')).filter(({ reason }) => reason === 'SuccessfulCreate')
    expect(created.length).toBeLessThanOrEqual(50)
    const { revision } = await createdPods(world.door.cluster)
    expect(revision).toBe(50)
    stop.abort()
    await other.ended
  })

  test('another control plane takes over in the middle of a plan: every pod is bound, and each is told of once', async () => {
    let bindings = 0
    await using world = await openWorld({
      store: (store) => ({
        ...store,
        async write(group) {
          const [effect] = group.effects
          if (effect?.op === 'put' && effect.index.nodeName !== undefined && ++bindings === 10) await takeEpoch(store)
          return store.write(group)
        },
      }),
    })
    await addNode(world, 'n1')
    await sent(world.door.send('POST', DEPLOYMENTS, aDeployment('web', 40)))
    await world.loop.settled()
    await advance(world, MINUTE)
    await world.loop.settled()
    const pods = await world.names(PODS)
    expect(pods).toHaveLength(40)
    expect(bindings).toBeGreaterThan(40)
    const told = (await world.list('/api/v1/events')).filter(({ reason }) => reason === 'Scheduled')
    expect(new Set(told.map(({ message }) => message))).toEqual(
      new Set(pods.map((name) => `Successfully assigned default/${name} to n1`)),
    )
    expect(told).toHaveLength(40)
  })

  test('what was planned before another control plane took over is planned again before it is written', async () => {
    const world = await openWorld()
    await world[Symbol.asyncDispose]()
    const { cluster } = world.door
    let release: () => void = () => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    let reads = 0
    const slow: Planned = planned<string>({
      name: 'slow',
      user: 'system:slow',
      watches: { configmaps: ({ name }) => (name === 'cause' ? [name] : []) },
      async read(_view, key) {
        if (++reads === 1) await held
        return key
      },
      planner: (key) => ({ actions: [effectOf(key)] }),
    })
    const stop = new AbortController()
    const one = startLoop(cluster, { signal: stop.signal, controllers: [slow] })
    await one.settled()
    await sent(world.door.send('POST', '/api/v1/namespaces/default/configmaps', configMap('cause')))
    await turns()
    // The other one has work of its own, and takes the epoch for it.
    const other = startLoop(cluster, { signal: stop.signal })
    await other.settled()
    release()
    await advance(world, 10_000)
    expect(reads).toBe(2)
    expect(await world.names('/api/v1/namespaces/default/configmaps')).toContain('effect-of-cause')
    stop.abort()
    await Promise.all([one.ended, other.ended])
  })

  test('a planner that throws on one object stops neither the others nor itself', async () => {
    const seen: string[] = []
    const picky: Planned = planned<string>({
      name: 'picky',
      user: 'system:picky',
      watches: { configmaps: ({ name }) => [name] },
      read: (_view, key) => Promise.resolve(key),
      planner(key) {
        if (key === 'bad') throw new Error('I do not like it')
        seen.push(key)
        return { actions: [] }
      },
    })
    await using world = await openWorld({ controllers: [picky, ...allControllers()] })
    const path = '/api/v1/namespaces/default/configmaps'
    for (const name of ['one', 'bad', 'two']) await sent(world.door.send('POST', path, configMap(name)))
    await sent(world.door.send('POST', DEPLOYMENTS, aDeployment('web', 1)))
    await world.loop.settled()
    expect(seen).toContain('one')
    expect(seen).toContain('two')
    expect(await world.names(PODS)).toHaveLength(1)
  })

  test('a store that does not answer for a while', async () => {
    let down = false
    const failing = (store: Store): Store => ({
      ...store,
      after: (query) => (down ? Promise.reject(new Error('down')) : store.after(query)),
    })
    await using world = await openWorld({ store: failing })
    down = true
    await sent(world.door.send('POST', DEPLOYMENTS, aDeployment('web', 1)))
    await turns()
    down = false
    await advance(world, 2 * MINUTE)
    await world.loop.settled()
    expect(await world.names(PODS)).toHaveLength(1)
  })

  test('a log that was compacted beyond its cursor', async () => {
    await using world = await openWorld()
    const { cluster } = world.door
    const path = '/api/v1/namespaces/default/configmaps'
    const cursor = world.loop.cursor()
    await world[Symbol.asyncDispose]()
    await sent(world.door.send('POST', DEPLOYMENTS, aDeployment('web', 1)))
    await sent(world.door.send('POST', path, configMap('one')))
    await cluster.store.compact((await cluster.store.head()).head, 100)
    const stop = new AbortController()
    const loop = startLoop(cluster, { signal: stop.signal, cursor })
    await loop.settled()
    expect(await world.names(PODS)).toHaveLength(1)
    stop.abort()
    await loop.ended
  })
})

describe('a successor', () => {
  test('goes on from the cursor: what came after is planned, what was settled is not looked at again', async () => {
    const counted = countedStore()
    const first = await openWorld({ store: counted.wrap })
    await addNode(first, 'n1')
    await sent(first.door.send('POST', DEPLOYMENTS, aDeployment('web', 3)))
    await first.loop.settled()
    const cursor = first.loop.cursor()
    await first[Symbol.asyncDispose]()
    await sent(first.door.send('PATCH', `${DEPLOYMENTS}/web`, { spec: { replicas: 4 } }, MERGE))
    const stop = new AbortController()
    const loop = startLoop(first.door.cluster, { signal: stop.signal, cursor })
    const next = await loop.settled()
    // The node's silence is waited for again.
    expect(next).toBeLessThanOrEqual(first.clock.now() + 40_000)
    const pods = await first.list(PODS)
    expect(pods).toHaveLength(4)
    expect(pods.every((pod) => pod.spec.nodeName === 'n1')).toBe(true)
    stop.abort()
    await loop.ended
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

function effectOf(cause: string): Answered {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default', name: `effect-of-${cause}` } }
  return { do: 'create', resource: 'configmaps', object, why: 'a test' }
}

/** As another control plane would, which then does nothing. */
async function takeEpoch(store: Store): Promise<void> {
  const key = { resource: '~pass', namespace: '', name: 'epoch' }
  const held = await store.get(key)
  const put = { op: 'put', key, expect: held?.revision ?? 'absent', value: '{"owner":"another"}', index: {} } as const
  expect((await store.write({ effects: [put] })).ok).toBe(true)
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

async function createdPods(cluster: Cluster): Promise<{ revision: number }> {
  let since = (await cluster.store.head()).compacted
  let created = 0
  for (;;) {
    const after = await cluster.store.after({ since, resources: ['pods'], limit: 500, previous: false })
    if (!after.ok) throw new Error('compacted')
    created += after.changes.filter(({ op }) => op === 'create').length
    since = after.upTo
    if (!after.more) return { revision: created }
  }
}

/** Time passes in steps, and whatever is due happens. */
async function advance(world: World, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10_000) {
    await world.clock.advance(10_000)
    await turns()
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

/** Lets everything that is ready to go on do so: the store is in memory. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}
