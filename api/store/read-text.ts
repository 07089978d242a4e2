/**
 * Pages of a list as the text that a client gets, joined by the database. How many rows make a page is guessed from what
 * objects of the resource weighed before: a page of more than twice the size is refused, and read row by row.
 */
import { PAGE_BYTES, PAGE_ROWS, type PageSize, textStatement } from './page-sql.ts'
import { int, type SqlRow, type SqlStatement } from './sql.ts'
import { type Reader, type TextPage, textPage, type TextQuery } from './store.ts'

export interface TextReaderOptions {
  readonly rowsOf: (statement: SqlStatement) => Promise<readonly SqlRow[]>
  readonly list: Reader['list']
  readonly seen: (revision: number) => void
  /** the newest revision that was seen */
  readonly known: () => number
  /** what pages should weigh, and have rows at most */
  readonly size: PageSize | undefined
}

interface Answer {
  readonly head: number
  readonly compacted: number
  /** undefined: rows are sealed, or weigh too much */
  readonly page: TextPage | undefined
}

const LARGEST: PageSize = { rows: PAGE_ROWS, bytes: PAGE_BYTES / 2 }
/** Bytes of an object of which none was seen yet: a small pod. */
const FIRST_GUESS = 2_000

export function textReader({ rowsOf, list, seen, known, size = LARGEST }: TextReaderOptions): Reader['listText'] {
  /** by resource: bytes of an object of the last page */
  const weights = new Map<string, number>()

  async function ask(query: TextQuery): Promise<Answer> {
    const guess = Math.floor(size.bytes / (weights.get(query.resource) ?? FIRST_GUESS))
    const rows = Math.min(Math.max(1, guess), size.rows)
    const [row = []] = await rowsOf(textStatement(query, { rows, bytes: 2 * size.bytes }))
    const [head, compacted, count, sealed] = [int(row[0]), int(row[1]), int(row[2]), int(row[6])]
    seen(head)
    if (count > 0) weights.set(query.resource, int(row[3]) / count)
    const text = row[7] ?? (count === 0 ? '' : undefined)
    if (typeof text !== 'string' || sealed > 0) return { head, compacted, page: undefined }
    const revision = query.at === undefined ? head : Math.min(query.at, head)
    const last = { resource: query.resource, namespace: String(row[4]), name: String(row[5]) }
    return { head, compacted, page: { revision, text, next: count > rows ? last : undefined } }
  }

  /** Row by row, as the store lists them. */
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
