/**
 * The room on the nodes: what each has to give and what the pods bound to it take, in typed arrays, so that 5,000
 * nodes are looked at in tens of microseconds. Kept in step with the log by the loop, one change at a time; a plan
 * works on a `draft`, a copy of what is taken.
 */
import type { Node, Pod } from '../../schema/k8s/generated/types.ts'
import { amountOf, type Demand, demandOf } from './demand.ts'
import { isFinished } from './pods.ts'

export interface Taken {
  readonly cpu: Float64Array
  readonly memory: Float64Array
  readonly cpuScore: Float64Array
  readonly memoryScore: Float64Array
  readonly pods: Int32Array
  readonly others: Map<string, Float64Array>
  /** host ports by node */
  readonly ports: Map<number, readonly string[]>
  /** pods of one controller by node */
  readonly owners: Map<string, Map<number, number>>
}

/** What a bound pod takes; its owner counts for spreading. */
interface Tenant {
  readonly node: string
  readonly demand: Demand
  readonly owner: string | undefined
  readonly generation: number
}

/** An answer is a value for each node. */
const MOST_ANSWERS = 64

export class Room {
  /** by slot; undefined: no such node */
  readonly nodes: (Node | undefined)[] = []
  cpu = new Float64Array(16)
  memory = new Float64Array(16)
  pods = new Int32Array(16)
  readonly others = new Map<string, Float64Array>()
  #taken: Taken = emptyTaken(16)
  readonly #slots = new Map<string, number>()
  readonly #free: number[] = []
  readonly #tenants = new Map<string, Tenant>()
  /** keys of pods by node, whether the node is there or not */
  readonly #byNode = new Map<string, Set<string>>()
  /** by question; forgotten when a node comes, changes or goes */
  readonly #answers = new Map<string, unknown>()

  get size(): number {
    return this.#slots.size
  }

