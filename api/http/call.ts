/** A request that is allowed, on its way through a verb, and how one object is shown to it. */
import type { Allowed } from '../access/request.ts'
import type { Kind } from '../kinds/kind.ts'
import type { Item } from '../registry/item.ts'
import { type View, viewOf } from './accept.ts'
import { jsonText, wantsPretty } from './respond.ts'
import { includeObjectOf, metadataText, rowText, tableText } from './table.ts'

/** What a verb works with beside the permission. */
export interface Call {
  readonly allowed: Allowed
  readonly request: Request
  readonly query: URLSearchParams
  readonly warnings: string[]
  readonly warn: (text: string) => void
}

/** One object in the form the client asked for. */
export function shown(call: Call, kind: Kind, item: Item, status = 200, asked?: View): Response {
  const { allowed, request, query, warnings } = call
  const view = asked ?? viewOf(request.headers.get('accept'))
  const pretty = wantsPretty(request.headers, query)
  return jsonText(shownText(kind, item, view, query, allowed.cluster.clock.now()), pretty, { status, warnings })
}

function shownText(kind: Kind, item: Item, view: View, query: URLSearchParams, now: number): string {
  if (view.as === 'object') return item.wire
  if (view.as === 'metadata') return metadataText(item.object, view.version)
  const row = rowText(kind, item, includeObjectOf(query), now, view.version)
  return tableText(kind, JSON.stringify({ resourceVersion: String(item.revision) }), row, view.version, true)
}
