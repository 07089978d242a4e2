// The Secrets and ConfigMaps the pods of this node name, and what their absence means to a planner.
import type { ConfigMap, Secret } from '../../schema/k8s/generated/types.ts'

export interface Sources {
  readonly secret: (namespace: string, name: string) => Secret | undefined
  readonly configMap: (namespace: string, name: string) => ConfigMap | undefined
}

/** What this node is to the pods on it. */
export interface NodeFacts {
  readonly name: string
  readonly ip: string
  readonly clusterUid: string
  readonly clusterDomain: string
  readonly clusterDNS: string
  /** the engine's image of pause */
  readonly pauseImage: string
  readonly cgroups: 'v1-cgroupfs' | 'v2-cgroupfs' | 'v2-systemd'
  readonly podsDir: string
  readonly allocatable: { readonly [resource: string]: string }
  readonly hostResolvConf: string
  readonly memoryBytes: number
  /** a negative oom_score_adj needs CAP_SYS_RESOURCE, which a host may lack */
  readonly canLowerOomScore: boolean
}

/** Something a pod's spec asks for is not there (yet); the pod waits, the message says for what. */
export class Unmet extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'Unmet'
  }
}
