import { describe, expect, test } from 'vitest'
import type { Node, Pod, Toleration } from '../../schema/k8s/generated/types.ts'
import { printTime } from '../../schema/k8s/time.ts'
import { aNode, aPod, AT } from '../../test/build/objects.ts'
import { planText } from '../../test/build/plan-text.ts'
import { PlanWorld } from '../../test/build/plan-world.ts'
import { isMassFailure, type NodeSeen, planNode } from './node-lifecycle.ts'
import type { Plan } from './plan.ts'

const SILENT = AT + 40_000

interface World {
  readonly world: PlanWorld
  seen(parts?: Partial<NodeSeen>): NodeSeen
}

function worldOf(node: Node, pods: readonly Pod[] = []): World {
  const world = new PlanWorld()
  world.put('nodes', { ...node, metadata: { ...node.metadata, namespace: 'default' } })
  for (const pod of pods) world.put('pods', pod)
  return {
    world,
    seen: (parts = {}) => ({
      name: 'n1',
      node: world.get<Node>('nodes', 'n1'),
      heard: AT,
      listeningSince: AT - 1_000_000,
      massFailure: false,
      pods: world.list<Pod>('pods'),
      ...parts,
    }),
  }
}

function nodeIn({ world }: World): {
  readonly ready: string
  readonly reason: string
  readonly taints: readonly string[]
} {
  const node = world.get<Node>('nodes', 'n1')?.object
  const ready = node?.status?.conditions?.find(({ type }) => type === 'Ready')
  const taints = (node?.spec?.taints ?? []).map(({ key, effect }) => `${key}:${effect}`)
  return { ready: ready?.status ?? '', reason: ready?.reason ?? '', taints }
}

const tolerating = (...tolerations: readonly Toleration[]): Pod =>
  aPod({ name: 'p', node: 'n1', spec: { tolerations } })
const FIVE_MINUTES: Toleration = {
  key: 'node.kubernetes.io/unreachable',
  operator: 'Exists',
  effect: 'NoExecute',
  tolerationSeconds: 300,
}

describe('a node that falls silent', () => {
  test('is looked at again when its time would be up', () => {
    const { seen } = worldOf(aNode())
    expect(planNode(seen(), AT + 5000)).toEqual({ actions: [], again: SILENT })
  })

  test('is Unknown and tainted after 40 s, and its pods get no traffic', async () => {
    const { seen } = worldOf(aNode(), [tolerating(FIVE_MINUTES)])
    await expect(planText(planNode(seen(), SILENT))).toMatchFileSnapshot('../../test/golden/plans/node-silent.txt')
  })

  test('a control plane that just began to listen gives it its grace', () => {
    const { seen } = worldOf(aNode())
    expect(planNode(seen({ heard: undefined, listeningSince: SILENT }), SILENT)).toEqual({
      actions: [],
      again: SILENT + 40_000,
    })
  })

  test('that never said anything is called so', () => {
    const made = worldOf({ ...aNode(), status: { allocatable: {} } })
    made.world.apply(planNode(made.seen({ heard: undefined }), SILENT), SILENT)
    expect(nodeIn(made)).toMatchObject({ ready: 'Unknown', reason: 'NodeStatusNeverUpdated' })
  })

  test('is as it was when it is heard again', () => {
    const made = worldOf(aNode())
    made.world.apply(planNode(made.seen(), SILENT), SILENT)
    expect(nodeIn(made)).toMatchObject({ ready: 'Unknown', reason: 'NodeStatusUnknown' })
    const plan = planNode(made.seen({ heard: SILENT + 1000 }), SILENT + 1000)
    expect(plan.actions.flatMap((one) => (one.do === 'event' ? [one.message] : []))).toEqual([
      'Node n1 status is now: NodeReady',
    ])
    made.world.apply(plan, SILENT + 1000)
    expect(nodeIn(made)).toEqual({ ready: 'True', reason: 'KubeletReady', taints: [] })
  })

  test('the second look finds nothing to do', () => {
    const made = worldOf(aNode(), [tolerating(FIVE_MINUTES)])
    made.world.apply(planNode(made.seen(), SILENT), SILENT)
    expect(planNode(made.seen(), SILENT + 1000).actions).toEqual([])
  })
})

