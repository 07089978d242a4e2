import { beforeEach, describe, expect, test } from 'vitest'
import { type ManualClock, manualClock } from '../../api/platform/memory.ts'
import type { Cluster } from '../../api/platform/port.ts'
import { remove } from '../../api/registry/delete.ts'
import { get } from '../../api/registry/get.ts'
import { update } from '../../api/registry/update.ts'
import type { Store } from '../../api/store/store.ts'
import type { PollResponse } from '../../schema/wire/poll.ts'
import { memoryCluster, START } from '../build/cluster.ts'
import { Agent, aPod, asAdmin, call, createNamespace, createObject } from './agent.ts'

let clock: ManualClock
let cluster: Cluster
let queries = 0

beforeEach(async () => {
  clock = manualClock(START)
  const counted = (store: Store): Store =>
    new Proxy(store, {
      get(target, property) {
        const value = Reflect.get(target, property) as unknown
        if (typeof value !== 'function') return value
        return (...given: unknown[]) => {
          queries++
          return (value as (...given: unknown[]) => unknown).apply(target, given)
        }
      },
    })
  cluster = await memoryCluster({ clock, store: counted })
  await createNamespace(cluster, 'ns')
})

const names = (objects: readonly Record<string, unknown>[]): readonly string[] =>
  objects.map((object) => (object['metadata'] as { name: string }).name).toSorted()

const uidOf = (object: Record<string, unknown> | undefined): string | undefined =>
  (object?.['metadata'] as { uid: string } | undefined)?.uid

const config = (name: string, value: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'ns' },
  data: { value },
})
const secret = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: 'ns' },
  stringData: { a: 'b' },
})
const uses = (spec: { secret?: string; config?: string }) => ({
  volumes: [
    ...(spec.secret === undefined ? [] : [{ name: 's', secret: { secretName: spec.secret } }]),
    ...(spec.config === undefined ? [] : [{ name: 'c', configMap: { name: spec.config } }]),
  ],
})

async function setConfig(name: string, value: string): Promise<void> {
  const { object } = await get(asAdmin(cluster, 'get', 'configmaps', 'ns', name))
  await update(asAdmin(cluster, 'update', 'configmaps', 'ns', name), { ...object, data: { value } })
}

