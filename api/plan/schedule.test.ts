import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Node, Pod } from '../../schema/k8s/generated/types.ts'
import { aNode, aPod, AT } from '../../test/build/objects.ts'
import { amountOf, demandOf } from './demand.ts'
import type { Plan } from './plan.ts'
import { Room } from './room.ts'
import { schedule } from './schedule.ts'

function roomOf(nodes: readonly Node[], bound: readonly Pod[] = []): Room {
  const room = new Room()
  for (const node of nodes) room.putNode(node)
  for (const pod of bound) room.putPod(`default/${pod.metadata.name ?? ''}`, pod)
  return room
}

function placed(nodes: readonly Node[], pods: readonly Pod[], bound: readonly Pod[] = []): Plan {
  const rows = pods.map((object, index) => ({ object, revision: index + 1 }))
  return schedule({ room: roomOf(nodes, bound), pods: rows }, AT)
}

/** pod name to node name, '-' when it stays where it is */
function places(plan: Plan): Readonly<Record<string, string>> {
  return Object.fromEntries(
    plan.actions.flatMap((action) =>
      action.do === 'bind'
        ? [[action.target.name, action.node]]
        : action.do === 'patch-status'
          ? [[action.target.name, '-']]
          : [],
    ),
  )
}

function waiting(parts: Parameters<typeof aPod>[0] = {}): Pod {
  return aPod({ phase: 'Pending', ready: false, ...parts })
}

function message(plan: Plan): string {
  const event = plan.actions.find((action) => action.do === 'event' && action.reason === 'FailedScheduling')
  return event?.do === 'event' ? event.message : ''
}

describe('which node', () => {
  const disk = { disktype: 'ssd' }
  const affinity = (
    operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt',
    values: readonly string[],
  ): Parameters<typeof aPod>[0] => ({
    spec: {
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'size', operator, values }] }],
          },
        },
      },
    },
  })
  const sized = (size: string): Node => aNode({ name: `size-${size}`, labels: { size } })
  const taint = (effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute'): Node =>
    aNode({ name: 'tainted', spec: { taints: [{ key: 'dedicated', value: 'gpu', effect }] } })
  const rows: readonly (readonly [string, readonly Node[], Parameters<typeof aPod>[0], string])[] = [
    [
      'the emptier one',
      [aNode({ name: 'small', cpu: '1' }), aNode({ name: 'large', cpu: '8', memory: '16Gi' })],
      { cpu: '500m' },
      'large',
    ],
    ['one with the label', [aNode(), aNode({ name: 'n2', labels: disk })], { spec: { nodeSelector: disk } }, 'n2'],
    ['affinity In', [sized('1'), sized('5')], affinity('In', ['5', '6']), 'size-5'],
    ['affinity NotIn', [sized('1'), sized('5')], affinity('NotIn', ['5']), 'size-1'],
    ['affinity Exists', [aNode(), sized('5')], affinity('Exists', []), 'size-5'],
    ['affinity DoesNotExist', [aNode(), sized('5')], affinity('DoesNotExist', []), 'n1'],
    ['affinity Gt', [sized('1'), sized('5')], affinity('Gt', ['3']), 'size-5'],
    ['affinity Lt', [sized('1'), sized('5')], affinity('Lt', ['3']), 'size-1'],
    ['not the tainted one', [taint('NoSchedule'), aNode()], {}, 'n1'],
    ['rather not one that asks', [taint('PreferNoSchedule'), aNode()], {}, 'n1'],
    [
      'the tainted one when it is all there is and the pod tolerates it',
      [taint('NoExecute')],
      { spec: { tolerations: [{ key: 'dedicated', operator: 'Equal', value: 'gpu' }] } },
      'tainted',
    ],
    [
      'any taint with a toleration of everything',
      [taint('NoSchedule')],
      { spec: { tolerations: [{ operator: 'Exists' }] } },
      'tainted',
    ],
    [
      'a cordoned one for a pod that tolerates it',
      [aNode({ spec: { unschedulable: true } })],
      { spec: { tolerations: [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }] } },
      'n1',
    ],
  ]
  test.each(rows)('%s', (_name, nodes, pod, node) => {
    expect(places(placed(nodes, [waiting(pod)]))).toEqual({ web: node })
  })

  test('preferred affinity weighs more than a little room', () => {
    const preference = { matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }] } as const
    const pod = waiting({
      spec: {
        affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 10, preference }] } },
      },
    })
    const nodes = [aNode({ name: 'b', labels: { zone: 'b' } }), aNode({ name: 'a', labels: { zone: 'a' } })]
    expect(places(placed(nodes, [pod], [aPod({ name: 'other', node: 'a', cpu: '1' })]))).toEqual({ web: 'a' })
  })

  test('replicas are spread evenly', () => {
    const owner = { kind: 'ReplicaSet', name: 'web', uid: 'uid-web' }
    const pods = Array.from({ length: 9 }, (_, index) => waiting({ name: `p${index}`, owner }))
    const counts = new Map<string, number>()
    for (const node of Object.values(places(placed([aNode(), aNode({ name: 'n2' }), aNode({ name: 'n3' })], pods)))) {
      counts.set(node, (counts.get(node) ?? 0) + 1)
    }
    expect([...counts.values()]).toEqual([3, 3, 3])
  })

  test('the more important pod gets the last place', () => {
    const low = waiting({ name: 'low', cpu: '1' })
    const high = waiting({
      name: 'high',
      cpu: '1',
      spec: { priority: 10, containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '1' } } }] },
    })
    expect(places(placed([aNode({ cpu: '1' })], [low, high]))).toEqual({ high: 'n1', low: '-' })
  })

  test('host ports are taken once', () => {
    const spec = { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80, hostPort: 80 }] }] }
    const plan = placed(
      [aNode(), aNode({ name: 'n2' })],
      ['a', 'b', 'c'].map((name) => waiting({ name, spec })),
    )
    expect(Object.values(places(plan)).toSorted()).toEqual(['-', 'n1', 'n2'])
    expect(message(plan)).toContain("2 node(s) didn't have free ports for the requested pod ports")
  })

  test('pods of other schedulers, gated pods and deleted ones are left alone', () => {
    const pods = [
      waiting({ name: 'other', spec: { schedulerName: 'mine' } }),
      waiting({ name: 'gated', spec: { schedulingGates: [{ name: 'g' }] } }),
      waiting({ name: 'going', deleted: true }),
    ]
    expect(placed([aNode()], pods).actions).toEqual([])
  })
})