describe('taints follow from what the node says', () => {
  const rows: readonly (readonly [string, string, readonly string[]])[] = [
    ['Ready', 'False', ['node.kubernetes.io/not-ready:NoSchedule', 'node.kubernetes.io/not-ready:NoExecute']],
    ['MemoryPressure', 'True', ['node.kubernetes.io/memory-pressure:NoSchedule']],
    ['DiskPressure', 'True', ['node.kubernetes.io/disk-pressure:NoSchedule']],
    ['PIDPressure', 'True', ['node.kubernetes.io/pid-pressure:NoSchedule']],
    ['MemoryPressure', 'False', []],
  ]
  test.each(rows)('%s %s', (type, status, taints) => {
    const node = aNode()
    const others = (node.status?.conditions ?? []).filter((one) => one.type !== type)
    const made = worldOf({ ...node, status: { ...node.status, conditions: [...others, { type, status }] } })
    made.world.apply(planNode(made.seen(), AT), AT)
    expect(nodeIn(made).taints).toEqual(taints)
  })

  test('cordoned, and others are kept', () => {
    const made = worldOf(aNode({ spec: { unschedulable: true, taints: [{ key: 'mine', effect: 'NoSchedule' }] } }))
    made.world.apply(planNode(made.seen(), AT), AT)
    expect(nodeIn(made).taints).toEqual(['mine:NoSchedule', 'node.kubernetes.io/unschedulable:NoSchedule'])
  })
})

describe('eviction', () => {
  const executing = aNode({
    ready: 'True',
    spec: { taints: [{ key: 'out', effect: 'NoExecute', timeAdded: printTime(AT) }] },
  })
  const deletes = (plan: Plan): number => plan.actions.filter((action) => action.do === 'delete').length
  const rows: readonly (readonly [string, readonly Toleration[], number | 'never'])[] = [
    ['at once without a toleration', [], 0],
    ['never with one for ever', [{ key: 'out', operator: 'Exists' }], 'never'],
    ['after its seconds', [{ key: 'out', operator: 'Exists', tolerationSeconds: 60 }], 60],
    [
      'the shortest of several counts',
      [
        { key: 'out', operator: 'Exists', tolerationSeconds: 60 },
        { operator: 'Exists', tolerationSeconds: 10 },
      ],
      10,
    ],
  ]
  test.each(rows)('%s', (_name, tolerations, seconds) => {
    const { seen } = worldOf(executing, [tolerating(...tolerations)])
    if (seconds === 'never') return expect(deletes(planNode(seen({ heard: AT + 1e6 }), AT + 1e6))).toBe(0)
    const when = AT + seconds * 1000
    if (seconds > 0) {
      const before = planNode(seen({ heard: when }), when - 1000)
      expect(deletes(before)).toBe(0)
      expect(before.again).toBeLessThanOrEqual(when)
    }
    return expect(deletes(planNode(seen({ heard: when }), when))).toBe(1)
  })

  test('tells why, and marks the pod', async () => {
    const { seen } = worldOf(executing, [tolerating()])
    await expect(planText(planNode(seen(), AT))).toMatchFileSnapshot('../../test/golden/plans/node-evict.txt')
  })

  test('nobody is evicted when most nodes are silent, and the time begins anew afterwards', () => {
    const made = worldOf(aNode(), [tolerating(FIVE_MINUTES)])
    made.world.apply(planNode(made.seen(), SILENT), SILENT)
    const late = SILENT + 400_000
    const guarded = planNode(made.seen({ massFailure: true }), late)
    expect(deletes(guarded)).toBe(0)
    made.world.apply(guarded, late)
    expect(nodeIn(made).taints).toEqual(['node.kubernetes.io/unreachable:NoSchedule'])
    const after = planNode(made.seen(), late + 1000)
    expect(deletes(after)).toBe(0)
    expect(after.again).toBe(late + 1000 + 300_000)
  })

  test.each([
    [1, 1, true],
    [2, 1, false],
    [3, 2, false],
    [5, 3, true],
    [20, 11, false],
    [20, 12, true],
    [4, 0, false],
  ] as const)('of %i nodes %i are silent: mass failure %s', (all, silent, is) => {
    expect(isMassFailure({ all, silent })).toBe(is)
  })
})

describe('pods of a node that is gone', () => {
  const gone = { node: undefined, heard: undefined, listeningSince: AT }
  test('are kept for a while', () => {
    const { seen } = worldOf(aNode(), [tolerating()])
    expect(planNode(seen(gone), AT + 1000)).toEqual({ actions: [], again: SILENT })
  })
  test('are failed and removed without waiting for anybody', async () => {
    const { seen } = worldOf(aNode(), [tolerating(), aPod({ name: 'done', node: 'n1', phase: 'Succeeded' })])
    await expect(planText(planNode(seen(gone), SILENT))).toMatchFileSnapshot('../../test/golden/plans/node-gone.txt')
  })
})
