/** What a pod asks of its node: its containers together, or its init containers if one of those asks for more. */
import type { PodSpec, Quantity } from '../../schema/k8s/generated/types.ts'
import type { Amount } from '../../schema/k8s/quantity.ts'
import { addQuantities, compareQuantities, parseQuantity } from '../../schema/k8s/quantity.ts'
import { isSidecar } from './pod-cells.ts'

type Amounts = Record<string, Amount>

/** Requests of the containers: init containers run one by one, beside the restartable ones started before them. */
export function containerRequests(spec: PodSpec): Readonly<Amounts> {
  const total: Amounts = {}
  for (const container of spec.containers ?? []) add(total, container.resources?.requests)
  const sidecars: Amounts = {}
  const peak: Amounts = {}
  for (const container of spec.initContainers ?? []) {
    const own: Amounts = { ...sidecars }
    add(own, container.resources?.requests)
    if (isSidecar(container)) {
      add(sidecars, container.resources?.requests)
      add(total, container.resources?.requests)
    }
    raise(peak, own)
  }
  raise(total, peak)
  return total
}

/** Requests of the whole pod: its own where it states them, plus overhead. */
export function podRequests(spec: PodSpec): Readonly<Amounts> {
  const total: Amounts = { ...containerRequests(spec) }
  for (const [name, amount] of Object.entries(spec.resources?.requests ?? {})) total[name] = parseQuantity(amount)
  add(total, spec.overhead)
  return total
}

function add(total: Amounts, amounts: Readonly<Record<string, Quantity>> | undefined): void {
  for (const [name, amount] of Object.entries(amounts ?? {})) total[name] = addQuantities(total[name] ?? '0', amount)
}

function raise(total: Amounts, amounts: Readonly<Amounts>): void {
  for (const [name, amount] of Object.entries(amounts)) {
    const current = total[name]
    if (current === undefined || compareQuantities(amount, current) > 0) total[name] = amount
  }
}
