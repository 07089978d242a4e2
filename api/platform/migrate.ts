/**
 * Brings a database to this program's schema, on both platforms and without a file system: everything that is missing
 * runs in one transaction, recorded in `__drizzle_migrations` the way drizzle's own migrator does it.
 *
 * The first migration also gives the database its cluster uid. Of two starters at once one fails and finds the work
 * done when it tries again. Triggers are part of the migrations; the store refuses to open without them.
 */
import type { Migration } from '../../migrations/all.ts'
import { migrations } from '../../migrations/all.ts'
import type { Sql, SqlStatement } from '../store/sql.ts'
import { SqlError } from '../store/sql.ts'
import { StoreError } from '../store/store.ts'

const CREATE_RECORD = `
CREATE TABLE IF NOT EXISTS __drizzle_migrations (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric)`

const RECORDED = `SELECT created_at FROM __drizzle_migrations ORDER BY created_at`

/** Answers how many migrations were run. `clusterUid` is given to a new database only. */
export async function migrate(sql: Sql, clusterUid: string): Promise<number> {
  const done = await recorded(sql)
  if (done.length > migrations.length) {
    throw new StoreError(
      'newer-schema',
      `the database has schema version ${done.length}, this kedge knows ${migrations.length}: use a newer kedge`,
    )
  }
  const missing = migrations.slice(done.length)
  if (missing.length === 0) return 0
  const statements: SqlStatement[] = [{ sql: CREATE_RECORD, args: [] }]
  for (const migration of missing) statements.push(...(await statementsOf(migration)))
  statements.push(
    { sql: `INSERT OR IGNORE INTO store_meta (k, v) VALUES ('cluster_uid', ?1)`, args: [clusterUid] },
    {
      sql: `INSERT OR REPLACE INTO store_meta (k, v) VALUES ('schema_version', ?1)`,
      args: [String(migrations.length)],
    },
  )
  await sql.batch(statements, 'write')
  return missing.length
}

async function recorded(sql: Sql): Promise<readonly unknown[]> {
  try {
    return (await sql.batch([{ sql: RECORDED, args: [] }], 'read'))[0] ?? []
  } catch (error) {
    if (error instanceof SqlError && error.message.includes('no such table')) return []
    throw error
  }
}

async function statementsOf(migration: Migration): Promise<SqlStatement[]> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(migration.sql)))
  const hash = [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  const statements = migration.sql.split('--> statement-breakpoint').map((text) => ({ sql: text.trim(), args: [] }))
  const record = 'INSERT INTO __drizzle_migrations (hash, created_at) VALUES (?1, ?2)'
  return [...statements, { sql: record, args: [hash, migration.when] }]
}
