/** A listing as the text of a list, a Table or a list of metadata, chunk after chunk. */
import { apiVersionOf } from '../kinds/all.ts'
import type { Item } from '../registry/item.ts'
import type { Listing } from '../registry/list.ts'
import type { TextListing } from '../registry/list-text.ts'
import { OBJECT, type View } from './accept.ts'
import { columnsText, type IncludeObject, metadataText, rowText } from './table.ts'

export interface ListView {
  readonly view: View
  readonly include: IncludeObject
  readonly now: number
  readonly pretty: boolean
}

/**
 * Of objects that are text already: a page is a chunk. Not a generator, because one that waits holds what it handed out,
 * and what many slow lists hold is copied whenever garbage is collected.
 */
export function textChunks(listing: TextListing): AsyncIterator<string> {
  let begin = headOf(listing, OBJECT)
  let hasItems = false
  return {
    async next() {
      const page = await listing.next()
      if (page === undefined) return { done: true, value: undefined }
      const { text, next } = page
      const value = begin + (hasItems && text !== '' ? ',' : '') + text + (next === undefined ? ']}\n' : '')
      begin = ''
      hasItems ||= text !== ''
      return { done: false, value }
    },
  }
}

export async function* itemChunks(listing: Listing, shown: ListView): AsyncGenerator<string> {
  const { kind } = listing
  const { view, pretty } = shown
  const apiVersion = apiVersionOf(kind)
  const table = view.as === 'table'
  const head = headOf(listing, view)
  // Items of a list leave out what the list says: its text begins the same for every object of the kind.
  const prefix = `{"apiVersion":"${apiVersion}","kind":"${kind.kind}",`
  const itemText = (item: Item): string => {
    if (table) return rowText(kind, item, shown.include, shown.now, view.version)
    if (view.as === 'metadata') return metadataText(item.object, view.version)
    const text = item.wire
    return text.startsWith(prefix) ? `{${text.slice(prefix.length)}` : text
  }
  let chunk = pretty ? prettyHead(head) : head
  let first = true
  for await (const items of listing.pages()) {
    for (const item of items) {
      const text = pretty ? indented(itemText(item)) : itemText(item)
      chunk += first ? text : `,${text}`
      first = false
      if (chunk.length < CHUNK) continue
      yield chunk
      chunk = ''
    }
  }
  yield `${chunk}${pretty ? (first ? ']\n}\n' : '\n  ]\n}\n') : ']}\n'}`
}

/** Up to the first item. */
function headOf(listing: Pick<Listing, 'kind' | 'revision' | 'continue' | 'remaining'>, view: View): string {
  const { kind } = listing
  const meta = JSON.stringify({
    resourceVersion: String(listing.revision),
    ...(listing.continue === undefined ? {} : { continue: listing.continue }),
    ...(listing.remaining === undefined ? {} : { remainingItemCount: listing.remaining }),
  })
  const [listKind, listVersion] =
    view.as === 'object'
      ? [`${kind.kind}List`, apiVersionOf(kind)]
      : [view.as === 'table' ? 'Table' : 'PartialObjectMetadataList', `meta.k8s.io/${view.version}`]
  const definitions = view.as === 'table' ? `,"columnDefinitions":${columnsText(kind)}` : ''
  const items = view.as === 'table' ? 'rows' : 'items'
  return `{"kind":"${listKind}","apiVersion":"${listVersion}","metadata":${meta}${definitions},"${items}":[`
}

/** Characters that are sent together. */
const CHUNK = 65_536

/** The beginning of an indented list, up to its `[`. */
function prettyHead(head: string): string {
  const text = JSON.stringify(JSON.parse(`${head}]}`), null, 2)
  return text.slice(0, text.lastIndexOf(']'))
}

function indented(text: string): string {
  return `\n    ${JSON.stringify(JSON.parse(text), null, 2).replaceAll('\n', '\n    ')}`
}
