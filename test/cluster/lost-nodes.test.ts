import { expect, test } from 'vitest'
import { systemAllowed } from '../../api/access/authorize.ts'
import { startLoop } from '../../api/loop/runner.ts'
import { seededRandom } from '../../api/platform/memory.ts'
import { create } from '../../api/registry/create.ts'
import type { Cluster } from '../../api/platform/port.ts'
import type { Pod } from '../../schema/k8s/generated/types.ts'
import { memoryCluster } from '../build/cluster.ts'
import { aDeployment, AT } from '../build/objects.ts'
import { AgentModel } from './agent-model.ts'
import { SimClock } from './sim-clock.ts'

const MINUTE = 60_000

interface Rig {
  readonly clock: SimClock
  readonly agents: readonly AgentModel[]
  /** pods that are wanted and run, by node */
  running(): Promise<Readonly<Record<string, number>>>
  after(ms: number): Promise<void>
}

/** Three agents and a Deployment of six, running. */
async function rig(): Promise<Rig> {
  const clock = new SimClock(AT)
  const cluster: Cluster = await memoryCluster({ clock, seed: 1 })
  const { signal } = new AbortController()
  startLoop(cluster, { signal })
  const chaos = { random: seededRandom(1), calm: true }
  const agents = ['n1', 'n2', 'n3'].map((name, index) => new AgentModel(name, index + 2, chaos, () => cluster))
  for (const agent of agents) void agent.run(signal)
  await clock.runUntil(AT + 5000)
  const request = { verb: 'create', group: 'apps', version: 'v1', resource: 'deployments' } as const
  const place = { namespace: 'default', name: undefined, subresource: undefined }
  const deployment = aDeployment({ replicas: 6, metadata: { name: 'web', namespace: 'default' } })
  await clock.runFor(create(systemAllowed(cluster, 'somebody', { ...request, ...place }), deployment))
  const after = (ms: number): Promise<void> => clock.runUntil(clock.now() + ms)
  await after(MINUTE)
  return {
    clock,
    agents,
    after,
    async running() {
      const page = await cluster.store.list({ resource: 'pods', limit: 100 })
      if ('expired' in page) throw new Error('a list at the present does not expire')
      const counts: Record<string, number> = {}
      for (const { value } of page.items) {
        const { metadata, spec } = JSON.parse(value) as Pod
        const node = spec?.nodeName ?? 'none'
        if (metadata.deletionTimestamp === undefined) counts[node] = (counts[node] ?? 0) + 1
      }
      return counts
    },
  }
}

test('pods of a node that stays away move after five minutes, and not before', async () => {
  const { agents, after, running } = await rig()
  expect(await running()).toEqual({ n1: 2, n2: 2, n3: 2 })
  const [lost] = agents
  if (lost !== undefined) lost.reachable = false
  await after(5 * MINUTE)
  expect(await running()).toEqual({ n1: 2, n2: 2, n3: 2 })
  await after(MINUTE)
  expect(await running()).toEqual({ n2: 3, n3: 3 })
})

test('when all nodes are away nothing moves; of those that return later the one still away gives up its pods', async () => {
  const { agents, after, running } = await rig()
  for (const agent of agents) agent.reachable = false
  await after(30 * MINUTE)
  expect(await running()).toEqual({ n1: 2, n2: 2, n3: 2 })
  for (const agent of agents.slice(1)) agent.reachable = true
  await after(4 * MINUTE)
  expect(await running()).toEqual({ n1: 2, n2: 2, n3: 2 })
  await after(2 * MINUTE)
  expect(await running()).toEqual({ n2: 3, n3: 3 })
})
