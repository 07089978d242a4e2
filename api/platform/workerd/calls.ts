/** What a Worker calls on its cluster's Durable Object, beside `fetch`. */
import type { StreamOrder } from '../port.ts'
import type { Touched } from '../../store/store.ts'

export interface ClusterCalls extends Rpc.DurableObjectBranded {
  ring(touched: Touched): Promise<void>
  order(order: StreamOrder): Promise<void>
  take(node: string): Promise<readonly StreamOrder[]>
  liveness(): Promise<{ readonly since: number; readonly nodes: ReadonlyMap<string, number> }>
  tick(): Promise<void>
}

export type ClusterStub = DurableObjectStub<ClusterCalls>