  /** What depends on the nodes themselves and not on the room they have: found out once for as long as they stay the same. */
  ofNodes<T>(question: string, answer: () => T): T {
    if (this.#answers.has(question)) return this.#answers.get(question) as T
    if (this.#answers.size >= MOST_ANSWERS) this.#answers.clear()
    const found = answer()
    this.#answers.set(question, found)
    return found
  }

  /** A copy to plan with. */
  draft(): Taken {
    const { cpu, memory, cpuScore, memoryScore, pods, others, ports, owners } = this.#taken
    return {
      cpu: cpu.slice(),
      memory: memory.slice(),
      cpuScore: cpuScore.slice(),
      memoryScore: memoryScore.slice(),
      pods: pods.slice(),
      others: new Map([...others].map(([name, values]) => [name, values.slice()])),
      ports: new Map(ports),
      owners: new Map([...owners].map(([owner, counts]) => [owner, new Map(counts)])),
    }
  }

  /** A node came or changed. */
  putNode(node: Node): void {
    this.#answers.clear()
    const name = node.metadata.name ?? ''
    const known = this.#slots.get(name)
    const slot = known ?? this.#free.pop() ?? this.nodes.length
    if (slot >= this.cpu.length) this.#grow()
    this.nodes[slot] = node
    const give = node.status?.allocatable ?? node.status?.capacity ?? {}
    for (const values of this.others.values()) values[slot] = 0
    this.cpu[slot] = 0
    this.memory[slot] = 0
    this.pods[slot] = 0
    for (const [resource, quantity] of Object.entries(give)) {
      const amount = amountOf(resource, quantity)
      if (resource === 'cpu') this.cpu[slot] = amount
      else if (resource === 'memory') this.memory[slot] = amount
      else if (resource === 'pods') this.pods[slot] = amount
      else columnOf(this.others, resource, this.cpu.length)[slot] = amount
    }
    if (known !== undefined) return
    this.#slots.set(name, slot)
    for (const key of this.#byNode.get(name) ?? []) this.#count(slot, this.#tenants.get(key), 1)
  }

  removeNode(name: string): void {
    const slot = this.#slots.get(name)
    if (slot === undefined) return
    this.#answers.clear()
    for (const key of this.#byNode.get(name) ?? []) this.#count(slot, this.#tenants.get(key), -1)
    this.#slots.delete(name)
    this.nodes[slot] = undefined
    this.#free.push(slot)
  }

  /** A pod came or changed; only one that is bound and not finished takes room. Did room become free? */
  putPod(key: string, pod: Pod): boolean {
    const node = pod.spec?.nodeName ?? ''
    const before = this.#tenants.get(key)
    if (node === '' || isFinished(pod)) return this.removePod(key)
    const { generation = 0 } = pod.metadata
    // Most changes are of the status: the same generation on the same node takes what it took.
    if (before?.node === node && before.generation === generation) return false
    const tenant: Tenant = {
      node,
      generation,
      demand: demandOf(pod),
      owner: pod.metadata.ownerReferences?.find((owner) => owner.controller === true)?.uid,
    }
    const freed = before !== undefined && this.removePod(key)
    this.#tenants.set(key, tenant)
    const pods = this.#byNode.get(node) ?? new Set()
    this.#byNode.set(node, pods.add(key))
    const slot = this.#slots.get(node)
    if (slot !== undefined) this.#count(slot, tenant, 1)
    return freed && before.demand.cpu + before.demand.memory > tenant.demand.cpu + tenant.demand.memory
  }

  removePod(key: string): boolean {
    const tenant = this.#tenants.get(key)
    if (tenant === undefined) return false
    this.#tenants.delete(key)
    const pods = this.#byNode.get(tenant.node)
    pods?.delete(key)
    if (pods?.size === 0) this.#byNode.delete(tenant.node)
    const slot = this.#slots.get(tenant.node)
    if (slot !== undefined) this.#count(slot, tenant, -1)
    return true
  }

  #count(slot: number, tenant: Tenant | undefined, sign: 1 | -1): void {
    if (tenant !== undefined) take(this.#taken, slot, tenant.demand, tenant.owner, sign)
  }

  #grow(): void {
    const size = this.cpu.length * 2
    this.cpu = grown(this.cpu, size)
    this.memory = grown(this.memory, size)
    const pods = new Int32Array(size)
    pods.set(this.pods)
    this.pods = pods
    for (const [name, values] of this.others) this.others.set(name, grown(values, size))
    const { cpu, memory, cpuScore, memoryScore, others, ports, owners } = this.#taken
    const takenPods = new Int32Array(size)
    takenPods.set(this.#taken.pods)
    this.#taken = {
      cpu: grown(cpu, size),
      memory: grown(memory, size),
      cpuScore: grown(cpuScore, size),
      memoryScore: grown(memoryScore, size),
      pods: takenPods,
      others: new Map([...others].map(([name, values]) => [name, grown(values, size)])),
      ports,
      owners,
    }
  }
}

/** Adds (or takes back) what a pod takes. */
export function take(taken: Taken, slot: number, demand: Demand, owner: string | undefined, sign: 1 | -1): void {
  taken.cpu[slot] = (taken.cpu[slot] ?? 0) + sign * demand.cpu
  taken.memory[slot] = (taken.memory[slot] ?? 0) + sign * demand.memory
  taken.cpuScore[slot] = (taken.cpuScore[slot] ?? 0) + sign * demand.cpuScore
  taken.memoryScore[slot] = (taken.memoryScore[slot] ?? 0) + sign * demand.memoryScore
  taken.pods[slot] = (taken.pods[slot] ?? 0) + sign
  for (const [name, amount] of demand.others) {
    const values = columnOf(taken.others, name, taken.cpu.length)
    values[slot] = (values[slot] ?? 0) + sign * amount
  }
  if (demand.hostPorts.length > 0) {
    const ports = taken.ports.get(slot) ?? []
    taken.ports.set(slot, sign > 0 ? [...ports, ...demand.hostPorts] : without(ports, demand.hostPorts))
  }
  if (owner === undefined) return
  const counts = taken.owners.get(owner) ?? new Map<number, number>()
  taken.owners.set(owner, counts)
  const left = (counts.get(slot) ?? 0) + sign
  if (left > 0) counts.set(slot, left)
  else counts.delete(slot)
  if (counts.size === 0) taken.owners.delete(owner)
}

function emptyTaken(size: number): Taken {
  return {
    cpu: new Float64Array(size),
    memory: new Float64Array(size),
    cpuScore: new Float64Array(size),
    memoryScore: new Float64Array(size),
    pods: new Int32Array(size),
    others: new Map(),
    ports: new Map(),
    owners: new Map(),
  }
}

function columnOf(columns: Map<string, Float64Array>, name: string, size: number): Float64Array {
  const column = columns.get(name) ?? new Float64Array(size)
  columns.set(name, column)
  return column
}

function grown(values: Float64Array, size: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(size)
  larger.set(values)
  return larger
}

function without(all: readonly string[], gone: readonly string[]): readonly string[] {
  const left = [...all]
  for (const one of gone) {
    const index = left.indexOf(one)
    if (index >= 0) left.splice(index, 1)
  }
  return left
}
