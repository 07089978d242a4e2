import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Deployment, Pod, ReplicaSet } from '../../schema/k8s/generated/types.ts'
import { printTime } from '../../schema/k8s/time.ts'
import { aDeployment, AT, aTemplate } from '../../test/build/objects.ts'
import { planText } from '../../test/build/plan-text.ts'
import { PlanWorld } from '../../test/build/plan-world.ts'
import { type DeploymentSeen, planDeployment } from './deployment.ts'
import { newSetName, REVISION, revisionOf } from './deployment-revision.ts'
import { fences, replicasOf } from './deployment-size.ts'
import { planReplicaSet } from './replica-set.ts'
import { isReady } from './pods.ts'
import { controllerOf } from './seen.ts'

const SETS = 'replicasets.apps'
const DEPLOYMENTS = 'deployments.apps'

function seenIn(world: PlanWorld): DeploymentSeen {
  const deployment = world.get<Deployment>(DEPLOYMENTS, 'web')
  if (deployment === undefined) throw new Error('the world has no Deployment')
  return {
    deployment,
    sets: world.list<ReplicaSet>(SETS),
    named: world.get<ReplicaSet>(SETS, newSetName(deployment.object)),
    pods: deployment.object.spec?.strategy?.type === 'Recreate' ? world.list<Pod>('pods') : [],
  }
}

/** One look of every controller at the world. Answers how many actions there were. */
function round(world: PlanWorld, at: number): number {
  let actions = 0
  const plan = planDeployment(seenIn(world), at)
  actions += plan.actions.length
  expect(world.apply(plan, at)).toEqual([])
  for (const set of world.list<ReplicaSet>(SETS)) {
    const pods = world.list<Pod>('pods').filter(({ object }) => {
      const controller = controllerOf(object)
      return controller === undefined || controller.uid === set.object.metadata.uid
    })
    const next = planReplicaSet({ set, pods, attempt: 0 }, at)
    actions += next.actions.length
    expect(world.apply(next, at)).toEqual([])
  }
  return actions
}

/** Agents: new pods get a node and become ready, deleted ones go. */
function agents(world: PlanWorld, at: number, works: (pod: Pod) => boolean = () => true): number {
  let changes = 0
  for (const { object } of world.list<Pod>('pods')) {
    const name = object.metadata.name ?? ''
    if (object.metadata.deletionTimestamp !== undefined) world.remove('pods', name)
    else if (!isReady(object) && works(object)) {
      const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: printTime(at) }]
      const status = { phase: 'Running', conditions }
      world.edit('pods', name, (pod) => ({ ...pod, spec: { ...(pod['spec'] as object), nodeName: 'n1' }, status }))
    } else continue
    changes++
  }
  return changes
}

/** Until nobody has anything to do; fails when that takes too long. */
function settle(
  world: PlanWorld,
  at: number,
  works?: (pod: Pod) => boolean,
  check: () => void = () => undefined,
): number {
  let now = at
  for (let turn = 0; turn < 200; turn++) {
    now += 1000
    const done = round(world, now) + agents(world, now, works)
    check()
    if (done === 0) return now
  }
  throw new Error('it does not settle in 200 turns')
}

function started(deployment: Deployment): { readonly world: PlanWorld; readonly at: number } {
  const world = new PlanWorld()
  world.put(DEPLOYMENTS, deployment)
  return { world, at: settle(world, AT) }
}

function edit(
  world: PlanWorld,
  change: (spec: NonNullable<Deployment['spec']>) => NonNullable<Deployment['spec']>,
): void {
  world.edit(DEPLOYMENTS, 'web', (object) => {
    const deployment = object as unknown as Deployment
    const metadata = { ...deployment.metadata, generation: (deployment.metadata.generation ?? 0) + 1 }
    return { ...deployment, metadata, spec: change(deployment.spec ?? { template: aTemplate() }) }
  })
}

function deploymentIn(world: PlanWorld): Deployment {
  return seenIn(world).deployment.object
}

