/** Which revision was the newest at what time: at most one row a minute, only beside other writes. */
import { index, integer, sqliteTable } from 'drizzle-orm/sqlite-core'

export const marks = sqliteTable(
  'marks',
  {
    rev: integer().primaryKey(),
    /** milliseconds since the epoch */
    at: integer().notNull(),
  },
  (table) => [index('marks_at').on(table.at)],
)
