/** Counts what passes through a `Sql`, so that budgets of round trips, statements and rows can be held by tests. */
import type { Sql } from './sql.ts'

export interface SqlCount {
  /** batches, each one round trip */
  reads: number
  writes: number
  statements: number
  /** rows that came back */
  rows: number
}

export interface CountingSql extends Sql {
  readonly count: Readonly<SqlCount>
  /** What was counted since the last call. */
  take(): SqlCount
}

export function countingSql(sql: Sql): CountingSql {
  let count: SqlCount = { reads: 0, writes: 0, statements: 0, rows: 0 }
  return {
    get count() {
      return count
    },
    take() {
      const taken = count
      count = { reads: 0, writes: 0, statements: 0, rows: 0 }
      return taken
    },
    async batch(statements, mode) {
      if (mode === 'read') count.reads++
      else count.writes++
      count.statements += statements.length
      const answer = await sql.batch(statements, mode)
      for (const rows of answer) count.rows += rows.length
      return answer
    },
    close: () => sql.close(),
  }
}
