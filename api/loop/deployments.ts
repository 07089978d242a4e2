/** What the Deployment planner sees: the Deployment, its ReplicaSets, and their pods where the strategy needs them. */
import type { Deployment, Pod, ReplicaSet } from '../../schema/k8s/generated/types.ts'
import { labelMatchOf, matches } from '../../schema/k8s/selector.ts'
import { conditionOf } from '../plan/conditions.ts'
import { newSetName } from '../plan/deployment-revision.ts'
import { type DeploymentSeen, planDeployment } from '../plan/deployment.ts'
import { controllerOf, type Row } from '../plan/seen.ts'
import { type Changed, keyOfMeta, keyOfObject, placeOf, planned, type Planned } from './controller.ts'
import { Orphans } from './orphans.ts'
import { Selectors } from './selectors.ts'
import type { Reading } from './reading.ts'

const MOST_DEPLOYMENTS = 100_000
const MOST_SETS = 5_000
const MOST_PODS = 50_000
const RESOURCE = 'deployments.apps'
const SETS = 'replicasets.apps'

export function deployments(): Planned {
  const selectors = new Selectors(RESOURCE, (object) => labelMatchOf((object as unknown as Deployment).spec?.selector))
  const orphans = new Orphans()

  async function setsOf(view: Reading, object: Deployment, withOrphans: boolean): Promise<readonly Row<ReplicaSet>[]> {
    const { namespace = '', uid = '' } = object.metadata
    const own = await view.list<ReplicaSet>({ resource: SETS, namespace, limit: MOST_SETS, where: { owner: uid } })
    if (!withOrphans) return own.rows
    const match = labelMatchOf(object.spec?.selector)
    const free = await view.list<ReplicaSet>({ resource: SETS, namespace, limit: MOST_SETS, where: { owner: '' } })
    return [...own.rows, ...free.rows.filter((set) => matches(match, set.object.metadata.labels))]
  }

  return planned<DeploymentSeen>({
    name: 'deployment',
    user: 'system:serviceaccount:kube-system:deployment-controller',
    watches: {
      async [RESOURCE](changed) {
        await selectors.saw(changed)
        if (changed.op === 'delete') return []
        if (changed.op === 'create') orphans.expect(keyOfObject(changed))
        return [keyOfObject(changed)]
      },
      async [SETS](changed, view) {
        const { namespace } = changed
        const names = new Set(ownersIn(changed, 'Deployment'))
        const now = changed.now()
        if (now !== undefined && controllerOf(now) === undefined) {
          for (const name of await selectors.selecting(view, namespace, now.metadata.labels)) {
            names.add(name)
            orphans.expect(keyOfObject({ namespace, name }))
          }
        }
        return [...names].map((name) => keyOfObject({ namespace, name }))
      },
      async pods(changed, view) {
        if (!left(changed)) return []
        const keys: string[] = []
        for (const name of new Set(ownersIn(changed, 'ReplicaSet'))) {
          const set = await view.get<ReplicaSet>(SETS, changed.namespace, name)
          const owner = set === undefined ? undefined : controllerOf(set.object)
          if (owner?.kind === 'Deployment') keys.push(keyOfObject({ namespace: changed.namespace, name: owner.name }))
        }
        return keys
      },
    },
    async seed(view) {
      const { rows } = await view.list<Deployment>({ resource: RESOURCE, limit: MOST_DEPLOYMENTS })
      return rows.filter(({ object }) => isOnItsWay(object)).map(({ object }) => keyOfMeta(object.metadata))
    },
    async read(view, key, tries) {
      const { namespace, name } = placeOf(key)
      const deployment = await view.get<Deployment>(RESOURCE, namespace, name)
      if (deployment === undefined) return undefined
      const sets = await setsOf(view, deployment.object, orphans.mayBe(key, tries))
      const named = await view.get<ReplicaSet>(SETS, namespace, newSetName(deployment.object))
      const waits = deployment.object.spec?.strategy?.type === 'Recreate'
      const pods = waits ? await podsOf(view, namespace, sets) : []
      return { deployment, sets, named, pods, ...(tries.failure === undefined ? {} : { failure: tries.failure }) }
    },
    planner: planDeployment,
  })
}

async function podsOf(
  view: Reading,
  namespace: string,
  sets: readonly Row<ReplicaSet>[],
): Promise<readonly Row<Pod>[]> {
  const pages = await Promise.all(
    sets.map(({ object }) =>
      view.list<Pod>({ resource: 'pods', namespace, limit: MOST_PODS, where: { owner: object.metadata.uid ?? '' } }),
    ),
  )
  return pages.flatMap(({ rows }) => rows)
}

/** Its deadline counts: the rollout is neither through nor given up. */
function isOnItsWay({ status }: Deployment): boolean {
  const reason = conditionOf(status?.conditions, 'Progressing')?.reason
  return reason !== 'NewReplicaSetAvailable' && reason !== 'ProgressDeadlineExceeded'
}

/** Recreate waits for the last old pod: for its end, not for what happens to it before. */
function left(changed: Changed): boolean {
  if (changed.op !== 'update') return changed.op === 'delete'
  const { status } = changed.now() as unknown as Pod
  if (status?.phase !== 'Succeeded' && status?.phase !== 'Failed') return false
  const before = changed.before() as unknown as Pod | undefined
  return status.phase !== before?.status?.phase
}

function ownersIn(changed: Changed, kind: string): readonly string[] {
  return [changed.now(), changed.before()].flatMap((object) => {
    const owner = object === undefined ? undefined : controllerOf(object)
    return owner?.kind === kind && owner.apiVersion === 'apps/v1' ? [owner.name] : []
  })
}
