/**
 * What the scheduler sees: the room on the nodes, remembered and kept in step with the log, and the pods that wait for
 * a node. A new pod is tried alone; when room came free, everything that waits is tried again.
 */
import type { Node, Pod } from '../../schema/k8s/generated/types.ts'
import { Room } from '../plan/room.ts'
import { isSchedulable, schedule, type ScheduleSeen } from '../plan/schedule.ts'
import { equal, type Row } from '../plan/seen.ts'
import { type Changed, keyOfObject, placeOf, planned, type Planned } from './controller.ts'
import type { Reading } from './reading.ts'

/** The one key: pods compete for the same nodes, so they are placed together. */
const ALL = 'pods'
/** Pods of one plan. */
const AT_ONCE = 1_000
const MOST_NODES = 50_000
const MOST_PODS = 500_000

export function scheduler(): Planned {
  const room = new Room()
  /** every pod that waits, and of those the ones nobody tried to place since they came or room came free */
  const waiting = new Set<string>()
  /** ... with the change that brought them, which saves reading them; undefined: to be read */
  const fresh = new Map<string, Changed | undefined>()
  /** what the last plan was about */
  let tried: readonly string[] = []

  function tryAll(): void {
    for (const key of waiting) fresh.set(key, undefined)
  }

  function takeNode(node: Node): void {
    room.putNode(node)
    tryAll()
  }

  function takePod(key: string, pod: Pod, changed?: Changed): void {
    if (room.putPod(key, pod)) tryAll()
    if (!isSchedulable(pod)) return forget(key)
    waiting.add(key)
    if (changed !== undefined && !fresh.has(key) && !isNews(changed)) return
    // What one plan takes is kept as it came; behind it only keys wait.
    fresh.set(key, fresh.size < AT_ONCE ? changed : undefined)
  }

  function forget(key: string): void {
    waiting.delete(key)
    fresh.delete(key)
  }

  function due(): readonly string[] {
    return fresh.size === 0 ? [] : [ALL]
  }

  return planned<ScheduleSeen>({
    name: 'scheduler',
    user: 'system:kube-scheduler',
    watches: {
      nodes(changed) {
        const now = changed.now() as unknown as Node | undefined
        const before = changed.before() as unknown as Node | undefined
        if (now === undefined) room.removeNode(changed.name)
        else if (before === undefined || !equal(placesOf(before), placesOf(now))) takeNode(now)
        return due()
      },
      pods(changed) {
        const key = keyOfObject(changed)
        const now = changed.now() as unknown as Pod | undefined
        if (now !== undefined) takePod(key, now, changed)
        else {
          forget(key)
          if (room.removePod(key)) tryAll()
        }
        return due()
      },
    },
    async seed(view) {
      const nodes = await view.list<Node>({ resource: 'nodes', limit: MOST_NODES })
      for (const { object } of nodes.rows) takeNode(object)
      const pods = await view.list<Pod>({ resource: 'pods', limit: MOST_PODS })
      for (const { object } of pods.rows) {
        const { namespace = '', name = '' } = object.metadata
        takePod(keyOfObject({ namespace, name }), object)
      }
      return due()
    },
    async read(view, _key, tries) {
      // After a lost write it is not known which pod of the plan it was about, nor for whom that left no room.
      if (tries.attempt > 0) for (const key of tried) if (waiting.has(key)) fresh.set(key, undefined)
      const some = [...fresh].slice(0, AT_ONCE)
      tried = some.map(([key]) => key)
      for (const key of tried) fresh.delete(key)
      return { room, pods: await podsOf(view, some) }
    },
    planner(seen, at) {
      const plan = schedule(seen, at)
      return fresh.size === 0 ? plan : { ...plan, again: at }
    },
  })
}

async function podsOf(
  view: Reading,
  some: readonly (readonly [string, Changed | undefined])[],
): Promise<readonly Row<Pod>[]> {
  const rows = await Promise.all(
    some.map(async ([key, changed]) => {
      const { namespace, name } = placeOf(key)
      const item = changed?.item()
      if (item !== undefined) return view.took<Pod>({ resource: 'pods', namespace, name }, item)
      return view.get<Pod>('pods', namespace, name)
    }),
  )
  return rows.filter((row) => row !== undefined)
}

/** Its own verdict on a pod is no reason to try again; a changed spec is. */
function isNews(changed: Changed): boolean {
  const before = changed.before()
  return before === undefined || !equal(before['spec'], changed.now()?.['spec'])
}

function placesOf({ metadata, spec, status }: Node): unknown {
  return [metadata.labels, spec?.taints, spec?.unschedulable, status?.allocatable, status?.capacity]
}
