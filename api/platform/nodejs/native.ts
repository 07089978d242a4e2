/**
 * One connection to the embedded file, synchronous: used on the main thread for reads and in the writer thread.
 * Statements stay prepared. Only `.all()` is used, because a statement that is not read to its end never checkpoints.
 */
import Database from 'libsql'
import type { Sql, SqlRow, SqlStatement } from '../../store/sql.ts'
import { SqlError } from '../../store/sql.ts'

/** Distinct texts are few (one per shape of query); the bound is for the unforeseen. */
const MAX_PREPARED = 256

export interface Connection {
  run(statements: readonly SqlStatement[], mode: 'read' | 'write'): readonly (readonly SqlRow[])[]
  /** One PRAGMA or the like, outside a transaction. */
  ask(sql: string): readonly SqlRow[]
  close(): void
}

interface Prepared {
  readonly statement: Database.Statement
  /** it answers rows */
  readonly reads: boolean
}

export function connect(file: string): Connection {
  const database = new Database(file)
  const prepared = new Map<string, Prepared>()

  function statement(sql: string): Prepared {
    const known = prepared.get(sql)
    if (known !== undefined) return known
    const statement = database.prepare(sql)
    // Asked once: it is a call into the engine.
    const made = { statement, reads: statement.reader }
    if (made.reads) statement.raw(true)
    if (prepared.size >= MAX_PREPARED) prepared.clear()
    prepared.set(sql, made)
    return made
  }

  function execute({ sql, args }: SqlStatement): readonly SqlRow[] {
    const { statement: made, reads } = statement(sql)
    if (reads) return made.all(args) as SqlRow[]
    made.run(args)
    return []
  }

  function transaction(statements: readonly SqlStatement[], begin: string): readonly (readonly SqlRow[])[] {
    const answers: (readonly SqlRow[])[] = []
    execute({ sql: begin, args: [] })
    try {
      for (const next of statements) {
        const needless = next.unlessRows !== undefined && answers.at(-1)?.length === next.unlessRows
        answers.push(needless ? [] : execute(next))
      }
      execute({ sql: 'COMMIT', args: [] })
    } catch (error) {
      if (database.inTransaction) database.exec('ROLLBACK')
      throw error
    }
    return answers
  }

  /**
   * One statement commits by itself, which saves two more. What follows it and may be left out only reads what it
   * left behind, and nobody else writes in between.
   */
  function alone(first: SqlStatement, then: SqlStatement | undefined): readonly (readonly SqlRow[])[] {
    const rows = execute(first)
    if (then === undefined) return [rows]
    if (rows.length === then.unlessRows) return [rows, []]
    try {
      return [rows, execute(then)]
    } catch (error) {
      throw new SqlError('unknown', 'AFTER_COMMIT', String(error), { cause: error })
    }
  }

  return {
    run(statements, mode) {
      try {
        const [first, then] = statements
        const single = statements.length === 1 || (statements.length === 2 && then?.unlessRows !== undefined)
        if (first !== undefined && single) return alone(first, then)
        return transaction(statements, mode === 'write' ? 'BEGIN IMMEDIATE' : 'BEGIN')
      } catch (error) {
        throw nativeError(error)
      }
    },
    ask: (sql) => {
      try {
        return execute({ sql, args: [] })
      } catch (error) {
        throw nativeError(error)
      }
    },
    close() {
      // Statements live until they are collected, and the connection with them; a transaction must not.
      if (database.inTransaction) database.exec('ROLLBACK')
      prepared.clear()
      database.close()
    },
  }
}

/** Reads and writes through one connection, on the thread that asks. */
export function connectionSql(connection: Connection): Sql {
  return {
    batch: async (statements, mode) => connection.run(statements, mode),
    close: () => Promise.resolve(connection.close()),
  }
}

/** The engine is in this process: what fails is rolled back. Only a failing sync leaves a commit in doubt. */
function nativeError(error: unknown): SqlError {
  if (error instanceof SqlError) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'UNKNOWN'
  const message = error instanceof Error ? error.message : String(error)
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED'))
    return new SqlError('busy', code, message, { cause: error })
  return new SqlError(code.startsWith('SQLITE_IOERR') ? 'unknown' : 'refused', code, message, { cause: error })
}
