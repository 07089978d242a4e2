/**
 * What a node may do: upstream's Node authorizer and NodeRestriction as one table. Whatever is not in it is denied.
 *
 * `own` is a fact somebody has to establish: the Node of the same name, pods bound to it, Secrets and ConfigMaps such a
 * pod names. `write` holds at the agents' door alone, where the control plane builds what is written out of a report:
 * a node can therefore never choose its own labels, taints, owners or finalizers, on create, update or status.
 */
import type { Known } from './request.ts'

type Right = 'read own' | 'read any' | 'write own'

export const NODE_RULES: Readonly<Record<string, Readonly<Partial<Record<string, Right>>>>> = {
  nodes: { get: 'read own', list: 'read own', watch: 'read own', create: 'write own' },
  'nodes/status': { update: 'write own', patch: 'write own' },
  pods: { get: 'read own', list: 'read own', watch: 'read own', delete: 'write own' },
  'pods/status': { update: 'write own', patch: 'write own' },
  secrets: { get: 'read own', list: 'read own', watch: 'read own' },
  configmaps: { get: 'read own', list: 'read own', watch: 'read own' },
  events: { create: 'write own', update: 'write own', patch: 'write own' },
  services: { get: 'read any', list: 'read any', watch: 'read any' },
  'endpointslices.discovery.k8s.io': { get: 'read any', list: 'read any', watch: 'read any' },
  'leases.coordination.k8s.io': { get: 'read own' },
}

export interface NodeFacts {
  /** its Node is there, and is the one its credential was made for */
  readonly present: boolean
  /** what is asked for belongs to this node */
  readonly own: boolean
  readonly door: 'agents' | 'api'
}

/** undefined: it may. Otherwise why not, as the end of a refusal. */
export function nodeMay(node: string, request: Known, facts: NodeFacts): string | undefined {
  const right = NODE_RULES[ruleOf(request)]?.[request.verb]
  if (right !== undefined && !facts.present) return `node '${node}' is not registered, or was made anew`
  switch (right) {
    case 'read any':
      return undefined
    case 'read own':
      return facts.own ? undefined : unrelated(node)
    case 'write own':
      if (facts.door === 'api') return WRITES
      return facts.own ? undefined : unrelated(node)
    case undefined:
      return ''
  }
}

/** Must facts be established to decide this at the API's door? Saves the reads where the answer is no anyway. */
export function needsFacts(request: Known): boolean {
  return NODE_RULES[ruleOf(request)]?.[request.verb]?.startsWith('read') === true
}

const WRITES = 'a node writes through its agent alone'

function ruleOf(request: Known): string {
  const resource = request.group === '' ? request.resource : `${request.resource}.${request.group}`
  return request.subresource === undefined ? resource : `${resource}/${request.subresource}`
}

function unrelated(node: string): string {
  return `no relationship found between node '${node}' and this object`
}
