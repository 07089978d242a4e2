/** A listing as the text of a list, a Table or a list of metadata, chunk after chunk. */
import type { Item } from '../registry/item.ts'
import type { Listing } from '../registry/list.ts'
import type { View } from './accept.ts'
import { columnsText, type IncludeObject, metadataText, rowText } from './table.ts'

export interface ListView {
  readonly view: View
  readonly include: IncludeObject
  readonly now: number
  readonly pretty: boolean
}

export async function* listText(listing: Listing, shown: ListView): AsyncGenerator<string> {
  const { kind } = listing
  const { view, pretty } = shown
  const apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`
  const table = view.as === 'table'
  const meta = JSON.stringify({
    resourceVersion: String(listing.revision),
    ...(listing.continue === undefined ? {} : { continue: listing.continue }),
    ...(listing.remaining === undefined ? {} : { remainingItemCount: listing.remaining }),
  })
  const [listKind, listVersion] =
    view.as === 'object'
      ? [`${kind.kind}List`, apiVersion]
      : [table ? 'Table' : 'PartialObjectMetadataList', `meta.k8s.io/${view.version}`]
  const definitions = table ? `,"columnDefinitions":${columnsText(kind)}` : ''
  const head = `{"kind":"${listKind}","apiVersion":"${listVersion}","metadata":${meta}${definitions},"${table ? 'rows' : 'items'}":[`
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
