/**
 * The only thing the store asks of a database: run a few statements as one transaction.
 *
 * Implementations: `platform/nodejs/database.ts` (embedded file, writes in a worker thread) and
 * `platform/http-sql.ts` (a libSQL server, one request per batch). Rows are arrays in the order of the columns.
 */
export type SqlValue = string | number | null

export type SqlRow = readonly SqlValue[]

/** A column that holds a number; 0 for NULL. */
export function int(value: SqlValue | undefined): number {
  return typeof value === 'number' ? value : 0
}

export interface SqlStatement {
  readonly sql: string
  readonly args: readonly SqlValue[]
  /** May be left out when the statement before it returned exactly this many rows: its answer is then not needed. */
  readonly unlessRows?: number
}

export interface Sql {
  /** One transaction, all or nothing, one round trip; 'write' takes the write lock first. Resolves with the rows of
   *  each statement once the commit is durable. Throws `SqlError`. */
  batch(statements: readonly SqlStatement[], mode: 'read' | 'write'): Promise<readonly (readonly SqlRow[])[]>
  close(): Promise<void>
}

/**
 * 'refused': the database answered, and nothing was written. 'busy': the same, and trying again may help.
 * 'unknown': no answer came; the transaction may have been committed or may still be.
 */
export class SqlError extends Error {
  readonly outcome: 'refused' | 'busy' | 'unknown'
  /** SQLITE_FULL, SQLITE_BUSY, ... or what the transport calls it */
  readonly code: string
  constructor(outcome: 'refused' | 'busy' | 'unknown', code: string, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'SqlError'
    this.outcome = outcome
    this.code = code
  }
}
