/**
 * Every controller, in the order in which a pass runs them: what gives rise to other objects comes first, so that one
 * pass carries a Deployment as far as it can. Controllers remember parts of their cluster: a loop has its own.
 */
import { standing } from './bootstrap.ts'
import type { Planned } from './controller.ts'
import { deployments } from './deployments.ts'
import { endpointSlices } from './endpoint-slices.ts'
import { garbage } from './garbage.ts'
import { namespaces } from './namespaces.ts'
import { nodes } from './nodes.ts'
import { replicaSets } from './replica-sets.ts'
import { scheduler } from './scheduler.ts'

export function allControllers(): readonly Planned[] {
  return [standing(), namespaces(), nodes(), deployments(), replicaSets(), scheduler(), endpointSlices(), garbage()]
}
