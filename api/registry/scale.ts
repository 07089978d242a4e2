/** The `/scale` of a kind: autoscaling/v1 Scale, a view of two numbers and a selector. */
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { badRequest, conflict, fieldInvalid, invalid } from '../../schema/k8s/status.ts'
import type { Allowed } from '../access/request.ts'
import type { Kind } from '../kinds/kind.ts'
import { get, nameIn } from './get.ts'
import { Item } from './item.ts'
import type { WriteOptions } from './options.ts'
import { patched, type PatchBody, type PatchOptions } from './patch.ts'
import { rewrite } from './rewrite.ts'

const SCALE = { apiVersion: 'autoscaling/v1', kind: 'Scale' }
const ATTEMPTS = 6

type Scaling = NonNullable<Kind['scale']>

export async function getScale(request: Allowed, kind: Kind, scaling: Scaling): Promise<Item> {
  return scaleOf(kind, scaling, await get(request))
}

export async function updateScale(
  request: Allowed,
  kind: Kind,
  scaling: Scaling,
  input: K8sObject,
  options: WriteOptions,
): Promise<Item> {
  const name = nameIn(request)
  if ((input.metadata.name ?? '') !== name) {
    throw badRequest(
      `the name of the object (${input.metadata.name ?? ''}) does not match the name on the URL (${name})`,
    )
  }
  return write(
    request,
    kind,
    scaling,
    (input.metadata.resourceVersion ?? '') === '' ? ATTEMPTS : 1,
    () => input,
    options,
  )
}

export function patchScale(
  request: Allowed,
  kind: Kind,
  scaling: Scaling,
  body: PatchBody,
  options: PatchOptions,
): Promise<Item> {
  return write(request, kind, scaling, ATTEMPTS, (scale) => patched(scale, body, SCALE, options), options)
}

async function write(
  request: Allowed,
  kind: Kind,
  scaling: Scaling,
  attempts: number,
  next: (scale: K8sObject) => K8sObject,
  options: WriteOptions,
): Promise<Item> {
  const item = await rewrite(
    request,
    kind,
    {
      part: 'main',
      attempts,
      next(held) {
        const scale = next(scaleOf(kind, scaling, held).object)
        const { name = '' } = held.object.metadata
        const { uid, resourceVersion = '' } = scale.metadata
        if (uid !== undefined && uid !== '' && uid !== held.object.metadata.uid) {
          const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${held.object.metadata.uid}`
          throw conflict(kind.plural, kind.group, name, why)
        }
        if (resourceVersion !== '' && resourceVersion !== String(held.revision))
          throw conflict(kind.plural, kind.group, name)
        const replicas = (scale['spec'] as { replicas?: number } | undefined)?.replicas ?? 0
        if (replicas < 0) {
          const problem = fieldInvalid('spec.replicas', replicas, 'must be greater than or equal to 0')
          throw invalid('Scale', 'autoscaling', name, [problem])
        }
        return scaling.write(held.object, replicas)
      },
    },
    options,
  )
  return scaleOf(kind, scaling, item)
}

function scaleOf(kind: Kind, scaling: Scaling, item: Item): Item {
  const { name, namespace, uid, creationTimestamp } = item.object.metadata
  const { specReplicas, statusReplicas, selector } = scaling.read(item.object)
  const object = {
    kind: SCALE.kind,
    apiVersion: SCALE.apiVersion,
    metadata: { name, namespace, uid, resourceVersion: String(item.revision), creationTimestamp },
    spec: specReplicas === 0 ? {} : { replicas: specReplicas },
    status: { replicas: statusReplicas, ...(selector === '' ? {} : { selector }) },
  } as unknown as K8sObject
  // The text carries its resourceVersion already: revision 0 says that nothing is to be put in.
  return new Item(JSON.stringify(object), 0, object)
}
