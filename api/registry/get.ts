/** get: one object as it is now. */
import { badRequest, notFound } from '../../schema/k8s/status.ts'
import type { Allowed } from '../access/request.ts'
import type { Kind } from '../kinds/kind.ts'
import { storeRefusal } from './commit.ts'
import { Item, keyOf } from './item.ts'
import { kindOf } from './kind-of.ts'
import { isView, nodeLease } from './node-leases.ts'

export async function get(request: Allowed): Promise<Item> {
  const kind = kindOf(request)
  const found = isView(kind, request.namespace) ? await nodeLease(request, nameIn(request)) : await find(request, kind)
  return found ?? missing(request, kind)
}

/** undefined when there is none. */
export async function find(request: Allowed, kind: Kind): Promise<Item | undefined> {
  try {
    const stored = await request.cluster.store.get(keyOf(kind, request.namespace, nameIn(request)))
    return stored === undefined ? undefined : Item.of(stored)
  } catch (error) {
    throw storeRefusal(error)
  }
}

export function missing(request: Allowed, kind: Kind): never {
  throw notFound(kind.plural, kind.group, nameIn(request))
}

export function nameIn(request: Allowed): string {
  if (request.name === undefined || request.name === '') throw badRequest('name must be provided')
  return request.name
}
