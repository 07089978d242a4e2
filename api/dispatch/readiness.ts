/** A node that becomes Ready, or no longer is: said in an Event, as a kubelet says it. */
import type { Node } from '../../schema/k8s/generated/types.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import type { Cluster } from '../platform/port.ts'
import { recordNodeEvent } from './events.ts'

/** Nobody waits for it: the agent's answer does not depend on it. */
export function tellReadiness(cluster: Cluster, before: K8sObject | undefined, after: K8sObject): void {
  const is = readyOf(after)
  if (is === undefined || is === readyOf(before)) return
  const reason = is === 'True' ? 'NodeReady' : 'NodeNotReady'
  const { name: node = '', uid: nodeUid = '' } = after.metadata
  cluster.defer(recordNodeEvent(cluster, { node, nodeUid }, reason, `Node ${node} status is now: ${reason}`))
}

function readyOf(node: K8sObject | undefined): string | undefined {
  return (node as Node | undefined)?.status?.conditions?.find(({ type }) => type === 'Ready')?.status
}
