import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Pod, ReplicaSet } from '../../schema/k8s/generated/types.ts'
import { aPod, aReplicaSet, AT } from '../../test/build/objects.ts'
import { planText } from '../../test/build/plan-text.ts'
import { PlanWorld } from '../../test/build/plan-world.ts'
import { planReplicaSet, type ReplicaSetSeen } from './replica-set.ts'
import { rankedForDeletion } from './replica-set-rank.ts'
import { controllerOf, type Row } from './seen.ts'

const owner = { kind: 'ReplicaSet', name: 'web', uid: 'uid-web' }
const labels = { app: 'web' }

function seenIn(world: PlanWorld): ReplicaSetSeen {
  const set = world.get<ReplicaSet>('replicasets.apps', 'web')
  if (set === undefined) throw new Error('the world has no ReplicaSet')
  return { set, pods: world.list<Pod>('pods'), attempt: 0 }
}

function worldOf(set: ReplicaSet, pods: readonly Pod[]): PlanWorld {
  const world = new PlanWorld()
  world.put('replicasets.apps', set)
  for (const pod of pods) world.put('pods', pod)
  return world
}

function owned(name: string, parts: Parameters<typeof aPod>[0] = {}): Pod {
  return aPod({ name, owner, labels, node: 'n1', ...parts })
}

describe('a ReplicaSet', () => {
  test('makes what is missing, tells of it, and counts it at once', async () => {
    const plan = planReplicaSet(seenIn(worldOf(aReplicaSet({ replicas: 2 }), [])), AT)
    await expect(planText(plan)).toMatchFileSnapshot('../../test/golden/plans/replica-set-create.txt')
  })

  test('takes in orphans, lets go of strangers, and deletes what is too much', async () => {
    const world = worldOf(aReplicaSet({ replicas: 2 }), [
      owned('ready'),
      owned('pending', { phase: 'Pending' }),
      owned('stranger', { labels: { app: 'other' } }),
      owned('going', { deleted: true }),
      aPod({ name: 'orphan', labels, node: 'n2' }),
      aPod({ name: 'unrelated', labels: { app: 'other' } }),
    ])
    await expect(planText(planReplicaSet(seenIn(world), AT))).toMatchFileSnapshot(
      '../../test/golden/plans/replica-set-claim.txt',
    )
  })

  test('that is refused its pods says why, and tries one at a time', () => {
    const seen = seenIn(worldOf(aReplicaSet({ replicas: 5 }), []))
    const plan = planReplicaSet({ ...seen, failure: 'exceeded quota' }, AT)
    expect(plan.actions.filter((action) => action.do === 'create')).toHaveLength(1)
    const status = plan.actions.find((action) => action.do === 'patch-status')
    expect(status).toMatchObject({
      patch: {
        status: {
          conditions: [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'exceeded quota' }],
        },
      },
    })
  })

  test('that is being deleted makes nothing', () => {
    const set = aReplicaSet({
      replicas: 3,
      metadata: { name: 'web', namespace: 'default', uid: 'uid-web', deletionTimestamp: '2026-01-01T00:00:00Z' },
    })
    expect(planReplicaSet(seenIn(worldOf(set, [])), AT).actions.filter(({ do: what }) => what === 'create')).toEqual([])
  })

  test('looks again when a pod has been ready for minReadySeconds', () => {
    const set = aReplicaSet({ replicas: 1, spec: { minReadySeconds: 10 } })
    const world = worldOf(set, [owned('a')])
    const plan = planReplicaSet(seenIn(world), AT + 3000)
    expect(plan.again).toBe(AT + 10_000)
    world.apply(plan, AT + 3000)
    expect(seenIn(world).set.object.status?.availableReplicas).toBeUndefined()
    world.apply(planReplicaSet(seenIn(world), AT + 10_000), AT + 10_000)
    expect(seenIn(world).set.object.status?.availableReplicas).toBe(1)
  })

  test('two control planes with the same view make the same names: the second is refused, not doubled', () => {
    const world = worldOf(aReplicaSet({ replicas: 3 }), [])
    const seen = seenIn(world)
    const [one, other] = [planReplicaSet(seen, AT), planReplicaSet(seen, AT + 5)]
    world.apply(one, AT)
    world.apply(other, AT)
    expect(world.list('pods')).toHaveLength(3)
  })

  test('a name that turned out to be taken is not tried again', () => {
    const seen = seenIn(worldOf(aReplicaSet(), []))
    const nameOf = (attempt: number): string => {
      const [create] = planReplicaSet({ ...seen, attempt }, AT).actions
      return create?.do === 'create' ? (create.object.metadata.name ?? '') : ''
    }
    expect(nameOf(0)).toMatch(/^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/)
    expect(new Set([0, 1, 2, 3].map(nameOf)).size).toBe(4)
  })
})