describe('why not, in the words of kube-scheduler', () => {
  test('no nodes', () => expect(message(placed([], [waiting()]))).toBe('no nodes available to schedule pods'))

  test('every reason is counted, and what preemption could do', () => {
    const nodes = [
      aNode({ name: 'full', cpu: '1' }),
      aNode({ name: 'small', cpu: '500m' }),
      aNode({ name: 'cordoned', spec: { unschedulable: true } }),
      aNode({ name: 'tainted', spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } }),
    ]
    const plan = placed(
      nodes,
      [waiting({ cpu: '1', spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '1' } } }] } })],
      [aPod({ name: 'x', node: 'full', cpu: '600m' })],
    )
    expect(message(plan)).toBe(
      '0/4 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable, 2 Insufficient cpu. ' +
        'no new claims to deallocate, preemption: 0/4 nodes are available: 1 No preemption victims found for incoming pod, 3 Preemption is not helpful for scheduling.',
    )
    expect(plan.actions[0]).toMatchObject({ do: 'patch-status', target: { name: 'web' } })
  })

  test('a selector nobody matches', () => {
    expect(message(placed([aNode()], [waiting({ spec: { nodeSelector: { a: 'b' } } })]))).toMatch(
      /^0\/1 nodes are available: 1 node\(s\) didn't match Pod's node affinity\/selector\./,
    )
  })

  test('too many pods, and several resources at once', () => {
    const plan = placed(
      [aNode({ pods: '1', cpu: '1', memory: '1Gi' })],
      [waiting({ cpu: '2', memory: '2Gi' })],
      [aPod({ name: 'x', node: 'n1' })],
    )
    expect(message(plan)).toMatch(
      /^0\/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory, 1 Too many pods\./,
    )
  })

  test('said once: the second look at the same world says nothing', () => {
    const pod = waiting({ cpu: '100' })
    const said = message(placed([aNode()], [pod]))
    const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: said }]
    expect(placed([aNode()], [{ ...pod, status: { phase: 'Pending', conditions } }]).actions).toEqual([])
  })
})

test('what a node was found to be is forgotten when nodes change', () => {
  const room = roomOf([aNode({ name: 'n1' })])
  const pod = waiting({ spec: { nodeSelector: { a: 'b' } } })
  const where = (): string | undefined => places(schedule({ room, pods: [{ object: pod, revision: 1 }] }, AT))['web']
  expect(where()).toBe('-')
  room.putNode(aNode({ name: 'n1', labels: { a: 'b' } }))
  expect(where()).toBe('n1')
  room.putNode(aNode({ name: 'n1', labels: { a: 'b' }, spec: { unschedulable: true } }))
  expect(where()).toBe('-')
  room.putNode(aNode({ name: 'n2', labels: { a: 'b' } }))
  expect(where()).toBe('n2')
  room.removeNode('n2')
  expect(where()).toBe('-')
})

