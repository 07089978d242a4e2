/** deletecollection: lists what matches and deletes it, object by object; what vanishes in between is fine. */
import { isRefusal } from '../../schema/k8s/status.ts'
import type { Allowed } from '../access/request.ts'
import { remove } from './delete.ts'
import type { Item } from './item.ts'
import { list, type Listing } from './list.ts'
import type { DeleteOptions, ListOptions } from './options.ts'

/** Deletes under way at the same time: enough to fill one flush of the store. */
const AT_ONCE = 32

/** The objects as they were when they were deleted or marked. */
export async function removeCollection(request: Allowed, options: DeleteOptions, which: ListOptions): Promise<Listing> {
  const listing = await list({ ...request, name: undefined }, which)
  const gone: Item[] = []
  for await (const items of listing.pages()) {
    for (let at = 0; at < items.length; at += AT_ONCE) {
      gone.push(...(await Promise.all(items.slice(at, at + AT_ONCE).map((item) => removeOne(request, item, options)))))
    }
  }
  return {
    kind: listing.kind,
    revision: listing.revision,
    ...(listing.continue === undefined ? {} : { continue: listing.continue }),
    async *pages() {
      yield gone
    },
  }
}

async function removeOne(request: Allowed, item: Item, options: DeleteOptions): Promise<Item> {
  const { name, namespace } = item.object.metadata
  try {
    return (await remove({ ...request, name, namespace }, options)).item
  } catch (error) {
    if (isRefusal(error, 'NotFound')) return item
    throw error
  }
}
