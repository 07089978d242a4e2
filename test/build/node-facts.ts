// A node for tests of planners.
import type { NodeFacts } from '../../agent/plan/sources.ts'

export function aNode(more: Partial<NodeFacts> = {}): NodeFacts {
  return {
    name: 'node',
    ip: '192.0.2.7',
    clusterUid: 'cluster',
    clusterDomain: 'cluster.local',
    clusterDNS: '10.96.0.10',
    pauseImage: 'kedge/pause:v1',
    cgroups: 'v2-cgroupfs',
    podsDir: '/var/lib/kedge/pods',
    allocatable: { cpu: '4', memory: '8Gi' },
    hostResolvConf: '',
    memoryBytes: 8 * 2 ** 30,
    canLowerOomScore: true,
    ...more,
  }
}
