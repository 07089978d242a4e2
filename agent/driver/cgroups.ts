// The engine makes a pod's parent cgroup and never takes it away; the agent does, when the pod is gone.
import { readdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Cgroups } from '../plan/cgroup.ts'
import { cgroupDirectory } from '../plan/cgroup.ts'

const ROOT = '/sys/fs/cgroup'
const CLASSES = ['Guaranteed', 'Burstable', 'BestEffort'] as const

/** Of whatever class it was: the agent may know nothing of the pod any more. Never an error: an empty cgroup harms nobody. */
export async function removePodCgroups(cgroups: Cgroups, uid: string): Promise<void> {
  const roots = cgroups === 'v1-cgroupfs' ? await readdir(ROOT).catch(() => []) : ['']
  for (const root of roots) {
    for (const qos of CLASSES) await rmdir(join(ROOT, root, cgroupDirectory(cgroups, qos, uid))).catch(() => {})
  }
}
