/** Facts about the database itself: `cluster_uid`, `schema_version`, `restore_epoch`, `compact_rev`; text values. */
import { sqliteTable, text } from 'drizzle-orm/sqlite-core'

export const storeMeta = sqliteTable('store_meta', {
  k: text().primaryKey(),
  v: text().notNull(),
})