function condition(world: PlanWorld, type: string): string {
  const found = deploymentIn(world).status?.conditions?.find((one) => one.type === type)
  return `${found?.status ?? '-'} ${found?.reason ?? '-'}: ${found?.message ?? '-'}`
}

const image = (name: string) => (spec: NonNullable<Deployment['spec']>) => ({ ...spec, template: aTemplate(name) })

describe('a Deployment, step by step', () => {
  test('the first step makes the ReplicaSet and says so', async () => {
    const world = new PlanWorld()
    world.put(DEPLOYMENTS, aDeployment())
    await expect(planText(planDeployment(seenIn(world), AT))).toMatchFileSnapshot(
      '../../test/golden/plans/deployment-create.txt',
    )
  })

  test('a new image: every step of the rollout', async () => {
    const { world, at } = started(aDeployment({ replicas: 4 }))
    edit(world, image('busybox:2'))
    let text = ''
    let now = at
    for (let step = 1; step <= 30; step++) {
      now += 1000
      const plan = planDeployment(seenIn(world), now)
      if (plan.actions.length > 0) text += `--- step ${step}\n${planText(plan)}`
      const done = round(world, now) + agents(world, now)
      if (done === 0) break
    }
    await expect(text).toMatchFileSnapshot('../../test/golden/plans/deployment-rollout.txt')
  })

  test('a deleted one is left to the garbage collector', () => {
    const { world, at } = started(aDeployment())
    world.edit(DEPLOYMENTS, 'web', (object) => ({
      ...object,
      metadata: { ...object.metadata, deletionTimestamp: printTime(at) },
    }))
    expect(planDeployment(seenIn(world), at).actions).toEqual([])
  })
})

