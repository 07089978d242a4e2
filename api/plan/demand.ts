/** What a pod asks of a node, in numbers: millicores, bytes, and counts of anything else. */
import type { Pod, PodSpec } from '../../schema/k8s/generated/types.ts'
import { milliValue, wholeValue } from '../../schema/k8s/quantity.ts'

export interface Demand {
  readonly cpu: number
  readonly memory: number
  /** as the score counts them: a container that asks for nothing counts as a small one */
  readonly cpuScore: number
  readonly memoryScore: number
  /** ephemeral-storage, huge pages, devices */
  readonly others: readonly (readonly [string, number])[]
  /** `TCP/0.0.0.0/80` */
  readonly hostPorts: readonly string[]
}

/** upstream's defaults for scoring */
const SMALL_CPU = 100
const SMALL_MEMORY = 200 * 1024 * 1024

type Amounts = Map<string, number>

export function demandOf(pod: Pod): Demand {
  const spec = pod.spec ?? { containers: [] }
  const plain = amounts(spec, (_, value) => value ?? 0)
  const cpu = plain.get('cpu') ?? 0
  const memory = plain.get('memory') ?? 0
  const scored = amounts(
    spec,
    (name, value) => value ?? (name === 'cpu' ? SMALL_CPU : name === 'memory' ? SMALL_MEMORY : 0),
  )
  return {
    cpu,
    memory,
    cpuScore: scored.get('cpu') ?? 0,
    memoryScore: scored.get('memory') ?? 0,
    others: [...plain].filter(([name, value]) => name !== 'cpu' && name !== 'memory' && value > 0),
    hostPorts: hostPortsOf(spec),
  }
}

/** Containers together, or one of the init containers with the sidecars started before it, whichever is more. */
function amounts(spec: PodSpec, valued: (name: string, value: number | undefined) => number): Amounts {
  const names = new Set(['cpu', 'memory'])
  const all = [...spec.containers, ...(spec.initContainers ?? [])]
  for (const container of all) for (const name in container.resources?.requests) names.add(name)
  for (const name in spec.resources?.requests) names.add(name)
  for (const name in spec.overhead) names.add(name)
  const total: Amounts = new Map()
  for (const name of names) {
    const of = (container: (typeof all)[number]): number =>
      valued(name, read(name, container.resources?.requests?.[name]))
    let running = spec.containers.reduce((sum, container) => sum + of(container), 0)
    let sidecars = 0
    let most = 0
    for (const container of spec.initContainers ?? []) {
      if (container.restartPolicy === 'Always') {
        sidecars += of(container)
        most = Math.max(most, sidecars)
      } else most = Math.max(most, sidecars + of(container))
    }
    running += sidecars
    const whole = read(name, spec.resources?.requests?.[name])
    const overhead = read(name, spec.overhead?.[name]) ?? 0
    total.set(name, (whole ?? Math.max(running, most)) + overhead)
  }
  return total
}

function read(name: string, quantity: string | undefined): number | undefined {
  return quantity === undefined ? undefined : amountOf(name, quantity)
}

export function amountOf(name: string, quantity: string): number {
  return name === 'cpu' ? milliValue(quantity) : wholeValue(quantity)
}

function hostPortsOf(spec: PodSpec): readonly string[] {
  const ports: string[] = []
  const sidecars = (spec.initContainers ?? []).filter((container) => container.restartPolicy === 'Always')
  for (const container of [...spec.containers, ...sidecars]) {
    for (const port of container.ports ?? []) {
      const number = port.hostPort ?? 0
      if (number === 0) continue
      const address = (port.hostIP ?? '') === '' ? '0.0.0.0' : (port.hostIP ?? '')
      ports.push(`${port.protocol ?? 'TCP'}/${address}/${number}`)
    }
  }
  return ports
}

/** An address of all zeros meets every address. */
export function portsMeet(a: string, b: string): boolean {
  const [protocol, address, number] = a.split('/')
  const [otherProtocol, otherAddress, otherNumber] = b.split('/')
  if (protocol !== otherProtocol || number !== otherNumber) return false
  return address === otherAddress || address === '0.0.0.0' || otherAddress === '0.0.0.0'
}
