/** What the loop survives: lost rings, others that plan as well, failures, and its own end. */
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
  advance,
  turns,
  aDeployment,
  type Answered,
  DEPLOYMENTS,
  MERGE,
  openWorld,
  PODS,
  sent,
} from './world.ts'

const MINUTE = 60_000

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