describe('what kubectl rollout waits for', () => {
  test('a finished rollout has all counts, and the conditions of upstream', () => {
    const { world } = started(aDeployment({ replicas: 3 }))
    const set = newSetName(aDeployment({ replicas: 3 }))
    const { status, metadata } = deploymentIn(world)
    expect(status).toMatchObject({
      observedGeneration: 1,
      replicas: 3,
      updatedReplicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
    })
    expect(status?.unavailableReplicas).toBeUndefined()
    expect(metadata.annotations?.[REVISION]).toBe('1')
    expect(condition(world, 'Available')).toBe('True MinimumReplicasAvailable: Deployment has minimum availability.')
    expect(condition(world, 'Progressing')).toBe(
      `True NewReplicaSetAvailable: ReplicaSet "${set}" has successfully progressed.`,
    )
  })

  test('going back to an old template takes its ReplicaSet up again, as the newest revision', () => {
    const { world, at } = started(aDeployment())
    edit(world, image('busybox:2'))
    const later = settle(world, at)
    edit(world, image('busybox:1'))
    settle(world, later)
    const sets = world.list<ReplicaSet>(SETS)
    expect(sets.map(({ object }) => [replicasOf(object), revisionOf(object)])).toEqual(
      expect.arrayContaining([
        [3, 3],
        [0, 2],
      ]),
    )
    const first = sets.find(({ object }) => revisionOf(object) === 3)
    expect(first?.object.metadata.annotations?.['deployment.kubernetes.io/revision-history']).toBe('1')
    expect(deploymentIn(world).metadata.annotations?.[REVISION]).toBe('3')
  })

  test('a paused one is scaled, and not rolled out', () => {
    const { world, at } = started(aDeployment({ replicas: 2 }))
    edit(world, (spec) => ({ ...image('busybox:2')(spec), paused: true, replicas: 4 }))
    const later = settle(world, at)
    expect(world.list<ReplicaSet>(SETS).map(({ object }) => replicasOf(object))).toEqual([4])
    expect(condition(world, 'Progressing')).toBe('Unknown DeploymentPaused: Deployment is paused')
    edit(world, (spec) => ({ ...spec, paused: false }))
    settle(world, later)
    expect(
      world
        .list<ReplicaSet>(SETS)
        .map(({ object }) => replicasOf(object))
        .toSorted((a, b) => a - b),
    ).toEqual([0, 4])
  })

  test('pods that never become ready are reported when the deadline has passed, and not before', () => {
    const { world, at } = started(aDeployment({ spec: { progressDeadlineSeconds: 60 } }))
    edit(world, image('broken'))
    const broken = (pod: Pod): boolean => pod.spec?.containers[0]?.image !== 'broken'
    const later = settle(world, at, broken)
    expect(condition(world, 'Progressing')).toMatch(/^True ReplicaSetUpdated/)
    const due = planDeployment(seenIn(world), later).again ?? 0
    expect(due).toBeGreaterThan(later)
    settle(world, due, broken)
    expect(condition(world, 'Progressing')).toMatch(
      /^False ProgressDeadlineExceeded: ReplicaSet ".*" has timed out progressing\.$/,
    )
    // A new pod that cannot run took nothing away from those that can.
    expect(deploymentIn(world).status?.availableReplicas).toBe(3)
  })

  test('history beyond its limit is cleaned up, oldest first', () => {
    const { world, at } = started(aDeployment({ spec: { revisionHistoryLimit: 2 } }))
    let now = at
    for (const version of [2, 3, 4, 5]) {
      edit(world, image(`busybox:${version}`))
      now = settle(world, now)
    }
    expect(
      world
        .list<ReplicaSet>(SETS)
        .map(({ object }) => revisionOf(object))
        .toSorted((a, b) => a - b),
    ).toEqual([3, 4, 5])
  })

  test('a name that is taken by somebody else counts as a collision and gets another hash', () => {
    const world = new PlanWorld()
    world.put(DEPLOYMENTS, aDeployment())
    const name = newSetName(aDeployment())
    world.put(SETS, {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { name, namespace: 'default', uid: 'foreign', labels: { app: 'other' } },
      spec: { replicas: 0, selector: { matchLabels: { app: 'other' } } },
    })
    const plan = planDeployment({ ...seenIn(world), sets: [] }, AT)
    world.apply(plan, AT)
    expect(deploymentIn(world).status?.collisionCount).toBe(1)
    expect(newSetName(deploymentIn(world))).not.toBe(name)
  })

  test('Recreate makes no new pod before the last old one is gone', () => {
    const { world, at } = started(aDeployment({ spec: { strategy: { type: 'Recreate' } } }))
    edit(world, image('busybox:2'))
    settle(world, at, undefined, () => {
      const images = new Set(world.list<Pod>('pods').map(({ object }) => object.spec?.containers[0]?.image))
      expect(images.size).toBeLessThanOrEqual(1)
    })
    expect(world.list<Pod>('pods').map(({ object }) => object.spec?.containers[0]?.image)).toEqual([
      'busybox:2',
      'busybox:2',
      'busybox:2',
    ])
  })
})

