/**
 * The thread that owns the writing connection. It gets whole transactions, runs them one after the other and answers
 * with their rows once the commit is on disk. Started by `writer.ts`; its messages are `Ask` and `Told`.
 */
import { parentPort } from 'node:worker_threads'
import type { SqlRow, SqlStatement } from '../../store/sql.ts'
import { SqlError } from '../../store/sql.ts'
import type { Connection } from './native.ts'
import { connect } from './native.ts'

export type Ask =
  | { readonly open: string }
  | { readonly id: number; readonly statements: readonly SqlStatement[] }
  | { readonly close: true }

export type Told =
  | { readonly ready: true }
  | { readonly id: number; readonly rows: readonly (readonly SqlRow[])[] }
  | { readonly id: number; readonly error: Failure }
  | { readonly failed: Failure }

export interface Failure {
  readonly outcome: SqlError['outcome']
  readonly code: string
  readonly message: string
}

/** Pages between checkpoints: with pages of 8 KiB about 16 MB of write-ahead log. */
const CHECKPOINT_PAGES = 2000

function open(file: string): Connection {
  const connection = connect(file)
  connection.ask('PRAGMA synchronous = FULL')
  connection.ask(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
  const synchronous = connection.ask('PRAGMA synchronous')[0]?.[0]
  const journal = connection.ask('PRAGMA journal_mode')[0]?.[0]
  if (synchronous !== 2 || journal !== 'wal') {
    throw new SqlError(
      'refused',
      'NOT_DURABLE',
      `writes would not be durable: synchronous is ${synchronous}, journal_mode is ${journal}`,
    )
  }
  return connection
}

function failureOf(error: unknown): Failure {
  if (error instanceof SqlError) return { outcome: error.outcome, code: error.code, message: error.message }
  return { outcome: 'refused', code: 'UNKNOWN', message: String(error) }
}

/** Leaves one whole file behind, when nobody is reading; otherwise the log simply stays beside it. */
function finish(connection: Connection | undefined): void {
  try {
    connection?.ask('PRAGMA wal_checkpoint(TRUNCATE)')
  } finally {
    connection?.close()
  }
}

function serve(): void {
  const port = parentPort
  if (port === null) return
  const tell = (told: Told): void => port.postMessage(told)
  let connection: Connection | undefined
  port.on('message', (ask: Ask) => {
    if ('close' in ask) {
      finish(connection)
      port.close()
    } else if ('open' in ask) {
      try {
        connection = open(ask.open)
        tell({ ready: true })
      } catch (error) {
        tell({ failed: failureOf(error) })
      }
    } else {
      try {
        tell({ id: ask.id, rows: connection?.run(ask.statements, 'write') ?? [] })
      } catch (error) {
        tell({ id: ask.id, error: failureOf(error) })
      }
    }
  })
}

serve()
