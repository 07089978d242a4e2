import { beforeEach, describe, expect, test } from 'vitest'
import { createJoinToken } from '../../api/access/token.ts'
import { type ManualClock, manualClock } from '../../api/platform/memory.ts'
import type { Cluster } from '../../api/platform/port.ts'
import { remove } from '../../api/registry/delete.ts'
import { get } from '../../api/registry/get.ts'
import type { Node } from '../../schema/k8s/generated/types.ts'
import { memoryCluster, START } from '../build/cluster.ts'
import { Agent, asAdmin, registerCall } from './agent.ts'

const HOUR = 3_600_000
let clock: ManualClock
let cluster: Cluster

beforeEach(async () => {
  clock = manualClock(START)
  cluster = await memoryCluster({ clock })
})

const nodeOf = async (name: string): Promise<Node> =>
  (await get(asAdmin(cluster, 'get', 'nodes', undefined, name))).object as Node
const deleteNode = (name: string): Promise<unknown> => remove(asAdmin(cluster, 'delete', 'nodes', undefined, name))

test('whoever hears of the Node that registers is told that its agent was heard', async () => {
  const heard: (number | undefined)[] = []
  cluster = await memoryCluster({
    clock,
    store: (store) => ({
      ...store,
      async write(group) {
        heard.push((await cluster.live.snapshot()).nodes.get('n1'))
        return store.write(group)
      },
    }),
  })
  const token = await createJoinToken(cluster)
  heard.length = 0
  const { status, body } = await registerCall(cluster, 'n1', token)
  expect(status).toBe(200)
  await clock.advance(60_000)
  const { credential } = body as { readonly credential: string }
  expect((await registerCall(cluster, 'n1', credential)).status).toBe(200)
  expect(heard).toEqual([START, START + 60_000])
})

