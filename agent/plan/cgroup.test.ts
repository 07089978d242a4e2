import { expect, it } from 'vitest'
import { cgroupDirectory, cgroupParent } from './cgroup.ts'

const uid = '1a-2b'

it.each([
  ['v1-cgroupfs', 'Guaranteed', '/kubepods/pod1a-2b', '/kubepods/pod1a-2b'],
  ['v1-cgroupfs', 'Burstable', '/kubepods/burstable/pod1a-2b', '/kubepods/burstable/pod1a-2b'],
  ['v1-cgroupfs', 'BestEffort', '/kubepods/besteffort/pod1a-2b', '/kubepods/besteffort/pod1a-2b'],
  ['v2-cgroupfs', 'Guaranteed', '/kubepods/pod1a-2b', '/kubepods/pod1a-2b'],
  ['v2-cgroupfs', 'Burstable', '/kubepods/burstable/pod1a-2b', '/kubepods/burstable/pod1a-2b'],
  ['v2-cgroupfs', 'BestEffort', '/kubepods/besteffort/pod1a-2b', '/kubepods/besteffort/pod1a-2b'],
  ['v2-systemd', 'Guaranteed', 'kubepods-pod1a_2b.slice', '/kubepods.slice/kubepods-pod1a_2b.slice'],
  [
    'v2-systemd',
    'Burstable',
    'kubepods-burstable-pod1a_2b.slice',
    '/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1a_2b.slice',
  ],
  [
    'v2-systemd',
    'BestEffort',
    'kubepods-besteffort-pod1a_2b.slice',
    '/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1a_2b.slice',
  ],
] as const)('%s %s: %s', (cgroups, qos, parent, directory) => {
  expect(cgroupParent(cgroups, qos, uid)).toBe(parent)
  expect(cgroupDirectory(cgroups, qos, uid)).toBe(directory)
})