describe('what a pod asks for', () => {
  const of = (cpu: string): { requests: { cpu: string } } => ({ requests: { cpu } })
  test('containers together, or the largest init container, with sidecars beside both', () => {
    const spec = {
      containers: [
        { name: 'a', image: 'i', resources: of('300m') },
        { name: 'b', image: 'i', resources: of('200m') },
      ],
      initContainers: [
        { name: 's', image: 'i', restartPolicy: 'Always' as const, resources: of('100m') },
        { name: 'i', image: 'i', resources: of('550m') },
      ],
      overhead: { cpu: '10m' },
    }
    expect(demandOf(aPod({ spec })).cpu).toBe(660)
  })
  test('a container that asks for nothing still counts when nodes are compared', () => {
    expect(demandOf(aPod())).toMatchObject({ cpu: 0, memory: 0, cpuScore: 100, memoryScore: 209_715_200 })
  })
  test.each([
    ['100m', 100],
    ['1', 1000],
    ['0.5', 500],
  ] as const)('cpu %s is %i', (text, milli) => expect(amountOf('cpu', text)).toBe(milli))
})

test('whatever comes and goes: nothing is bound twice, no node gives more than it has, and the room can count', () => {
  const size = fc.constantFrom('100m', '500m', '1', '2')
  const event = fc.oneof(
    fc.record({ do: fc.constant('pod' as const), cpu: size }),
    fc.record({ do: fc.constant('finish' as const), pick: fc.nat() }),
    fc.record({ do: fc.constant('node' as const), cpu: size }),
    fc.record({ do: fc.constant('lose' as const), pick: fc.nat() }),
  )
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      const room = new Room()
      const nodes = new Map<string, Node>()
      const bound = new Map<string, Pod>()
      const pending = new Map<string, Pod>()
      let made = 0
      for (const next of events) {
        made++
        if (next.do === 'pod') pending.set(`p${made}`, waiting({ name: `p${made}`, cpu: next.cpu }))
        else if (next.do === 'node') {
          const node = aNode({ name: `n${made}`, cpu: next.cpu, pods: '3' })
          nodes.set(`n${made}`, node)
          room.putNode(node)
        } else if (next.do === 'finish' && bound.size > 0) {
          const name = [...bound.keys()][next.pick % bound.size] ?? ''
          bound.delete(name)
          room.removePod(name)
        } else if (next.do === 'lose' && nodes.size > 0) {
          const name = [...nodes.keys()][next.pick % nodes.size] ?? ''
          nodes.delete(name)
          room.removeNode(name)
        }
        const plan = schedule({ room, pods: [...pending.values()].map((object) => ({ object, revision: 1 })) }, AT)
        for (const [name, node] of Object.entries(places(plan))) {
          if (node === '-') continue
          const pod = pending.get(name)
          expect(pod).toBeDefined()
          expect(nodes.has(node)).toBe(true)
          pending.delete(name)
          const there = {
            ...(pod ?? waiting()),
            spec: { ...(pod ?? waiting()).spec, containers: pod?.spec?.containers ?? [], nodeName: node },
          }
          bound.set(name, there)
          room.putPod(name, there)
        }
        for (const [name, node] of nodes) {
          const here = [...bound.values()].filter((pod) => pod.spec?.nodeName === name)
          const used = here.reduce((sum, pod) => sum + demandOf(pod).cpu, 0)
          expect(used).toBeLessThanOrEqual(amountOf('cpu', node.status?.allocatable?.['cpu'] ?? '0'))
          expect(here.length).toBeLessThanOrEqual(3)
        }
      }
      // What is counted bit by bit is what a fresh count finds.
      const fresh = roomOf([...nodes.values()])
      for (const [name, pod] of bound) fresh.putPod(name, pod)
      const one = waiting({ cpu: '100m' })
      const by = (given: Room): string => message(schedule({ room: given, pods: [{ object: one, revision: 1 }] }, AT))
      expect(by(room)).toBe(by(fresh))
    }),
    { numRuns: 150 },
  )
})

test('two thousand replicas on five thousand nodes take less than a second', () => {
  const room = roomOf(Array.from({ length: 5000 }, (_, index) => aNode({ name: `n${index}`, memory: '32Gi' })))
  const owner = { kind: 'ReplicaSet', name: 'web', uid: 'uid-web' }
  const pods = Array.from({ length: 2000 }, (_, index) => ({
    object: waiting({ name: `p${index}`, owner, cpu: '100m', memory: '100Mi' }),
    revision: 1,
  }))
  const began = performance.now()
  const plan = schedule({ room, pods }, AT)
  const seconds = (performance.now() - began) / 1000
  expect(plan.actions.filter((action) => action.do === 'bind')).toHaveLength(2000)
  // A guard against looking at every node for every pod, with room for a slow machine: 30 ms where it was measured.
  expect(seconds).toBeLessThan(1)
})
