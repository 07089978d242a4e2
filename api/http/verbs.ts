/**
 * One request that is allowed, carried out: reads the body (only now), calls the registry's verb, and encodes
 * what comes back in the form the client asked for.
 */
import { methodNotAllowed, methodNotSupported, success, unknownPath } from '../../schema/k8s/status.ts'
import { apiVersionOf, kindByResource } from '../kinds/all.ts'
import type { Kind } from '../kinds/kind.ts'
import { create } from '../registry/create.ts'
import { remove } from '../registry/delete.ts'
import { removeCollection } from '../registry/delete-collection.ts'
import { get } from '../registry/get.ts'
import { list } from '../registry/list.ts'
import { listText } from '../registry/list-text.ts'
import { isView } from '../registry/node-leases.ts'
import { patch } from '../registry/patch.ts'
import { update } from '../registry/update.ts'
import { watch } from '../registry/watch.ts'
import { viewOf } from './accept.ts'
import { decodeBody, readBody } from './body.ts'
import { type Call, shown } from './call.ts'
import { deleteOptions } from './delete-options.ts'
import { eventView } from './event-view.ts'
import { itemChunks, textChunks } from './lists.ts'
import { patchBody } from './patch-body.ts'
import { listQuery, writeQuery } from './query.ts'
import { jsonStream, jsonText, refusalOf, wantsPretty } from './respond.ts'
import { review } from './reviews.ts'
import { subresource } from './subresources.ts'
import { includeObjectOf } from './table.ts'
import { watchResponse } from './watch-stream.ts'

export async function serve(call: Call): Promise<Response> {
  const { allowed } = call
  const kind = kindByResource(allowed.group, allowed.version, allowed.resource)
  // Whether the answer can be shown is settled before anything is done. Streams of a pod are no documents.
  if (allowed.resource !== 'pods' || !STREAMS.includes(allowed.subresource ?? '')) {
    if (viewOf(call.request.headers.get('accept')).as === 'table') includeObjectOf(call.query)
  }
  if (kind === undefined) return (await review(call)) ?? unserved()
  if (allowed.subresource !== undefined) return subresource(call, kind)
  // Objects are made in their collection, and changed by their name.
  const needsName = allowed.verb === 'update' || allowed.verb === 'patch'
  if (needsName && allowed.name === undefined) throw methodNotAllowed()
  if (allowed.verb === 'create' && allowed.name !== undefined) throw methodNotAllowed()
  const viewed = isView(kind, allowed.namespace) && !READS.includes(allowed.verb)
  if (viewed || !kind.verbs.includes(allowed.verb)) throw methodNotSupported(kind.plural, kind.group, allowed.verb)
  switch (allowed.verb) {
    case 'get':
      return shown(call, kind, await get(allowed))
    case 'list':
      return serveList(call)
    case 'watch':
      return serveWatch(call, kind)
    case 'create':
      return serveCreate(call, kind)
    case 'update':
      return serveUpdate(call, kind)
    case 'patch':
      return servePatch(call, kind)
    case 'delete':
      return serveDelete(call, kind)
    case 'deletecollection':
      return serveDeleteCollection(call)
  }
}

const READS: readonly string[] = ['get', 'list', 'watch']
const STREAMS: readonly string[] = ['attach', 'exec', 'log', 'portforward']

function unserved(): never {
  throw unknownPath()
}

async function serveList(call: Call): Promise<Response> {
  const { allowed, request, query } = call
  const view = viewOf(request.headers.get('accept'))
  const include = includeObjectOf(query)
  const options = listQuery(query)
  const pretty = wantsPretty(request.headers, query)
  const texts = view.as === 'object' && !pretty ? await listText(allowed, options) : undefined
  const chunks: AsyncIterator<string, undefined | void> =
    texts === undefined
      ? itemChunks(await list(allowed, options), { view, include, now: allowed.cluster.clock.now(), pretty })
      : textChunks(texts)
  // A list that is one chunk is one text; anything longer streams.
  const first = await chunks.next()
  const second = await chunks.next()
  if (second.done === true) return jsonText((first.value ?? '').trimEnd(), false)
  return jsonStream(joined([first.value ?? '', second.value], chunks))
}

