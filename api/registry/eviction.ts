/**
 * pods/eviction: a delete that asks the pod's disruption budget first. Taking one from the budget and deleting
 * the pod are two writes, as upstream; the budget remembers the pod, so its controller does not count it twice.
 */
import type { Pod, PodCondition, PodDisruptionBudget } from '../../schema/k8s/generated/types.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { labelMatchOf, matches } from '../../schema/k8s/selector.ts'
import { internalError, tooManyRequests } from '../../schema/k8s/status.ts'
import { printTime } from '../../schema/k8s/time.ts'
import type { Allowed } from '../access/request.ts'
import { kindByStore } from '../kinds/all.ts'
import { remove } from './delete.ts'
import { get } from './get.ts'
import { Item } from './item.ts'
import { kindOf } from './kind-of.ts'
import type { DeleteOptions } from './options.ts'
import { rewrite } from './rewrite.ts'

const BUDGETS = 'poddisruptionbudgets.policy'
/** Budgets of one namespace that are looked at. */
const MOST_BUDGETS = 1000
const BLOCKED = "Cannot evict pod as it would violate the pod's disruption budget."

export async function evict(request: Allowed, options: DeleteOptions = {}): Promise<void> {
  const kind = kindOf(request)
  const held = await get(request)
  const pod = held.object as unknown as Pod
  if (!isOver(pod) && pod.metadata?.deletionTimestamp === undefined) {
    const budgets = await budgetsFor(request, pod)
    if (budgets.length > 1) {
      throw internalError(
        'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
      )
    }
    for (const budget of budgets) await takeOne(request, budget, options)
    if (options.dryRun !== true) {
      const at = printTime(request.cluster.clock.now())
      const mark = { part: 'free' as const, attempts: 5, next: (item: Item) => disrupted(item.object, at) }
      await rewrite(request, kind, mark, {})
    }
  }
  await remove(request, options)
}

function isOver(pod: Pod): boolean {
  const phase = pod.status?.phase
  return phase === 'Succeeded' || phase === 'Failed' || phase === 'Pending'
}

async function budgetsFor(request: Allowed, pod: Pod): Promise<readonly Item[]> {
  if (kindByStore(BUDGETS) === undefined) return []
  const page = await request.cluster.store.list({
    resource: BUDGETS,
    namespace: request.namespace ?? '',
    limit: MOST_BUDGETS,
  })
  if ('expired' in page) return []
  return page.items
    .map((stored) => Item.of(stored))
    .filter((item) => {
      const { selector } = (item.object as unknown as PodDisruptionBudget).spec ?? {}
      return selector !== undefined && matches(labelMatchOf(selector), pod.metadata?.labels)
    })
}

async function takeOne(request: Allowed, item: Item, options: DeleteOptions): Promise<void> {
  const kind = kindByStore(BUDGETS)
  if (kind === undefined) return
  const name = item.object.metadata.name ?? ''
  const pod = request.name ?? ''
  const about = {
    ...request,
    group: kind.group,
    version: kind.version,
    resource: kind.plural,
    name,
    subresource: 'status',
  }
  const at = printTime(request.cluster.clock.now())
  const next = ({ object }: Item): K8sObject => {
    const { status, metadata } = object as unknown as PodDisruptionBudget
    const allowed = status?.disruptionsAllowed ?? 0
    const stale = (status?.observedGeneration ?? 0) < (metadata?.generation ?? 0)
    const why = stale
      ? `The disruption budget ${name} is still being processed by the server.`
      : `The disruption budget ${name} needs ${status?.desiredHealthy ?? 0} healthy pods and has ${status?.currentHealthy ?? 0} currently`
    if (stale || allowed <= 0)
      throw tooManyRequests(BLOCKED, stale ? 10 : 0, [{ reason: 'DisruptionBudget', message: why }])
    return {
      ...object,
      status: { ...status, disruptionsAllowed: allowed - 1, disruptedPods: { ...status?.disruptedPods, [pod]: at } },
    }
  }
  await rewrite(about, kind, { part: 'free', attempts: 5, next }, options.dryRun === true ? { dryRun: true } : {})
}

function disrupted(object: K8sObject, at: string): K8sObject {
  const { status = {} } = object as unknown as Pod
  const condition: PodCondition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
    lastTransitionTime: at,
  }
  const others = (status.conditions ?? []).filter((one) => one.type !== 'DisruptionTarget')
  return { ...object, status: { ...status, conditions: [...others, condition] } }
}
