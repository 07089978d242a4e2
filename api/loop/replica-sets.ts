/** What the ReplicaSet planner sees: the set, its pods, and pods nobody controls that it selects. */
import type { Pod, ReplicaSet } from '../../schema/k8s/generated/types.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { type LabelMatch, labelMatchOf, matches } from '../../schema/k8s/selector.ts'
import { planReplicaSet, type ReplicaSetSeen } from '../plan/replica-set.ts'
import { controllerOf, type Row } from '../plan/seen.ts'
import { type Changed, keyOfMeta, keyOfObject, placeOf, planned, type Planned } from './controller.ts'
import { Orphans } from './orphans.ts'
import { Selectors } from './selectors.ts'
import type { Reading } from './reading.ts'

const MOST_SETS = 500_000
/** Pods of one ReplicaSet. */
const MOST_PODS = 50_000
const RESOURCE = 'replicasets.apps'

export function replicaSets(): Planned {
  const selectors = new Selectors(RESOURCE, (object) => matchOf(object as unknown as ReplicaSet))
  const orphans = new Orphans()

  async function podsOf(view: Reading, set: ReplicaSet, withOrphans: boolean): Promise<readonly Row<Pod>[]> {
    const { namespace = '', uid = '' } = set.metadata
    const own = await view.list<Pod>({ resource: 'pods', namespace, limit: MOST_PODS, where: { owner: uid } })
    if (!withOrphans) return own.rows
    const match = matchOf(set)
    const labels = set.spec?.selector?.matchLabels ?? {}
    const free = await view.list<Pod>({ resource: 'pods', namespace, limit: MOST_PODS, where: { owner: '', labels } })
    return [...own.rows, ...free.rows.filter(({ object }) => matches(match, object.metadata.labels))]
  }

  return planned<ReplicaSetSeen>({
    name: 'replica-set',
    user: 'system:serviceaccount:kube-system:replicaset-controller',
    watches: {
      async [RESOURCE](changed) {
        await selectors.saw(changed)
        if (changed.op === 'delete') return []
        if (changed.op === 'create') orphans.expect(keyOfObject(changed))
        return [keyOfObject(changed)]
      },
      async pods(changed, view) {
        const { namespace } = changed
        const names = new Set(ownersIn(changed))
        const now = changed.now()
        // A pod without a controller may be one a set lacks.
        if (now !== undefined && controllerOf(now) === undefined && changed.op !== 'delete') {
          for (const name of await selectors.selecting(view, namespace, now.metadata.labels)) {
            names.add(name)
            orphans.expect(keyOfObject({ namespace, name }))
          }
        }
        return [...names].map((name) => keyOfObject({ namespace, name }))
      },
    },
    async seed(view) {
      const { rows } = await view.list<ReplicaSet>({ resource: RESOURCE, limit: MOST_SETS })
      // Pods become available by time alone.
      const timed = rows.filter(({ object }) => (object.spec?.minReadySeconds ?? 0) > 0)
      return timed.map(({ object }) => keyOfMeta(object.metadata))
    },
    async read(view, key, tries) {
      const { namespace, name } = placeOf(key)
      const set = await view.get<ReplicaSet>(RESOURCE, namespace, name)
      if (set === undefined) return undefined
      const pods = await podsOf(view, set.object, orphans.mayBe(key, tries))
      return {
        set,
        pods,
        attempt: tries.attempt,
        ...(tries.failure === undefined ? {} : { failure: tries.failure }),
      }
    },
    planner: planReplicaSet,
  })
}

function matchOf(set: ReplicaSet): LabelMatch {
  return labelMatchOf(set.spec?.selector)
}

/** The sets that control the pod, or did. */
function ownersIn(changed: Changed): readonly string[] {
  if (!changed.mentions('ownerReferences')) return []
  return [changed.now(), changed.before()].flatMap((object: K8sObject | undefined) => {
    const owner = object === undefined ? undefined : controllerOf(object)
    return owner?.kind === 'ReplicaSet' && owner.apiVersion === 'apps/v1' ? [owner.name] : []
  })
}
