/**
 * What exists now: one small row per object, pointing at its newest row in `log`. Kept in step by the triggers
 * `log_create`, `log_update` (which leaves alone the indexes of what did not change) and `log_delete`; no statement of
 * ours writes it. `namespace` is '' at cluster scope.
 *
 * `WITHOUT ROWID` (appended by hand in the migration, drizzle cannot say it): the rows are the primary key's own
 * tree, so a list in (namespace, name) order reads neighbouring pages, and every index below ends in the primary
 * key, so pages of it are in the same order.
 */
import { sql } from 'drizzle-orm'
import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'

export const keys = sqliteTable(
  'keys',
  {
    resource: text().notNull(),
    namespace: text().notNull(),
    name: text().notNull(),
    create_rev: integer().notNull(),
    rev: integer().notNull(),
    uid: text(),
    owner: text(),
    node_name: text(),
    expires_at: integer(),
    labels: text(),
    facts: text(),
    bytes: integer().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.resource, table.namespace, table.name] }),
    index('keys_owner')
      .on(table.owner)
      .where(sql`"owner" IS NOT NULL`),
    index('keys_node')
      .on(table.resource, table.node_name, table.namespace, table.name)
      .where(sql`"node_name" IS NOT NULL`),
    index('keys_unbound')
      .on(table.resource, table.namespace, table.name)
      .where(sql`"resource" = 'pods' AND "node_name" IS NULL`),
    index('keys_expires')
      .on(table.expires_at)
      .where(sql`"expires_at" IS NOT NULL`),
  ],
)