describe('who goes first', () => {
  const cost = (value: string): Parameters<typeof aPod>[0] => ({
    metadata: {
      name: 'b',
      namespace: 'default',
      uid: 'uid-b',
      annotations: { 'controller.kubernetes.io/pod-deletion-cost': value },
    },
  })
  const rows: readonly (readonly [string, Parameters<typeof aPod>[0], Parameters<typeof aPod>[0]])[] = [
    ['without a node before with one', { node: 'n1', spec: { nodeName: '' } }, {}],
    ['Pending before Running', { phase: 'Pending' }, {}],
    ['not ready before ready', { ready: false }, {}],
    ['cheap before dear', {}, cost('10')],
    [
      'younger before older',
      { metadata: { name: 'a', uid: 'a', creationTimestamp: '2026-01-01T00:59:00Z' } },
      { metadata: { name: 'b', uid: 'b', creationTimestamp: '2025-01-01T00:00:00Z' } },
    ],
  ]
  test.each(rows)('%s', (_rule, first, second) => {
    const pods = [owned('b', second), owned('a', first)].map((object, index): Row<Pod> => ({ object, revision: index }))
    expect(rankedForDeletion(pods, AT + 3_600_000)[0]?.object.metadata.name).toBe('a')
  })

  test('of equals one on the node with the most of them', () => {
    const pods = [owned('alone', { node: 'n1' }), owned('x', { node: 'n2' }), owned('y', { node: 'n2' })]
    const ranked = rankedForDeletion(
      pods.map((object, index) => ({ object, revision: index })),
      AT,
    )
    expect(ranked.at(-1)?.object.metadata.name).toBe('alone')
  })
})

test('whatever pods there are: as many as asked, never more, and the second look finds nothing to do', () => {
  const pod = fc.record({
    owned: fc.boolean(),
    phase: fc.constantFrom('Pending' as const, 'Running' as const, 'Succeeded' as const, 'Failed' as const),
    deleted: fc.boolean(),
    mine: fc.boolean(),
    bound: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 6 }), fc.array(pod, { maxLength: 8 }), (replicas, given) => {
      const pods = given.map(({ owned: own, phase, deleted, mine, bound }, index) =>
        aPod({
          name: `p${index}`,
          phase,
          deleted,
          labels: mine ? labels : { app: 'other' },
          ...(bound ? { node: 'n1' } : {}),
          ...(own ? { owner } : {}),
        }),
      )
      const world = worldOf(aReplicaSet({ replicas }), pods)
      expect(world.apply(planReplicaSet(seenIn(world), AT), AT)).toEqual([])
      const active = world.list<Pod>('pods').filter(({ object }) => {
        const over =
          object.metadata.deletionTimestamp !== undefined ||
          object.status?.phase === 'Succeeded' ||
          object.status?.phase === 'Failed'
        return controllerOf(object)?.uid === 'uid-web' && !over
      })
      expect(active.length).toBe(replicas)
      expect(planReplicaSet(seenIn(world), AT).actions).toEqual([])
      expect(seenIn(world).set.object.status?.replicas).toBe(replicas)
    }),
    { numRuns: 300 },
  )
})
