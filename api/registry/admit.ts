/**
 * Admission: what a create or an update needs beyond its own kind, as an ordered list of small steps. A step
 * may change the object and may add effects and guards to its group. That the namespace exists and is not
 * going away comes first, in `namespaces.ts`, because it is a guard of every create.
 *
 * Upstream's ServiceAccount plugin also mounts a token (a projected volume `kube-api-access-*`) and sets
 * imagePullSecrets; that is left out here: no token is issued yet, so a volume could not be filled.
 */
import type { K8sObject } from '../../schema/k8s/meta.ts'
import type { Allowed } from '../access/request.ts'
import type { Kind } from '../kinds/kind.ts'
import { defaultTolerations, podPriority, podServiceAccount } from './admit-pod.ts'
import { addressOnCreate, addressOnUpdate } from './cluster-ip.ts'
import { portsOnCreate, portsOnUpdate } from './node-port.ts'
import { type Admitted, admittedAs, type Step } from './step.ts'

const ON_CREATE: Readonly<Record<string, readonly Step[]>> = {
  pods: [podServiceAccount, podPriority, defaultTolerations],
  services: [addressOnCreate, portsOnCreate],
}

export async function admitCreate(request: Allowed, kind: Kind, object: K8sObject): Promise<Admitted> {
  let admitted = admittedAs(object)
  for (const step of ON_CREATE[kind.resource] ?? NONE) admitted = await step(request, kind, admitted)
  return admitted
}

type UpdateStep = (request: Allowed, admitted: Admitted, old: K8sObject) => Admitted | Promise<Admitted>

const ON_UPDATE: Readonly<Record<string, readonly UpdateStep[]>> = {
  services: [addressOnUpdate, portsOnUpdate],
}

/** Updates of the main resource; `/status` and the like are not admitted again. */
export async function admitUpdate(request: Allowed, kind: Kind, object: K8sObject, old: K8sObject): Promise<Admitted> {
  let admitted = admittedAs(object)
  for (const step of ON_UPDATE[kind.resource] ?? NONE_ON_UPDATE) admitted = await step(request, admitted, old)
  return admitted
}

const NONE: readonly Step[] = []
const NONE_ON_UPDATE: readonly UpdateStep[] = []
