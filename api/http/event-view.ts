/** How the events of a watch look: whole objects, tables of one row, or metadata. */
import { apiVersionOf } from '../kinds/all.ts'
import type { Kind } from '../kinds/kind.ts'
import type { Clock } from '../platform/port.ts'
import type { View } from './accept.ts'
import { type IncludeObject, metadataText, rowText, tableText } from './table.ts'
import type { EventView } from './watch-stream.ts'

export function eventView(kind: Kind, view: View, include: IncludeObject, clock: Clock): EventView {
  const { version } = view
  const marked = (kindName: string, apiVersion: string, revision: number, initialEnd: boolean): string => {
    const annotations = initialEnd ? ',"annotations":{"k8s.io/initial-events-end":"true"}' : ''
    // `creationTimestamp: null` is what an empty object of upstream carries.
    return `{"kind":"${kindName}","apiVersion":"${apiVersion}","metadata":{"resourceVersion":"${revision}","creationTimestamp":null${annotations}}}`
  }
  switch (view.as) {
    case 'object':
      return {
        name: () => 'object',
        object: ({ item }) => item.wire,
        bookmark: (revision, initialEnd) => marked(kind.kind, apiVersionOf(kind), revision, initialEnd),
      }
    case 'metadata':
      return {
        name: () => `metadata ${version}`,
        object: ({ item }) => metadataText(item.object, version),
        bookmark: (revision, initialEnd) =>
          marked('PartialObjectMetadata', `meta.k8s.io/${version}`, revision, initialEnd),
      }
    case 'table':
      return {
        name: (first) => `table ${version} ${include} ${first}`,
        object({ item }, first) {
          const meta = JSON.stringify({ resourceVersion: String(item.revision) })
          return tableText(kind, meta, rowText(kind, item, include, clock.now(), version), version, first)
        },
        bookmark(revision, initialEnd, first) {
          const cells = kind.columns.map(() => null)
          const object = marked('PartialObjectMetadata', `meta.k8s.io/${version}`, revision, initialEnd)
          const row = `{"cells":${JSON.stringify(cells)},"object":${object}}`
          return tableText(kind, `{"resourceVersion":"${revision}"}`, row, version, first)
        },
      }
  }
}
