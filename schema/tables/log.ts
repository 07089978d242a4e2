/**
 * The history: one row per change, never updated. `rev` is the resourceVersion of the whole cluster, and the only
 * place a value is held.
 *
 * The columns from `labels` to `bytes` are computed by the kind and carried by the write; triggers copy them into
 * `keys`. Nothing in SQL looks into `value`, which therefore may be ciphertext. It comes last so that the small
 * columns are read without walking its overflow pages.
 *
 * `op` 0 only moves the counter (the first row, a restore), 1 creates, 2 updates, 3 deletes.
 */
import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

export const log = sqliteTable(
  'log',
  {
    rev: integer().primaryKey(),
    resource: text().notNull(),
    namespace: text().notNull(),
    name: text().notNull(),
    op: integer().notNull(),
    /** NULL for a create: its own `rev` */
    create_rev: integer(),
    /** 0 for a create */
    prev_rev: integer().notNull(),
    /** random id of the group that wrote the row; settles a lost answer */
    req: text(),
    /** id of the key the value is encrypted with; NULL: plain */
    enc: text(),
    uid: text(),
    owner: text(),
    node_name: text(),
    expires_at: integer(),
    labels: text(),
    facts: text(),
    /** length of the value in bytes; for a delete that of the last state */
    bytes: integer().notNull(),
    /** NULL for op 0 and 3: the last state of a deleted object is the value of `prev_rev` */
    value: text(),
  },
  (table) => [index('log_resource').on(table.resource, table.rev)],
)