/** What was read to tell, and what follows it; once handed out, nothing is held here either. */
function joined(head: string[], rest: AsyncIterator<string>): AsyncIterator<string> {
  return {
    async next() {
      const value = head.shift()
      return value === undefined ? rest.next() : { done: false, value }
    },
    return: async () => (await rest.return?.()) ?? { done: true, value: undefined },
  }
}

async function serveWatch(call: Call, kind: Kind): Promise<Response> {
  const { allowed, request, query } = call
  const view = viewOf(request.headers.get('accept'))
  const shownAs = eventView(kind, view, includeObjectOf(query), allowed.cluster.clock)
  const asked = listQuery(query)
  // The old path of a watch names one object.
  const one = allowed.name !== undefined && asked.fieldSelector === undefined
  const running = await watch(allowed, one ? { ...asked, fieldSelector: `metadata.name=${allowed.name}` } : asked)
  const { log, random } = allowed.cluster
  return watchResponse(running, shownAs, {
    refuse: (error) => refusalOf(error, { log, random }),
    client: request.signal,
  })
}

async function serveCreate(call: Call, kind: Kind): Promise<Response> {
  const { allowed, request, query, warn } = call
  const view = viewOf(request.headers.get('accept'))
  const options = writeQuery('CreateOptions', query)
  const body = await readBody(request)
  const object = decodeBody(body, { apiVersion: apiVersionOf(kind), kind: kind.kind }, options.fieldValidation, warn)
  const item = await create(allowed, object, { dryRun: options.dryRun, warn })
  return shown(call, kind, item, 201, view)
}

async function serveUpdate(call: Call, kind: Kind): Promise<Response> {
  const { allowed, request, query, warn } = call
  const view = viewOf(request.headers.get('accept'))
  const options = writeQuery('UpdateOptions', query)
  const body = await readBody(request)
  const object = decodeBody(body, { apiVersion: apiVersionOf(kind), kind: kind.kind }, options.fieldValidation, warn)
  const { item, created } = await update(allowed, object, { dryRun: options.dryRun, warn })
  return shown(call, kind, item, created ? 201 : 200, view)
}

async function servePatch(call: Call, kind: Kind): Promise<Response> {
  const { allowed, request, query, warn } = call
  const view = viewOf(request.headers.get('accept'))
  const body = await patchBody(request)
  const options = writeQuery('PatchOptions', query)
  return shown(call, kind, await patch(allowed, body, { ...options, warn }), 200, view)
}

/** Kinds whose delete answers with the object even when it is gone. */
const RETURNED = new Set([
  'namespaces',
  'persistentvolumeclaims',
  'persistentvolumes',
  'pods',
  'podtemplates',
  'resourcequotas',
  'serviceaccounts',
  'services',
  'csidrivers.storage.k8s.io',
  'csinodes.storage.k8s.io',
  'storageclasses.storage.k8s.io',
  'volumeattachments.storage.k8s.io',
  'volumeattributesclasses.storage.k8s.io',
  'deviceclasses.resource.k8s.io',
  'resourceclaims.resource.k8s.io',
  'resourceclaimtemplates.resource.k8s.io',
  'resourceslices.resource.k8s.io',
])

async function serveDelete(call: Call, kind: Kind): Promise<Response> {
  const { allowed, request, query } = call
  const view = viewOf(request.headers.get('accept'))
  const { options, orphanNot } = await deleteOptions(request, query)
  const { item, removed } = await remove(allowed, options)
  if (!removed || RETURNED.has(kind.resource)) return shown(call, kind, item, !removed && orphanNot ? 202 : 200, view)
  const { name = '', uid = '' } = item.object.metadata
  const details = { name, ...(kind.group === '' ? {} : { group: kind.group }), kind: kind.plural, uid }
  return jsonText(JSON.stringify(success(details)), wantsPretty(request.headers, query), { warnings: call.warnings })
}

async function serveDeleteCollection(call: Call): Promise<Response> {
  const { allowed, request, query } = call
  const view = viewOf(request.headers.get('accept'))
  const { options } = await deleteOptions(request, query)
  const listing = await removeCollection(allowed, options, listQuery(query))
  const now = allowed.cluster.clock.now()
  return jsonStream(
    itemChunks(listing, { view, include: includeObjectOf(query), now, pretty: wantsPretty(request.headers, query) }),
  )
}
