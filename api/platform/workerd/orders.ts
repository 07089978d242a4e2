/** Orders of streams that wait for a node's poll, in the memory of the cluster's Durable Object. */
import type { StreamOrder } from '../port.ts'

/** per node; a client beyond that gets an error at once */
const MOST_ORDERS = 100

interface Waiting {
  readonly order: StreamOrder
  /** by then its client has given up */
  readonly until: number
}

export class Orders {
  readonly #waiting = new Map<string, readonly Waiting[]>()

  add(order: StreamOrder, now: number, timeoutMs: number): void {
    const waiting = this.#alive(order.node, now)
    if (waiting.length >= MOST_ORDERS)
      throw new Error(`node ${order.node} has ${waiting.length} streams waiting, limit is ${MOST_ORDERS}`)
    this.#waiting.set(order.node, [...waiting, { order, until: now + timeoutMs }])
  }

  take(node: string, now: number): readonly StreamOrder[] {
    const waiting = this.#alive(node, now)
    this.#waiting.delete(node)
    return waiting.map(({ order }) => order)
  }

  #alive(node: string, now: number): readonly Waiting[] {
    return (this.#waiting.get(node) ?? []).filter(({ until }) => until > now)
  }
}
