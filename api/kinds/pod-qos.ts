/** The quality-of-service class, from requests and limits of cpu and memory. */
import type { Container, Pod, PodQOSClass, Quantity } from '../../schema/k8s/generated/types.ts'
import { addQuantities, compareQuantities } from '../../schema/k8s/quantity.ts'

type Amounts = Record<string, Quantity | ReturnType<typeof addQuantities>>

const COUNTED: ReadonlySet<string> = new Set(['cpu', 'memory'])

/** Guaranteed: every container limits cpu and memory and requests as much. BestEffort: none says anything. */
export function qosClass(pod: Pod): PodQOSClass {
  const all: readonly Container[] = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])]
  const own = pod.spec?.resources
  const parts = own === undefined ? all.map((one) => one.resources ?? {}) : [own]
  const requests: Amounts = {}
  const limits: Amounts = {}
  let complete = true
  for (const part of parts) {
    add(requests, part.requests)
    const limited = add(limits, part.limits)
    if (limited.size < COUNTED.size) complete = false
  }
  if (Object.keys(requests).length === 0 && Object.keys(limits).length === 0) return 'BestEffort'
  const equal =
    Object.keys(requests).length === Object.keys(limits).length &&
    Object.entries(requests).every(([name, amount]) => {
      const limit = limits[name]
      return limit !== undefined && compareQuantities(limit, amount) === 0
    })
  return complete && equal ? 'Guaranteed' : 'Burstable'
}

/** Adds what is above zero; answers which resources were. */
function add(sums: Amounts, amounts: Readonly<Record<string, Quantity>> | undefined): ReadonlySet<string> {
  const found = new Set<string>()
  for (const [name, amount] of Object.entries(amounts ?? {})) {
    if (!COUNTED.has(name) || compareQuantities(amount, '0') <= 0) continue
    found.add(name)
    sums[name] = addQuantities(sums[name] ?? '0', amount)
  }
  return found
}
