/**
 * `Sql` over HTTP: a libSQL server, the same on workerd and Node. One batch is one request and one transaction.
 */
import type { Client, ResultSet } from '@libsql/client/web'
import { LibsqlError, createClient } from '@libsql/client/web'
import type { Sql, SqlRow, SqlValue } from '../store/sql.ts'
import { SqlError } from '../store/sql.ts'

export interface HttpSqlOptions {
  /** `libsql://`, `https://` or `http://` */
  readonly url: string
  readonly authToken?: string
  readonly fetch?: typeof fetch
}

export function httpSql(options: HttpSqlOptions): Sql {
  const { url, authToken } = options
  const inner = options.fetch ?? fetch
  const client: Client = createClient({
    url,
    intMode: 'number',
    ...(authToken === undefined ? {} : { authToken }),
    fetch: url.startsWith('http:') ? uncompressed(inner) : inner,
  })
  return {
    async batch(statements, mode) {
      const stripped = statements.map(({ sql, args }) => ({ sql, args: [...args] }))
      try {
        const [only] = stripped
        // A single read needs no BEGIN and COMMIT around it.
        if (mode === 'read' && stripped.length === 1 && only !== undefined) return [rowsOf(await client.execute(only))]
        return (await client.batch(stripped, mode)).map(rowsOf)
      } catch (error) {
        throw sqlError(error)
      }
    },
    close() {
      client.close()
      return Promise.resolve()
    },
  }
}

/** A plain http server is near: packing and unpacking its answers takes longer than sending them. */
function uncompressed(inner: typeof fetch): typeof fetch {
  return (input, init) => {
    const request = new Request(input, init)
    request.headers.set('accept-encoding', 'identity')
    return inner(request)
  }
}

function rowsOf(result: ResultSet): readonly SqlRow[] {
  return result.rows.map((row) => Array.from(row as ArrayLike<SqlValue>))
}

/** Only an answer of the database itself proves that nothing was written. */
function sqlError(error: unknown): SqlError {
  if (!(error instanceof LibsqlError)) return new SqlError('unknown', 'NETWORK', String(error), { cause: error })
  const busy = error.code.startsWith('SQLITE_BUSY') || error.code.startsWith('SQLITE_LOCKED')
  const outcome = busy ? 'busy' : /^(SQLITE_|SQL_|ARGS_|BLOCKED)/.test(error.code) ? 'refused' : 'unknown'
  return new SqlError(outcome, error.code, error.message, { cause: error })
}
