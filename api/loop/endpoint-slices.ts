/** What the planner of EndpointSlices sees: a Service, the pods it selects, its slices. */
import type { EndpointSlice, Pod, Service } from '../../schema/k8s/generated/types.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { type LabelMatch, labelMatchOfSet } from '../../schema/k8s/selector.ts'
import {
  type EndpointSliceSeen,
  MANAGED_BY,
  MANAGER,
  planEndpointSlices,
  SERVICE_NAME,
  wantsSlices,
} from '../plan/endpoint-slice.ts'
import { isReady } from '../plan/pods.ts'
import { equal } from '../plan/seen.ts'
import { type Changed, keyOfObject, placeOf, planned, type Planned } from './controller.ts'
import { Selectors } from './selectors.ts'

/** Pods behind one Service. */
const MOST_PODS = 100_000
const MOST_SLICES = 2_000

export function endpointSlices(): Planned {
  const selectors = new Selectors('services', matchOf)
  return planned<EndpointSliceSeen>({
    name: 'endpoint-slice',
    user: 'system:serviceaccount:kube-system:endpointslice-controller',
    watches: {
      async services(changed) {
        await selectors.saw(changed)
        return changed.op === 'delete' ? [] : [keyOfObject(changed)]
      },
      async pods(changed, view) {
        if ((await selectors.none(changed.namespace)) || !moved(changed)) return []
        const names = new Set<string>()
        for (const object of [changed.now(), changed.before()]) {
          if (object === undefined) continue
          for (const name of await selectors.selecting(view, changed.namespace, object.metadata.labels)) names.add(name)
        }
        return [...names].map((name) => keyOfObject({ namespace: changed.namespace, name }))
      },
      'endpointslices.discovery.k8s.io': (changed) => {
        // Its own slices come out of a plan; what others do to them is put right.
        const objects = changed.op === 'create' ? [] : [changed.now(), changed.before()]
        const services = objects.flatMap((object) => serviceOf(object))
        return [...new Set(services)].map((name) => keyOfObject({ namespace: changed.namespace, name }))
      },
    },
    async read(view, key) {
      const { namespace, name } = placeOf(key)
      const service = await view.get<Service>('services', namespace, name)
      if (service === undefined) return undefined
      const selector = service.object.spec?.selector ?? {}
      const wants = wantsSlices(service.object)
      const [pods, slices] = await Promise.all([
        wants
          ? view.list<Pod>({ resource: 'pods', namespace, limit: MOST_PODS, where: { labels: selector } })
          : { rows: [] },
        view.list<EndpointSlice>({
          resource: 'endpointslices.discovery.k8s.io',
          namespace,
          limit: MOST_SLICES,
          where: { owner: service.object.metadata.uid ?? '' },
        }),
      ])
      const own = slices.rows.filter(({ object }) => object.metadata.labels?.[MANAGED_BY] === MANAGER)
      return { service, pods: pods.rows, slices: own }
    },
    planner: planEndpointSlices,
  })
}

function matchOf(object: K8sObject): LabelMatch | undefined {
  const service = object as unknown as Service
  return wantsSlices(service) ? labelMatchOfSet(service.spec?.selector ?? {}) : undefined
}

function serviceOf(object: K8sObject | undefined): readonly string[] {
  const labels = object?.metadata.labels
  const service = labels?.[MANAGED_BY] === MANAGER ? labels[SERVICE_NAME] : undefined
  return service === undefined ? [] : [service]
}

/** Did anything change that an endpoint shows? Most changes of a pod are none of a Service's business. */
function moved(changed: Changed): boolean {
  const [now, before] = [changed.now(), changed.before()]
  if (now === undefined || before === undefined) return true
  return !equal(endpointFacts(now as unknown as Pod), endpointFacts(before as unknown as Pod))
}

function endpointFacts(pod: Pod): unknown {
  const { labels, deletionTimestamp } = pod.metadata
  const { podIP, podIPs, phase } = pod.status ?? {}
  return [labels, deletionTimestamp, podIP, podIPs, phase, pod.spec?.nodeName, isReady(pod)]
}
