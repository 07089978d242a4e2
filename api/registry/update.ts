/** update: PUT of the main resource or of `/status`. Kinds that allow it are created when they do not exist. */
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { badRequest, isRefusal } from '../../schema/k8s/status.ts'
import { authorizeRequest } from '../access/authorize.ts'
import type { Allowed } from '../access/request.ts'
import { create } from './create.ts'
import { nameIn } from './get.ts'
import type { Item } from './item.ts'
import { kindOf } from './kind-of.ts'
import type { WriteOptions } from './options.ts'
import { rewrite } from './rewrite.ts'

/** Tries of an update that names no revision, when others write the same object. */
const ATTEMPTS = 10

export async function update(
  request: Allowed,
  input: K8sObject,
  options: WriteOptions = {},
): Promise<{ readonly item: Item; readonly created: boolean }> {
  const kind = kindOf(request)
  const name = nameIn(request)
  checkName(request, input)
  const conditional = (input.metadata.resourceVersion ?? '') !== '' || options.held !== undefined
  const part = request.subresource === 'status' ? 'status' : 'main'
  try {
    const item = await rewrite(
      request,
      kind,
      { part, attempts: conditional ? 1 : ATTEMPTS, next: () => input },
      options,
    )
    return { item, created: false }
  } catch (error) {
    if (part === 'status' || !kind.createOnUpdate || !isRefusal(error, 'NotFound') || error.details?.name !== name)
      throw error
    if (error.details.kind !== kind.plural) throw error
    const { resourceVersion: _, ...metadata } = input.metadata
    // Who may change an object may not therefore make one.
    const allowed = await authorizeRequest({ ...request, verb: 'create' })
    return { item: await create(allowed, { ...input, metadata: { ...metadata, name } }, options), created: true }
  }
}

/** The object's own name and namespace must be those of the path. */
export function checkName(request: Allowed, input: K8sObject): void {
  const name = input.metadata.name ?? ''
  if (name !== request.name) {
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${request.name ?? ''})`)
  }
  const namespace = input.metadata.namespace ?? ''
  if (request.namespace !== undefined && namespace !== '' && namespace !== request.namespace) {
    throw badRequest(
      `the namespace of the object (${namespace}) does not match the namespace on the request (${request.namespace})`,
    )
  }
}
