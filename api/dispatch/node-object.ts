/** The Node as an agent's registration makes it, and its status as registrations and reports change it. */
import type { Node, NodeCondition, NodeStatus } from '../../schema/k8s/generated/types.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { forbidden } from '../../schema/k8s/status.ts'
import { mergeConditions } from './pod-status.ts'

export interface NewNode {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly status: Readonly<Record<string, unknown>>
  readonly podCIDR: string
  readonly at: string
}

export function newNode({ name, labels, status, podCIDR, at }: NewNode): K8sObject {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { ...ownLabels(name, labels), 'kubernetes.io/hostname': name } },
    spec: { podCIDR, podCIDRs: [podCIDR] },
    status: nextNodeStatus({}, status, at),
  }
}

export function withNodeStatus(node: K8sObject, reported: Readonly<Record<string, unknown>>, at: string): K8sObject {
  return { ...node, status: nextNodeStatus((node as Node).status ?? {}, reported, at) }
}

/** Fields that are left out stay; conditions are told apart by their type. */
function nextNodeStatus(old: NodeStatus, reported: Readonly<Record<string, unknown>>, at: string): NodeStatus {
  const said = reported as NodeStatus
  const conditions = (said.conditions ?? []).map((condition): NodeCondition => ({
    ...condition,
    lastHeartbeatTime: at,
  }))
  return { ...old, ...said, conditions: mergeConditions<NodeCondition>(old.conditions ?? [], conditions, at) }
}

/** Upstream's NodeRestriction: these, and every label outside kubernetes.io and k8s.io, a node may choose itself. */
const OWN_LABELS = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
])
const OWN_DOMAINS = ['kubelet.kubernetes.io', 'node.kubernetes.io']

function ownLabels(name: string, labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const refused = Object.keys(labels).filter((label) => !mayLabel(label))
  if (refused.length === 0) return labels
  throw forbidden('nodes', '', name, `is not allowed to set the following labels: ${refused.toSorted().join(', ')}`)
}

function mayLabel(label: string): boolean {
  if (OWN_LABELS.has(label)) return true
  const slash = label.indexOf('/')
  const domain = slash < 0 ? '' : label.slice(0, slash)
  if (within(domain, 'node-restriction.kubernetes.io')) return false
  if (OWN_DOMAINS.some((own) => within(domain, own))) return true
  return !within(domain, 'kubernetes.io') && !within(domain, 'k8s.io')
}

const within = (domain: string, parent: string): boolean => domain === parent || domain.endsWith(`.${parent}`)
