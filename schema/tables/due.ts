/** What a planner must look at again at a time, written in the same group as its cause. `WITHOUT ROWID`. */
import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'

export const due = sqliteTable(
  'due',
  {
    planner: text().notNull(),
    key: text().notNull(),
    /** milliseconds since the epoch */
    at: integer().notNull(),
  },
  (table) => [primaryKey({ columns: [table.planner, table.key] }), index('due_at').on(table.at)],
)
