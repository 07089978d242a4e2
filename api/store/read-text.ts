/** Pages of a list as the text that a client gets, joined by the database. */
import { PAGE_ROWS, type PageSize, textStatement } from './page-sql.ts'
import { int, type SqlRow, type SqlStatement } from './sql.ts'
import { type Reader, type TextPage, textPage, type TextQuery } from './store.ts'

export interface TextReaderOptions {
  readonly rowsOf: (statement: SqlStatement) => Promise<readonly SqlRow[]>
  readonly list: Reader['list']
  readonly seen: (revision: number) => void
  /** the newest revision that was seen */
  readonly known: () => number
  readonly size: PageSize | undefined
}

interface Answer {
  readonly head: number
  readonly compacted: number
  /** undefined: rows are sealed, or weigh more than is joined */
  readonly page: TextPage | undefined
}

export function textReader({ rowsOf, list, seen, known, size }: TextReaderOptions): Reader['listText'] {
  async function ask(query: TextQuery): Promise<Answer> {
    const { statement, limit } = textStatement(query, size)
    const [row = []] = await rowsOf(statement)
    const [head, compacted, count, sealed] = [int(row[0]), int(row[1]), int(row[2]), int(row[5])]
    seen(head)
    const text = row[6] ?? (count === 0 ? '' : undefined)
    if (typeof text !== 'string' || sealed > 0) return { head, compacted, page: undefined }
    const revision = query.at === undefined ? head : Math.min(query.at, head)
    const last = { resource: query.resource, namespace: String(row[3]), name: String(row[4]) }
    return { head, compacted, page: { revision, text, next: count > limit ? last : undefined } }
  }

  /** One by one, as the store lists them. */
  async function itemsOf(query: TextQuery): ReturnType<Reader['listText']> {
    return textPage(await list({ ...query, limit: PAGE_ROWS, stream: true }))
  }

  return async (query) => {
    const { at } = query
    // Nothing was written after it, as far as is known: the present is the same, and read in half the time.
    if (at !== undefined && known() <= at) {
      const { head, page } = await ask({ ...query, at: undefined })
      if (head <= at) return page ?? itemsOf(query)
    }
    const { head, compacted, page } = await ask(query)
    if (at !== undefined && at < compacted) return { expired: true, compacted, head }
    return page ?? itemsOf(query)
  }
}
