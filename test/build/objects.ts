/** Valid objects with as little in them as possible: a test names what it is about, the rest is here. */
import type { Deployment, Node, Pod, PodTemplateSpec, ReplicaSet, Service } from '../../schema/k8s/generated/types.ts'

export const AT = 1_767_225_600_000
export const TIME = '2026-01-01T00:00:00Z'

export interface PodParts {
  readonly name?: string
  readonly uid?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly node?: string
  readonly owner?: { readonly kind: string; readonly name: string; readonly uid: string }
  readonly phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed'
  readonly ready?: boolean
  readonly ip?: string
  readonly deleted?: boolean
  readonly metadata?: Pod['metadata']
  readonly spec?: Partial<Pod['spec'] & object>
  readonly cpu?: string
  readonly memory?: string
}

export function aPod(parts: PodParts = {}): Pod {
  const {
    name = 'web',
    uid = `uid-${name}`,
    owner,
    phase = 'Running',
    ready = phase === 'Running',
    cpu,
    memory,
  } = parts
  const requests = { ...(cpu === undefined ? {} : { cpu }), ...(memory === undefined ? {} : { memory }) }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      uid,
      creationTimestamp: TIME,
      generation: 1,
      ...(parts.labels === undefined ? {} : { labels: parts.labels }),
      ...(owner === undefined
        ? {}
        : { ownerReferences: [{ apiVersion: 'apps/v1', ...owner, controller: true, blockOwnerDeletion: true }] }),
      ...(parts.deleted === true ? { deletionTimestamp: TIME, deletionGracePeriodSeconds: 30 } : {}),
      ...parts.metadata,
    },
    spec: {
      containers: [
        { name: 'c', image: 'busybox', ...(Object.keys(requests).length === 0 ? {} : { resources: { requests } }) },
      ],
      ...(parts.node === undefined ? {} : { nodeName: parts.node }),
      ...parts.spec,
    },
    status: {
      phase,
      ...(parts.ip === undefined ? {} : { podIP: parts.ip }),
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: TIME }],
    },
  }
}

export function aTemplate(
  image = 'busybox:1',
  labels: Readonly<Record<string, string>> = { app: 'web' },
): PodTemplateSpec {
  return { metadata: { labels }, spec: { containers: [{ name: 'c', image }] } }
}

export function aReplicaSet(
  parts: {
    readonly name?: string
    readonly replicas?: number
    readonly metadata?: ReplicaSet['metadata']
    readonly spec?: Partial<ReplicaSet['spec'] & object>
    readonly status?: ReplicaSet['status']
  } = {},
): ReplicaSet {
  const { name = 'web' } = parts
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      creationTimestamp: TIME,
      generation: 1,
      ...parts.metadata,
    },
    spec: {
      replicas: parts.replicas ?? 1,
      selector: { matchLabels: { app: 'web' } },
      template: aTemplate(),
      ...parts.spec,
    },
    status: parts.status ?? { replicas: 0 },
  }
}

export function aDeployment(
  parts: {
    readonly replicas?: number
    readonly metadata?: Deployment['metadata']
    readonly spec?: Partial<Deployment['spec'] & object>
    readonly status?: Deployment['status']
  } = {},
): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: 'web',
      namespace: 'default',
      uid: 'uid-deployment',
      creationTimestamp: TIME,
      generation: 1,
      ...parts.metadata,
    },
    spec: {
      replicas: parts.replicas ?? 3,
      selector: { matchLabels: { app: 'web' } },
      template: aTemplate(),
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      ...parts.spec,
    },
    ...(parts.status === undefined ? {} : { status: parts.status }),
  }
}

export function aNode(
  parts: {
    readonly name?: string
    readonly cpu?: string
    readonly memory?: string
    readonly pods?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly ready?: 'True' | 'False' | 'Unknown'
    readonly spec?: Node['spec']
  } = {},
): Node {
  const { name = 'n1', cpu = '4', memory = '8Gi', pods = '110', ready = 'True' } = parts
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      uid: `uid-${name}`,
      creationTimestamp: TIME,
      labels: { 'kubernetes.io/hostname': name, ...parts.labels },
    },
    spec: parts.spec ?? {},
    status: {
      allocatable: { cpu, memory, pods },
      conditions: [
        {
          type: 'Ready',
          status: ready,
          lastTransitionTime: TIME,
          reason: 'KubeletReady',
          message: 'kubelet is posting ready status',
        },
      ],
    },
  }
}

export function aService(
  parts: { readonly name?: string; readonly spec?: Partial<Service['spec'] & object> } = {},
): Service {
  const { name = 'web' } = parts
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default', uid: `uid-service-${name}`, creationTimestamp: TIME },
    spec: {
      selector: { app: 'web' },
      ports: [{ port: 80, targetPort: 8080, protocol: 'TCP' }],
      clusterIP: '10.96.0.9',
      ...parts.spec,
    },
  }
}
