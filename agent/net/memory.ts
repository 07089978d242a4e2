// A network for nodes that are simulated: remembers who is attached, moves no packets.
import type { PodNetwork } from './network.ts'

export function memoryNetwork(): PodNetwork {
  const attached = new Set<string>()
  return {
    prepare: async () => {},
    attach: async ({ veth }) => void attached.add(veth),
    detach: async (veth) => void attached.delete(veth),
    attached: async () => [...attached],
  }
}
