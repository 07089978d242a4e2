// Volumes for nodes that are simulated: remembers the pods, keeps no bytes.
import type { PodVolumes } from './volumes.ts'

export function memoryVolumes(): PodVolumes {
  const pods = new Set<string>()
  return {
    prepare: async (uid) => void pods.add(uid),
    mounts: async (_uid, mounts) => mounts.map(({ subPath: _, ...mount }) => mount),
    lastWords: async () => '',
    remove: async (uid) => void pods.delete(uid),
    pods: async () => [...pods],
  }
}
