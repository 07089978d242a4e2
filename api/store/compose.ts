/** The statements of one flush, in the order in which they must run. */
import type { Pending } from './flush.ts'
import { expectNumber, expectations, hasDue } from './flush.ts'
import { PAGE_BYTES } from './page-sql.ts'
import type { SqlStatement } from './sql.ts'
import type { WriteRow } from './write-sql.ts'
import { APPLIED, DUE_DELETE, DUE_PUT, LOSERS, MARK, writeStatement } from './write-sql.ts'

export interface Flush {
  readonly first: readonly SqlStatement[]
  /** asks first what was applied already */
  readonly again: readonly SqlStatement[]
  /** where WRITE stands in `first`; LOSERS follows it */
  readonly writeAt: number
  readonly markedAt: number | undefined
}

/** `floor`: a revision that was the newest, or older, when none of the groups had been sent yet. */
export function composeFlush(
  taken: readonly Pending[],
  floor: number,
  mark: { now: number; before: number } | undefined,
): Flush {
  const rows: WriteRow[] = []
  const checks: unknown[][] = []
  const reqs: string[] = []
  let effects = 0
  let bare = false
  for (const pending of taken) {
    for (const row of pending.rows) rows.push(row)
    for (const { key, expect } of expectations(pending.group)) {
      checks.push([key.resource, key.namespace, key.name, expectNumber(expect)])
    }
    reqs.push(pending.req)
    effects += pending.group.effects.length
    if (pending.group.effects.length === 0) bare = true
  }
  const losers = { sql: LOSERS, args: [JSON.stringify(checks), PAGE_BYTES] }
  const due = dueStatements(taken, floor)
  const first: SqlStatement[] = [
    ...due,
    writeStatement(rows, floor),
    bare ? losers : { ...losers, unlessRows: effects },
  ]
  if (mark) first.push({ sql: MARK, args: [mark.now, mark.before, floor] })
  const again = [{ sql: APPLIED, args: [floor, JSON.stringify(reqs)] }, ...first]
  return { first, again, writeAt: due.length, markedAt: mark?.now }
}

function dueStatements(taken: readonly Pending[], floor: number): readonly SqlStatement[] {
  const checks: unknown[][] = []
  const puts: unknown[][] = []
  const deletes: unknown[][] = []
  for (const { req, group } of taken) {
    if (!hasDue(group)) continue
    for (const { key, expect } of expectations(group))
      checks.push([req, key.resource, key.namespace, key.name, expectNumber(expect)])
    for (const { planner, key, at } of group.due) (at === null ? deletes : puts).push([req, planner, key, at])
  }
  const statements: SqlStatement[] = []
  if (puts.length > 0) statements.push({ sql: DUE_PUT, args: [JSON.stringify(checks), JSON.stringify(puts), floor] })
  if (deletes.length > 0)
    statements.push({ sql: DUE_DELETE, args: [JSON.stringify(checks), JSON.stringify(deletes), floor] })
  return statements
}
