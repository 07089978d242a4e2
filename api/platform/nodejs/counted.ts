/** What passes between the stores of this process and their databases, counted over all of them. */
import { type CountingSql, countingSql, type SqlCount } from '../../store/counting-sql.ts'
import type { Sql } from '../../store/sql.ts'

export interface CountedSql {
  /** for `ServerOptions.throughSql` */
  throughSql(sql: Sql): Sql
  /** What passed since the last call. */
  take(): SqlCount
}

export function countedSql(): CountedSql {
  const all: CountingSql[] = []
  return {
    throughSql(sql) {
      const counting = countingSql(sql)
      all.push(counting)
      return counting
    },
    take() {
      const sum: SqlCount = { reads: 0, writes: 0, statements: 0, rows: 0 }
      for (const sql of all) {
        const { reads, writes, statements, rows } = sql.take()
        sum.reads += reads
        sum.writes += writes
        sum.statements += statements
        sum.rows += rows
      }
      return sum
    },
  }
}
