// Where a pod's cgroup hangs, for each way an engine may keep cgroups: one table.
import type { PodQOSClass } from '../../schema/k8s/generated/types.ts'

export type Cgroups = 'v1-cgroupfs' | 'v2-cgroupfs' | 'v2-systemd'

/** The name the engine is given as the parent of a pod's containers. */
const PARENT: { readonly [cgroups in Cgroups]: (slice: string, uid: string) => string } = {
  'v1-cgroupfs': (slice, uid) => `/kubepods${slice === '' ? '' : `/${slice}`}/pod${uid}`,
  'v2-cgroupfs': (slice, uid) => `/kubepods${slice === '' ? '' : `/${slice}`}/pod${uid}`,
  // systemd reads a dash as a level, so those of the uid become underscores.
  'v2-systemd': (slice, uid) => `kubepods${slice === '' ? '' : `-${slice}`}-pod${uid.replaceAll('-', '_')}.slice`,
}

const SLICE: { readonly [qos in PodQOSClass]: string } = {
  Guaranteed: '',
  Burstable: 'burstable',
  BestEffort: 'besteffort',
}

export function cgroupParent(cgroups: Cgroups, qos: PodQOSClass, uid: string): string {
  return PARENT[cgroups](SLICE[qos], uid)
}

/** The directories, below the cgroup root, that are left when the pod's containers are gone. */
export function cgroupDirectory(cgroups: Cgroups, qos: PodQOSClass, uid: string): string {
  if (cgroups !== 'v2-systemd') return cgroupParent(cgroups, qos, uid)
  const slice = SLICE[qos]
  const middle = slice === '' ? '' : `/kubepods-${slice}.slice`
  return `/kubepods.slice${middle}/${cgroupParent(cgroups, qos, uid)}`
}
