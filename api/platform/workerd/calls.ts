/** What a Worker calls on its cluster's Durable Object, beside `fetch`. */
import type { StreamOrder } from '../port.ts'
import type { Touched } from '../../store/store.ts'

export interface ClusterCalls extends Rpc.DurableObjectBranded {
  ring(touched: Touched): Promise<void>
  /** The order is dropped when no poll took it within `timeoutMs`. */
  order(order: StreamOrder, timeoutMs: number): Promise<void>
  take(node: string): Promise<readonly StreamOrder[]>
  liveness(): Promise<{ readonly since: number; readonly nodes: ReadonlyMap<string, number> }>
  /** The floor. */
  tick(): Promise<void>
  /** Somebody saw the log at this revision: what had no pass gets one. Costs nothing when all had. */
  saw(head: number): Promise<void>
}

export type ClusterStub = DurableObjectStub<ClusterCalls>