describe('proportional scaling, as upstream shares it out', () => {
  interface Case {
    readonly was: number
    readonly now: number
    readonly surge: number
    readonly sizes: readonly number[]
    readonly want: readonly number[]
  }
  // Sizes from the newest ReplicaSet to the oldest. What rounding leaves over goes to the largest; of equals the newest
  // grows first and the oldest shrinks first.
  const cases: readonly Case[] = [
    { was: 10, now: 12, surge: 0, sizes: [10], want: [12] },
    { was: 10, now: 5, surge: 0, sizes: [10], want: [5] },
    { was: 10, now: 20, surge: 0, sizes: [5, 5], want: [10, 10] },
    { was: 10, now: 5, surge: 0, sizes: [5, 5], want: [3, 2] },
    { was: 10, now: 20, surge: 0, sizes: [6, 2, 2], want: [12, 4, 4] },
    { was: 10, now: 0, surge: 0, sizes: [6, 4], want: [0, 0] },
    { was: 10, now: 30, surge: 2, sizes: [6, 6], want: [16, 16] },
  ]
  test.each(cases)('from $was to $now with sizes $sizes', ({ was, now, surge, sizes, want }) => {
    const world = new PlanWorld()
    const spec = { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: surge, maxUnavailable: 1 } } } as const
    world.put(
      DEPLOYMENTS,
      aDeployment({
        replicas: now,
        spec,
        metadata: { name: 'web', namespace: 'default', uid: 'uid-deployment', generation: 2 },
      }),
    )
    for (const [index, size] of sizes.entries()) {
      world.put(SETS, {
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        metadata: {
          name: `set-${index}`,
          namespace: 'default',
          uid: `set-${index}`,
          labels: { app: 'web' },
          creationTimestamp: printTime(AT - index * 60_000),
          annotations: {
            'deployment.kubernetes.io/desired-replicas': String(was),
            'deployment.kubernetes.io/max-replicas': String(was + surge),
          },
          ownerReferences: [
            { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'uid-deployment', controller: true },
          ],
        },
        spec: {
          replicas: size,
          selector: { matchLabels: { app: 'web' } },
          template: aTemplate(index === 0 ? 'busybox:1' : `old:${index}`),
        },
        status: { replicas: size },
      })
    }
    world.apply(planDeployment(seenIn(world), AT), AT)
    expect(sizes.map((_, index) => replicasOf(world.get<ReplicaSet>(SETS, `set-${index}`)?.object ?? {}))).toEqual(want)
  })
})

describe('whatever is done to it', () => {
  const share = fc.oneof(
    fc.integer({ min: 0, max: 4 }),
    fc.integer({ min: 0, max: 100 }).map((percent) => `${percent}%`),
  )
  const step = fc.oneof(
    fc.record({ do: fc.constant('scale' as const), replicas: fc.integer({ min: 0, max: 8 }) }),
    fc.record({ do: fc.constant('image' as const), version: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ do: fc.constant('look' as const), times: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ do: fc.constant('agents' as const) }),
  )

  test('never more pods than replicas and surge allow, never fewer available than allowed by its own doing, and it converges', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        share,
        share,
        fc.array(step, { maxLength: 12 }),
        (replicas, maxSurge, maxUnavailable, steps) => {
          const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } } as const
          const { world, at } = started(aDeployment({ replicas, spec: { strategy } }))
          let now = at
          let steady = replicas
          const most = (): number => replicasOf(deploymentIn(world)) + fences(deploymentIn(world)).surge
          let bound = most()
          for (const next of steps) {
            now += 1000
            if (next.do === 'agents') agents(world, now)
            else if (next.do === 'image') edit(world, image(`busybox:${next.version}`))
            else if (next.do === 'scale') {
              edit(world, (spec) => ({ ...spec, replicas: next.replicas }))
              // A scaling down leaves what there was until its own deletes are through.
              bound = Math.max(bound, most())
              steady = Math.min(steady, next.replicas)
            } else {
              for (let time = 0; time < next.times; time++) round(world, ++now)
            }
            const wanted = world.list<ReplicaSet>(SETS).reduce((sum, { object }) => sum + replicasOf(object), 0)
            expect(wanted).toBeLessThanOrEqual(bound)
            const least = steady - fences(aDeployment({ replicas: steady, spec: { strategy } })).unavailable
            const available = world
              .list<Pod>('pods')
              .filter(({ object }) => isReady(object) && object.metadata.deletionTimestamp === undefined)
            expect(available.length).toBeGreaterThanOrEqual(Math.min(least, steady))
          }
          settle(world, now)
          const deployment = deploymentIn(world)
          expect(world.list<Pod>('pods').filter(({ object }) => isReady(object)).length).toBe(replicasOf(deployment))
          expect(planDeployment(seenIn(world), now + 500).actions).toEqual([])
          expect(condition(world, 'Progressing')).toMatch(/^True NewReplicaSetAvailable/)
        },
      ),
      { numRuns: 60 },
    )
  })
})