describe('with a join token', () => {
  test('an agent becomes a Node with what it said, a pod range and a credential', async () => {
    const agent = await Agent.join(cluster, 'n1', { labels: { disk: 'ssd', 'kubernetes.io/arch': 'amd64' } })
    const node = await nodeOf('n1')
    expect(node.metadata?.labels).toEqual({
      disk: 'ssd',
      'kubernetes.io/arch': 'amd64',
      'kubernetes.io/hostname': 'n1',
    })
    expect(node.spec).toMatchObject({ podCIDR: '10.244.0.0/24', podCIDRs: ['10.244.0.0/24'] })
    expect(node.status).toMatchObject({ capacity: { cpu: '4' }, conditions: [{ type: 'Ready', status: 'True' }] })
    expect(agent.registered).toMatchObject({
      version: 1,
      clusterUid: cluster.uid,
      podCIDR: '10.244.0.0/24',
      clusterDomain: 'cluster.local',
      clusterDNS: '10.96.0.10',
      credentialExpiresAt: START + 24 * HOUR,
    })
  })

  test('it is good once, also for two at the same time', async () => {
    const token = await createJoinToken(cluster)
    const answers = await Promise.all(['n1', 'n2', 'n3'].map((node) => registerCall(cluster, node, token)))
    expect(answers.map(({ status }) => String(status)).toSorted()).toEqual(['200', '401', '401'])
    expect((await registerCall(cluster, 'n4', token)).status).toBe(401)
    expect((await cluster.store.index({ resource: 'nodes', limit: 10 })).rows).toHaveLength(1)
  })

  test('it ends after an hour', async () => {
    const token = await createJoinToken(cluster)
    await clock.advance(HOUR)
    expect((await registerCall(cluster, 'n1', token)).status).toBe(401)
  })

  test('made for one node it serves no other, and one without a name takes over no Node that exists', async () => {
    await Agent.join(cluster, 'n1')
    const named = await createJoinToken(cluster, { node: 'n2' })
    expect((await registerCall(cluster, 'n3', named)).status).toBe(403)
    expect((await registerCall(cluster, 'n1', await createJoinToken(cluster), { instance: 'evil' })).status).toBe(409)
    await clock.advance(41_000)
    const answer = await registerCall(cluster, 'n1', await createJoinToken(cluster), { instance: 'evil' })
    expect(answer).toMatchObject({ status: 403, body: { message: expect.stringContaining('the Node exists already') } })
    expect(
      (await registerCall(cluster, 'n1', await createJoinToken(cluster, { node: 'n1' }), { instance: 'new' })).status,
    ).toBe(200)
  })

  test('ranges of pods never meet, for many nodes at once as well', async () => {
    const agents = await Promise.all(Array.from({ length: 40 }, (_, at) => Agent.join(cluster, `n${at}`)))
    expect(new Set(agents.map(({ registered }) => registered.podCIDR)).size).toBe(40)
  })

  test('a Node somebody made by hand gets its range when its agent comes', async () => {
    const { createObject } = await import('./agent.ts')
    await createObject(cluster, 'nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } })
    const agent = await Agent.register(cluster, 'n1', await createJoinToken(cluster, { node: 'n1' }))
    expect(agent.registered.podCIDR).toBe('10.244.0.0/24')
    expect((await nodeOf('n1')).spec?.podCIDR).toBe('10.244.0.0/24')
  })

  test.each([
    'node-role.kubernetes.io/control-plane',
    'node-restriction.kubernetes.io/x',
    'x.k8s.io/y',
    'kubernetes.io/z',
  ])('a node may not give itself the label %s', async (label) => {
    const answer = await registerCall(cluster, 'n1', await createJoinToken(cluster), { labels: { [label]: 'x' } })
    expect(answer).toMatchObject({
      status: 403,
      body: { message: `nodes "n1" is forbidden: is not allowed to set the following labels: ${label}` },
    })
  })

  test('a version that is not served is told so', async () => {
    const answer = await registerCall(cluster, 'n1', await createJoinToken(cluster), { version: 99 })
    expect(answer).toMatchObject({ status: 426, body: { message: expect.stringContaining('version 99') } })
  })
})

describe('with a credential', () => {
  test('an agent comes back, with the range it had, and its status is what it says now', async () => {
    const first = await Agent.join(cluster, 'n1')
    const down = { conditions: [{ type: 'Ready', status: 'False', reason: 'x', message: 'y' }] }
    const again = await Agent.register(cluster, 'n1', first.credential, { status: down })
    expect(again.registered.podCIDR).toBe(first.registered.podCIDR)
    expect((await nodeOf('n1')).status).toMatchObject({
      capacity: { cpu: '4' },
      conditions: [{ type: 'Ready', status: 'False' }],
    })
  })

  test('it is not another node, nor a node of another cluster', async () => {
    const agent = await Agent.join(cluster, 'n1')
    await Agent.join(cluster, 'n2')
    expect((await registerCall(cluster, 'n2', agent.credential)).status).toBe(403)
    const other = await memoryCluster({ name: 'other' })
    await Agent.join(other, 'n1')
    expect((await registerCall(other, 'n1', agent.credential)).status).toBe(401)
  })

  test('it is worth nothing once its Node was deleted, even if there is a new one', async () => {
    const agent = await Agent.join(cluster, 'n1')
    await deleteNode('n1')
    expect((await registerCall(cluster, 'n1', agent.credential)).status).toBe(401)
    await Agent.join(cluster, 'n1', { instance: 'new' })
    await clock.advance(41_000)
    expect((await registerCall(cluster, 'n1', agent.credential)).status).toBe(401)
  })

  test('one that ended while the host was away still brings it back, for a month', async () => {
    const agent = await Agent.join(cluster, 'n1')
    await clock.advance(25 * HOUR)
    expect((await agent.pollCall(0)).status).toBe(401)
    expect((await registerCall(cluster, 'n1', agent.credential)).status).toBe(200)
    await clock.advance(32 * 24 * HOUR)
    expect((await registerCall(cluster, 'n1', agent.credential)).status).toBe(401)
  })
})

describe('one process a node', () => {
  test('another one is refused while the first is alive, and let in when it is silent', async () => {
    const agent = await Agent.join(cluster, 'n1', { instance: 'a' })
    await clock.advance(39_000)
    const refused = await registerCall(cluster, 'n1', agent.credential, { instance: 'b' })
    expect(refused).toMatchObject({ status: 409, body: { message: expect.stringContaining('another process') } })
    expect((await registerCall(cluster, 'n1', agent.credential, { instance: 'a' })).status).toBe(200)
    await clock.advance(40_000)
    expect((await registerCall(cluster, 'n1', agent.credential, { instance: 'b' })).status).toBe(200)
  })

  test('one whose poll broke off is gone at once', async () => {
    const agent = await Agent.join(cluster, 'n1', { instance: 'a' })
    await agent.poll()
    const died = new AbortController()
    const hanging = agent.pollCall(25_000, died.signal)
    await Promise.resolve()
    died.abort()
    await hanging
    expect((await registerCall(cluster, 'n1', agent.credential, { instance: 'b' })).status).toBe(200)
    expect((await agent.pollCall(0)).status).toBe(410)
  })
})

test('who brings nothing, or not what is ours, is turned away before anything is read', async () => {
  let reads = 0
  const strict = await memoryCluster({
    store: (store) => ({ ...store, get: (key) => (reads++, store.get(key)), head: () => (reads++, store.head()) }),
  })
  const foreign = await createJoinToken(cluster)
  for (const bearer of [
    undefined,
    'x',
    'kedge_',
    `kedge_bcdfghjklm.${'x'.repeat(32)}`,
    foreign,
    'eyJhbGciOiJub25lIn0.e30.',
  ]) {
    expect((await registerCall(strict, 'n1', bearer)).status).toBe(401)
  }
  expect(reads).toBe(0)
})