/** Lets what was started run until it waits for something outside. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 5))

describe('the first answer', () => {
  test('is everything the node runs, with what its pods name, and nothing of another node', async () => {
    await createObject(cluster, 'secrets', secret('s1'))
    await createObject(cluster, 'secrets', secret('not-named'))
    await createObject(cluster, 'configmaps', config('c1', 'x'))
    const n1 = await Agent.join(cluster, 'n1')
    const n2 = await Agent.join(cluster, 'n2')
    await createObject(cluster, 'pods', aPod('one', 'n1', uses({ secret: 's1', config: 'c1' })))
    await createObject(cluster, 'pods', aPod('two', 'n1', uses({ secret: 'nowhere' })))
    await createObject(cluster, 'pods', aPod('three', 'n2', uses({ secret: 's1' })))
    const { assignment } = await n1.poll()
    if (assignment.kind !== 'all') throw new Error('not everything')
    expect(names(assignment.pods)).toEqual(['one', 'two'])
    expect(names(assignment.secrets)).toEqual(['s1'])
    expect(names(assignment.configMaps)).toEqual(['c1'])
    expect(assignment.missing).toEqual([{ kind: 'Secret', namespace: 'ns', name: 'nowhere' }])
    expect(assignment.secrets[0]).toMatchObject({
      data: { a: 'Yg==' },
      metadata: { resourceVersion: expect.any(String) },
    })
    const other = (await n2.poll()).assignment
    expect(names(other.pods)).toEqual(['three'])
    expect(names(other.configMaps)).toEqual([])
  })
})

describe('a poll that hangs', () => {
  let agent: Agent

  beforeEach(async () => {
    agent = await Agent.join(cluster, 'n1')
    await agent.poll()
  })

  async function during(act: () => Promise<unknown>): Promise<PollResponse> {
    const hanging = agent.poll(25_000)
    await settle()
    await act()
    return hanging
  }

  test('is answered when a pod comes, changes, goes', async () => {
    const came = (await during(() => createObject(cluster, 'pods', aPod('web', 'n1')))).assignment
    expect(came).toMatchObject({ kind: 'changes', pods: [{ metadata: { name: 'web' } }], gone: [] })
    const uid = uidOf(came.pods[0])

    const marked = await during(() => remove(asAdmin(cluster, 'delete', 'pods', 'ns', 'web')))
    expect(marked.assignment.pods).toMatchObject([{ metadata: { deletionTimestamp: expect.any(String) } }])

    const gone = await during(() => remove(asAdmin(cluster, 'delete', 'pods', 'ns', 'web'), { gracePeriodSeconds: 0 }))
    expect(gone.assignment).toMatchObject({ kind: 'changes', pods: [], gone: [{ namespace: 'ns', name: 'web', uid }] })
  })

  test('a pod made anew under the same name is both: one gone, one new', async () => {
    await during(() => createObject(cluster, 'pods', aPod('web', 'n1')))
    await remove(asAdmin(cluster, 'delete', 'pods', 'ns', 'web'), { gracePeriodSeconds: 0 })
    await createObject(cluster, 'pods', aPod('web', 'n1'))
    const { assignment } = await agent.poll(25_000)
    if (assignment.kind !== 'changes') throw new Error('not changes')
    expect(assignment.gone).toHaveLength(1)
    expect(assignment.pods).toHaveLength(1)
    expect(assignment.gone[0]?.uid).not.toBe(uidOf(assignment.pods[0]))
  })

  test('is answered when a ConfigMap or Secret of its pods changes, comes or goes', async () => {
    await createObject(cluster, 'configmaps', config('c1', 'old'))
    const first = await during(() =>
      createObject(cluster, 'pods', aPod('web', 'n1', uses({ config: 'c1', secret: 's1' }))),
    )
    expect(first.assignment).toMatchObject({
      configMaps: [{ data: { value: 'old' } }],
      missing: [{ kind: 'Secret', name: 's1' }],
    })

    const changed = await during(() => setConfig('c1', 'new'))
    expect(changed.assignment).toMatchObject({ kind: 'changes', pods: [], configMaps: [{ data: { value: 'new' } }] })

    const came = await during(() => createObject(cluster, 'secrets', secret('s1')))
    expect(names(came.assignment.secrets)).toEqual(['s1'])

    const gone = await during(() => remove(asAdmin(cluster, 'delete', 'configmaps', 'ns', 'c1')))
    expect(gone.assignment.missing).toEqual([{ kind: 'ConfigMap', namespace: 'ns', name: 'c1' }])
  })

  test('what happens between two polls comes with the next', async () => {
    await createObject(cluster, 'configmaps', config('c1', 'old'))
    await during(() => createObject(cluster, 'pods', aPod('web', 'n1', uses({ config: 'c1' }))))
    await createObject(cluster, 'pods', aPod('api', 'n1'))
    expect(names((await agent.poll(25_000)).assignment.pods)).toEqual(['api'])
    await setConfig('c1', 'new')
    await settle()
    expect((await agent.poll(25_000)).assignment.configMaps).toMatchObject([{ data: { value: 'new' } }])
  })

  test('is not woken by what is not the node’s, and then costs nothing', async () => {
    const hanging = agent.poll(20_000)
    await settle()
    const before = queries
    await clock.advance(20_000)
    const { assignment, streams } = await hanging
    expect(queries - before).toBe(0)
    expect(streams).toEqual([])
    expect(assignment).toMatchObject({ kind: 'changes', pods: [], gone: [], secrets: [], configMaps: [], missing: [] })
    const again = agent.poll(20_000)
    await settle()
    await createObject(cluster, 'pods', aPod('elsewhere', 'n2'))
    await createObject(cluster, 'configmaps', config('nobody-uses', 'x'))
    await settle()
    await clock.advance(20_000)
    expect((await again).assignment).toMatchObject({ pods: [], configMaps: [] })
  })

  test('is answered with the streams that wait for the node', async () => {
    const order = {
      id: 'o1',
      kind: 'log' as const,
      node: 'n1',
      namespace: 'ns',
      pod: 'p',
      podUid: 'u',
      container: 'c',
      query: [],
    }
    const answer = await during(() => {
      void cluster.streams.read(order, { timeoutMs: 1000, signal: new AbortController().signal })
      return Promise.resolve()
    })
    expect(answer.streams).toEqual([order])
    expect((await agent.poll()).streams).toEqual([])
  })

  test('ends when its Node is deleted, and nothing is served any more', async () => {
    const hanging = agent.pollCall(25_000)
    await settle()
    await remove(asAdmin(cluster, 'delete', 'nodes', undefined, 'n1'))
    expect((await hanging).status).toBe(410)
    expect((await agent.pollCall(0)).status).toBe(401)
    expect((await agent.reportCall({})).status).toBe(401)
  })

  test('a newer poll of the same agent ends it', async () => {
    const first = agent.pollCall(25_000)
    await settle()
    const second = agent.poll(25_000)
    expect((await first).status).toBe(200)
    await createObject(cluster, 'pods', aPod('web', 'n1'))
    expect(names((await second).assignment.pods)).toEqual(['web'])
  })
})

describe('an agent that lost an answer', () => {
  test('gets everything again, not a gap', async () => {
    const agent = await Agent.join(cluster, 'n1')
    await agent.poll()
    const { have } = agent
    await createObject(cluster, 'pods', aPod('web', 'n1'))
    await agent.poll()
    agent.have = have
    const { assignment } = await agent.poll()
    expect(assignment.kind).toBe('all')
    expect(names(assignment.pods)).toEqual(['web'])
  })

  test('gets a Secret or ConfigMap again that came with it', async () => {
    const agent = await Agent.join(cluster, 'n1')
    await createObject(cluster, 'configmaps', config('c1', 'old'))
    await createObject(cluster, 'pods', aPod('web', 'n1', uses({ config: 'c1', secret: 's1' })))
    await agent.poll()
    const steps = [() => setConfig('c1', 'new'), () => createObject(cluster, 'secrets', secret('s1'))]
    for (const step of steps) {
      const { have } = agent
      const lost = agent.poll(20_000)
      await settle()
      await step()
      await lost
      agent.have = have
      const { assignment } = await agent.poll()
      expect(assignment.kind).toBe('all')
      expect(assignment.configMaps).toMatchObject([{ data: { value: 'new' } }])
    }
  })

  test('the same pod is not sent twice when only its own report changed it', async () => {
    const agent = await Agent.join(cluster, 'n1')
    const pod = await createObject(cluster, 'pods', aPod('web', 'n1'))
    await agent.poll()
    const { name = '', uid = '' } = pod.metadata
    await agent.report({ pods: [{ namespace: 'ns', name, uid, status: { phase: 'Running' } }] })
    const hanging = agent.poll(20_000)
    await settle()
    await clock.advance(20_000)
    expect((await hanging).assignment.pods).toEqual([])
  })
})

describe('the control plane starts again', () => {
  test('sessions go on: nothing is registered anew, everything is sent once', async () => {
    const agent = await Agent.join(cluster, 'n1')
    await createObject(cluster, 'pods', aPod('web', 'n1'))
    await agent.poll()
    const restarted: Cluster = { ...cluster }
    const message = { session: agent.registered.session, have: agent.have, wait: 'poll', waitMs: 0 }
    const first = await call(restarted, 'poll', agent.credential, message)
    expect(first).toMatchObject({
      status: 200,
      body: { assignment: { kind: 'all', pods: [{ metadata: { name: 'web' } }] } },
    })
    const to = (first.body as PollResponse).assignment.to
    const second = await call(restarted, 'poll', agent.credential, { ...message, have: to })
    expect(second).toMatchObject({ status: 200, body: { assignment: { kind: 'changes' } } })
  })

  test('a session whose Node went meanwhile does not', async () => {
    const agent = await Agent.join(cluster, 'n1')
    await remove(asAdmin(cluster, 'delete', 'nodes', undefined, 'n1'))
    const restarted: Cluster = { ...cluster }
    const message = { session: agent.registered.session, have: null, wait: 'poll', waitMs: 0 }
    expect((await call(restarted, 'poll', agent.credential, message)).status).toBe(401)
  })
})

describe('nothing crosses', () => {
  test('sessions and credentials of other nodes and clusters are refused', async () => {
    const other = await memoryCluster({ name: 'other', clock })
    const [n1, n2, foreign] = [
      await Agent.join(cluster, 'n1'),
      await Agent.join(cluster, 'n2'),
      await Agent.join(other, 'n1'),
    ]
    const ask = (session: string, bearer: string) =>
      call(cluster, 'poll', bearer, { session, have: null, wait: 'poll', waitMs: 0 }).then(({ status }) => status)
    expect(await ask(n1.registered.session, n1.credential)).toBe(200)
    expect(await ask(n2.registered.session, n1.credential)).toBe(403)
    expect(await ask(foreign.registered.session, n1.credential)).toBe(410)
    expect(await ask(n1.registered.session, foreign.credential)).toBe(401)
    expect(await ask(n1.credential, n1.credential)).toBe(410)
    expect(await ask(n1.registered.session, n1.registered.session)).toBe(401)
    expect(await ask('', n1.credential)).toBe(410)
  })
})

test('a credential is renewed in the last fifth of its life', async () => {
  const agent = await Agent.join(cluster, 'n1')
  expect((await agent.poll()).credential).toBeUndefined()
  for (let minutes = 0; minutes < 19 * 60 + 20; minutes += 0.5) {
    await clock.advance(30_000)
    const { credential } = await agent.poll()
    if (credential === undefined) continue
    expect(credential.expiresAt - clock.now()).toBe(24 * 3_600_000)
    agent.credential = credential.token
    expect((await agent.poll()).credential).toBeUndefined()
    return
  }
  throw new Error('never renewed')
}, 60_000)

test('a session that was silent for too long is over', async () => {
  const agent = await Agent.join(cluster, 'n1')
  await agent.poll()
  await clock.advance(40_000)
  expect((await agent.pollCall(0)).status).toBe(410)
})

test.each([
  [{}, 'session'],
  [{ session: 'x', have: 1.5, wait: 'poll', waitMs: 0 }, 'have'],
  [{ session: 'x', have: null, wait: 'poll', waitMs: 25_001 }, 'waitMs'],
  [{ session: 'x', have: null, wait: 'other', waitMs: 0 }, 'wait'],
])('a message that is none names its field: %j', async (message, field) => {
  const agent = await Agent.join(cluster, 'n1')
  const answer = await call(cluster, 'poll', agent.credential, message)
  expect(answer).toMatchObject({ status: 400, body: { message: expect.stringMatching(`^${field}: `) } })
})
