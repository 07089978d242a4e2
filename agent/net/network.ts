// The port to a pod's network on this node. What is behind it: veth.ts on a real host, memory.ts in simulations.
import type { HostPort } from '../plan/host-ports.ts'

export interface PodNetwork {
  /** once, before any pod; safe to repeat */
  prepare(signal: AbortSignal): Promise<void>
  /** gives the process's network namespace the address; safe to repeat */
  attach(
    options: {
      readonly veth: string
      readonly pid: number
      readonly ip: string
      /** ports of the node that lead to it */
      readonly ports: readonly HostPort[]
    },
    signal: AbortSignal,
  ): Promise<void>
  /** takes it away; nothing when it is gone */
  detach(veth: string, signal: AbortSignal): Promise<void>
  /** interfaces this node made and did not take away */
  attached(signal: AbortSignal): Promise<string[]>
}
