/**
 * list: objects at one snapshot. Without a limit the pages of the store stream on, so a long list never sits
 * in memory; with one, what is left is reached by a token that names the snapshot and the last object.
 * Selectors the store cannot serve are applied here, page by page, until the limit is met.
 */
import { badRequest, expired, invalid, resourceVersionTooLarge } from '../../schema/k8s/status.ts'
import type { Allowed } from '../access/request.ts'
import type { Kind } from '../kinds/kind.ts'
import type { ListQuery, Page } from '../store/store.ts'
import { storeRefusal } from './commit.ts'
import { decodeContinue, encodeContinue, type Place } from './continue-token.ts'
import { Item } from './item.ts'
import { kindOf } from './kind-of.ts'
import { listOptionProblems, parseRevision } from './list-options.ts'
import { withNodeLeases } from './node-leases.ts'
import type { ListOptions } from './options.ts'
import { type Selection, selectionOf } from './selection.ts'

/** Rows of one read of the store at most; it also cuts pages by bytes. */
const PAGE = 1000
const MOST_LIMIT = 10_000

export interface Listing {
  readonly kind: Kind
  readonly revision: number
  readonly continue?: string
  readonly remaining?: number
  /** The objects; only the first page was read when the listing is handed over. */
  pages(): AsyncIterable<readonly Item[]>
}

export async function list(request: Allowed, options: ListOptions = {}): Promise<Listing> {
  const kind = kindOf(request)
  const problems = listOptionProblems(options)
  if (problems.length > 0) throw invalid('ListOptions', 'meta.k8s.io', '', problems)
  return listFor(request, kind, selectionOf(kind, request, options), options)
}

export async function listFor(
  request: Allowed,
  kind: Kind,
  selection: Selection,
  options: ListOptions,
): Promise<Listing> {
  try {
    const start = startOf(kind, options)
    const limit = Math.min(options.limit ?? 0, MOST_LIMIT)
    const listing =
      limit > 0 ? await chunk(request, kind, selection, start, limit) : await whole(request, kind, selection, start)
    return withNodeLeases(request, kind, selection, listing)
  } catch (error) {
    throw storeRefusal(error)
  }
}

export interface Start {
  readonly at: number | undefined
  readonly atLeast: number
  readonly after: Place['after'] | undefined
  /** the client sent a token: losing the snapshot is answered with a new one */
  readonly token: boolean
}

export function startOf(kind: Kind, options: ListOptions): Start {
  const revision = parseRevision(options.resourceVersion, 'resourceVersion')
  if (options.continue !== undefined && options.continue !== '') {
    if (revision !== undefined && revision !== 0) {
      throw badRequest('specifying resource version is not allowed when using continue')
    }
    const place = decodeContinue(options.continue, kind.namespaced)
    return {
      at: place.revision === -1 ? undefined : place.revision,
      atLeast: place.revision,
      after: place.after,
      token: true,
    }
  }
  const exact = options.resourceVersionMatch === 'Exact'
  return { at: exact ? revision : undefined, atLeast: revision ?? 0, after: undefined, token: false }
}

/** One page and a token for the rest. */
async function chunk(
  request: Allowed,
  kind: Kind,
  selection: Selection,
  start: Start,
  limit: number,
): Promise<Listing> {
  const kept: Item[] = []
  let after = start.after ?? selection.after
  let at = start.at
  let page: Page
  do {
    page = await read(
      request,
      kind,
      selection,
      { ...start, at, after },
      selection.single ? 1 : selection.filters ? PAGE : limit,
    )
    at = page.revision
    for (const [index, stored] of page.items.entries()) {
      const item = Item.of(stored)
      after = stored.key
      if (!selection.key(stored.key) || (selection.filters && !selection.matches(item))) continue
      kept.push(item)
      if (kept.length < limit) continue
      const more = !selection.single && (page.more || index < page.items.length - 1)
      return listing(
        kind,
        page,
        kept,
        more ? after : undefined,
        selection.filters || index < page.items.length - 1 ? undefined : page.remaining,
      )
    }
    // A page the store cut by bytes is handed out as it is: fewer than asked for, and a token.
    if (!selection.filters && !selection.single && page.more) return listing(kind, page, kept, after, page.remaining)
  } while (page.more && !selection.single)
  return listing(kind, page, kept, undefined, undefined)
}

function listing(
  kind: Kind,
  page: Page,
  items: readonly Item[],
  after: Place['after'] | undefined,
  remaining: number | undefined,
): Listing {
  return {
    kind,
    revision: page.revision,
    ...(after === undefined
      ? {}
      : {
          continue: encodeContinue({
            revision: page.revision,
            after: { namespace: after.namespace, name: after.name },
          }),
        }),
    ...(after === undefined || remaining === undefined || remaining <= 0 ? {} : { remaining }),
    async *pages() {
      yield items
    },
  }
}

/** Everything, page after page at the revision of the first. */
async function whole(request: Allowed, kind: Kind, selection: Selection, start: Start): Promise<Listing> {
  const rows = selection.single ? 1 : PAGE
  const first = await read(request, kind, selection, { ...start, after: start.after ?? selection.after }, rows, true)
  async function* pages(): AsyncGenerator<readonly Item[]> {
    let page = first
    for (;;) {
      const items: Item[] = []
      for (const stored of page.items) {
        const item = Item.of(stored)
        if (selection.key(stored.key) && (!selection.filters || selection.matches(item))) items.push(item)
      }
      yield items
      const last = page.items.at(-1)
      if (!page.more || last === undefined || selection.single) return
      page = await read(request, kind, selection, { ...start, at: first.revision, after: last.key }, rows, true)
    }
  }
  return { kind, revision: first.revision, pages }
}

async function read(
  request: Allowed,
  kind: Kind,
  selection: Selection,
  start: Start,
  limit: number,
  stream = false,
): Promise<Page> {
  const { at, after } = start
  const query: ListQuery = {
    resource: kind.resource,
    limit,
    ...(stream ? { stream } : {}),
    ...(selection.namespace === undefined ? {} : { namespace: selection.namespace }),
    ...(after === undefined ? {} : { after: { namespace: after.namespace, name: after.name } }),
    ...(at === undefined ? {} : { at }),
    // Indexes know the present only.
    ...(at === undefined && selection.where !== undefined ? { where: selection.where } : {}),
  }
  const page = await request.cluster.store.list(query)
  if ('expired' in page) throw lost(start)
  if (page.revision < start.atLeast) throw resourceVersionTooLarge(start.atLeast, page.revision)
  return page
}

/** The snapshot is gone. */
export function lost(start: Start): Error {
  if (!start.token || start.after === undefined) return expired('The resourceVersion for the provided list is too old.')
  return expired(
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without ' +
      'the continue parameter, or use the continue token in this response to retrieve the remainder of the results. ' +
      'Continuing with the provided token results in an inconsistent list - objects that were created, modified, or ' +
      'deleted between the time the first chunk was returned and now may show up in the list.',
    encodeContinue({ revision: -1, after: start.after }),
  )
}
