/**
 * list, of everything there is: the texts of the objects as the store joins them, page after page at one snapshot.
 * Ten thousand objects are then two hundred strings, of which none is parsed or spliced on the way out.
 */
import { invalid, resourceVersionTooLarge } from '../../schema/k8s/status.ts'
import type { Allowed } from '../access/request.ts'
import type { Kind } from '../kinds/kind.ts'
import type { TextPage } from '../store/store.ts'
import { storeRefusal } from './commit.ts'
import { kindOf } from './kind-of.ts'
import { lost, type Start, startOf } from './list.ts'
import { listOptionProblems } from './list-options.ts'
import { hasViews } from './node-leases.ts'
import type { ListOptions } from './options.ts'
import { selectionOf } from './selection.ts'

export interface TextListing {
  readonly kind: Kind
  readonly revision: number
  /** The page that follows, undefined after the last; only the first was read when the listing is handed over. */
  next(): Promise<TextPage | undefined>
}

/** undefined: objects must be looked at one by one, which `list` does. */
export async function listText(request: Allowed, options: ListOptions): Promise<TextListing | undefined> {
  const kind = kindOf(request)
  if ((options.limit ?? 0) > 0 || kind.sealed || hasViews(kind, request.namespace)) return undefined
  const problems = listOptionProblems(options)
  if (problems.length > 0) throw invalid('ListOptions', 'meta.k8s.io', '', problems)
  const selection = selectionOf(kind, request, options)
  if (!selection.everything) return undefined
  const { namespace } = selection
  const read = (start: Start): Promise<TextPage> => pageOf(request, kind, namespace, start)
  try {
    const start = startOf(kind, options)
    const first = await read(start)
    return { kind, revision: first.revision, next: pagesFrom(first, start, read) }
  } catch (error) {
    throw storeRefusal(error)
  }
}

/** What was handed out is not held. */
function pagesFrom(first: TextPage, start: Start, read: (start: Start) => Promise<TextPage>): TextListing['next'] {
  const at = first.revision
  let ready: TextPage | undefined = first
  let after: TextPage['next']
  return async () => {
    const page = ready ?? (after === undefined ? undefined : await read({ ...start, at, after }))
    ready = undefined
    after = page?.next
    return page
  }
}

async function pageOf(request: Allowed, kind: Kind, namespace: string | undefined, start: Start): Promise<TextPage> {
  const { at, after } = start
  const page = await request.cluster.store.listText({ resource: kind.resource, namespace, after, at })
  if ('expired' in page) throw lost(start)
  if (page.revision < start.atLeast) throw resourceVersionTooLarge(start.atLeast, page.revision)
  return page
}
