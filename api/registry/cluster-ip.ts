/**
 * Service addresses from 10.96.0.0/12: picked at random, honoured when asked for, held by a record in the
 * same group as the Service. 10.96.0.1 is kept for default/kubernetes and 10.96.0.10 for the DNS Service of
 * kube-system; as upstream, chance stays out of the low addresses people like to ask for by hand.
 */
import type { Service, ServiceSpec } from '../../schema/k8s/generated/types.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { fieldInvalid, invalid, type Refusal } from '../../schema/k8s/status.ts'
import type { Allowed } from '../access/request.ts'
import { CLUSTER_IP, claim, claimKey, release } from './claim.ts'
import type { Effect } from '../store/store.ts'
import type { Admitted, Step } from './step.ts'

const RANGE = '10.96.0.0/12'
const FIRST = toNumber('10.96.0.0') ?? 0
const SIZE = 2 ** 20
/** Addresses below this offset are given only when asked for. */
const LOW = 257
const KEPT: Readonly<Record<string, (service: K8sObject) => boolean>> = {
  '10.96.0.1': ({ metadata }) => metadata.namespace === 'default' && metadata.name === 'kubernetes',
  '10.96.0.10': ({ metadata }) => metadata.namespace === 'kube-system',
}

export const addressOnCreate: Step = (request, _kind, admitted) => {
  const spec = specOf(admitted.object)
  if (!wantsAddress(spec)) return { ...admitted, object: withSpec(admitted.object, withFamilies(spec)) }
  return allocate(request, admitted, spec)
}

export async function addressOnUpdate(request: Allowed, admitted: Admitted, old: K8sObject): Promise<Admitted> {
  const spec = specOf(admitted.object)
  const had = addressOf(specOf(old))
  if (!wantsAddress(spec)) {
    const effects = await releaseAddress(request, old)
    return { ...admitted, effects: [...admitted.effects, ...effects] }
  }
  if (had === undefined) return allocate(request, admitted, spec)
  // Left out means unchanged; another one is refused by the kind's own validation.
  if (addressOf(spec) !== undefined) return admitted
  const kept = specOf(old)
  const { clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy } = kept
  return {
    ...admitted,
    object: withSpec(admitted.object, { ...spec, ...defined({ clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy }) }),
  }
}

/** Effects that give back the address of a Service which is going away. */
export function releaseAddress(request: Allowed, service: K8sObject): Promise<readonly Effect[]> {
  const address = addressOf(specOf(service))
  const keys = address === undefined ? [] : [claimKey(CLUSTER_IP, address)]
  return release(request.cluster, keys, service)
}

function allocate(request: Allowed, admitted: Admitted, spec: ServiceSpec): Admitted {
  const asked = addressOf(spec)
  const address = asked ?? pick(request)
  if (asked !== undefined) {
    const offset = (toNumber(asked) ?? -1) - FIRST
    if (offset <= 0 || offset >= SIZE - 1) {
      throw taken(
        admitted.object,
        spec,
        asked,
        `the provided IP (${asked}) is not in the valid range. The range of valid IPs is ${RANGE}`,
      )
    }
    const keeper = KEPT[asked]
    if (keeper !== undefined && !keeper(admitted.object)) throw taken(admitted.object, spec, asked, ALLOCATED)
  }
  const next = withFamilies({ ...spec, clusterIP: address, clusterIPs: [address] })
  return {
    ...admitted,
    object: withSpec(admitted.object, next),
    effects: [...admitted.effects, claim(CLUSTER_IP, address, admitted.object)],
    judge: (lost) => {
      if (lost.key.resource !== CLUSTER_IP) return admitted.judge(lost)
      return asked === undefined ? 'again' : taken(admitted.object, spec, asked, ALLOCATED)
    },
  }
}

const ALLOCATED = 'provided IP is already allocated'

function taken(service: K8sObject, spec: ServiceSpec, address: string, why: string): Refusal {
  const value = spec.clusterIPs ?? [address]
  const problem = fieldInvalid('spec.clusterIPs', value, `failed to allocate IP ${address}: ${why}`)
  return invalid('Service', '', service.metadata.name ?? '', [problem])
}

function pick(request: Allowed): string {
  const offset = LOW + Math.floor(request.cluster.random.fraction() * (SIZE - LOW - 1))
  const number = FIRST + offset
  return [number >>> 24, (number >>> 16) & 255, (number >>> 8) & 255, number & 255].join('.')
}

function wantsAddress(spec: ServiceSpec): boolean {
  return spec.type !== 'ExternalName' && spec.clusterIP !== 'None' && spec.clusterIPs?.[0] !== 'None'
}

/** undefined: none, or headless */
function addressOf(spec: ServiceSpec): string | undefined {
  const address = spec.clusterIP === undefined || spec.clusterIP === '' ? spec.clusterIPs?.[0] : spec.clusterIP
  return address === undefined || address === '' || address === 'None' ? undefined : address
}

function withFamilies(spec: ServiceSpec): ServiceSpec {
  if (spec.type === 'ExternalName') return spec
  const headless = spec.clusterIP === 'None' ? { clusterIPs: ['None'] } : {}
  return {
    ...spec,
    ...headless,
    ipFamilies: spec.ipFamilies ?? ['IPv4'],
    ipFamilyPolicy: spec.ipFamilyPolicy ?? 'SingleStack',
  }
}

function toNumber(address: string): number | undefined {
  const parts = address.split('.')
  if (parts.length !== 4) return undefined
  let number = 0
  for (const part of parts) {
    const value = Number(part)
    if (!/^\d{1,3}$/.test(part) || value > 255) return undefined
    number = number * 256 + value
  }
  return number
}

function defined<T extends Record<string, unknown>>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}

function specOf(object: K8sObject): ServiceSpec {
  return (object as unknown as Service).spec ?? {}
}

function withSpec(object: K8sObject, spec: ServiceSpec): K8sObject {
  return { ...object, spec }
}
