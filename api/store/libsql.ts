/**
 * The store over libSQL, the same code on an embedded file and on a server: what differs is the `Sql` it is given.
 * The database must have been migrated (`platform/migrate.ts`); opening costs one round trip and checks that it is the
 * right one.
 */
import { compactLibsql } from './compact.ts'
import { libsqlReader, type StreamedPages, valueOpener } from './read.ts'
import { META, READ_HEAD, REVISION_AT, TRIGGERS } from './read-sql.ts'
import type { Sealer } from './seal.ts'
import type { Sql, SqlRow } from './sql.ts'
import { int, SqlError } from './sql.ts'
import type { Store, Touched } from './store.ts'
import { StoreError } from './store.ts'
import { groupWriter } from './write.ts'

/** What this program was written for: the number of migrations. */
export const SCHEMA_VERSION = 1

export interface LibsqlStoreOptions {
  readonly sealer: Sealer
  /** milliseconds since the epoch, for `marks` */
  readonly now: () => number
  /** random, never repeated: 16 characters or more */
  readonly requestId: () => string
  /** between attempts after a lost answer */
  readonly sleep: (ms: number) => Promise<void>
  /** called once per commit, before the writers hear of it */
  readonly onCommit?: (touched: Touched) => void
  /** refuse any other cluster's database */
  readonly clusterUid?: string
  /** flushes under way at once; 1 unless the database queues them cheaply */
  readonly inFlight?: number
  /** Small where asking again costs next to nothing. */
  readonly streamed?: StreamedPages
  /** Shared by all openings of this database in one process: the first checks it, the others save that round trip. */
  readonly memory?: DatabaseMemory
}

/** What is known of a database, kept up to date by whoever has it open. */
export interface DatabaseMemory {
  meta?: Store['meta']
  /** the newest revision anybody saw: writes look for copies of themselves only after it */
  head: number
}

export async function openLibsqlStore(sql: Sql, options: LibsqlStoreOptions): Promise<Store> {
  const memory = options.memory ?? { head: 0 }
  const seen = (revision: number): void => {
    if (revision > memory.head) memory.head = revision
  }
  let { meta } = memory
  if (meta === undefined) {
    const found = await readMeta(sql, options.clusterUid)
    memory.meta = meta = found.meta
    seen(found.head)
  } else if (options.clusterUid !== undefined && options.clusterUid !== meta.clusterUid) {
    throw wrongCluster(meta.clusterUid, options.clusterUid)
  }
  const failed = (error: unknown): StoreError => storeError(error)
  const { clusterUid } = meta
  const known = (): number => memory.head
  const { sealer, streamed } = options
  const reader = libsqlReader({ sql, clusterUid, sealer, seen, known, streamed, failed })
  const writer = groupWriter({
    sql,
    clusterUid,
    sealer: options.sealer,
    open: valueOpener(clusterUid, options.sealer),
    get: reader.get,
    floor: known,
    seen,
    onCommit: options.onCommit ?? (() => undefined),
    now: options.now,
    requestId: options.requestId,
    sleep: options.sleep,
    inFlight: options.inFlight ?? 1,
    failed,
  })
  return {
    ...reader,
    meta,
    write: writer.write,
    async compact(upTo, steps) {
      try {
        return await compactLibsql(sql, upTo, steps)
      } catch (error) {
        throw failed(error)
      }
    },
    async revisionAt(at) {
      try {
        const row = (await sql.batch([{ sql: REVISION_AT, args: [at] }], 'read'))[0]?.[0]
        return row === undefined ? undefined : int(row[0])
      } catch (error) {
        throw failed(error)
      }
    },
    async close() {
      await writer.close()
      await sql.close()
    },
  }
}

async function readMeta(sql: Sql, expectedUid: string | undefined): Promise<{ meta: Store['meta']; head: number }> {
  let answers: readonly (readonly SqlRow[])[]
  try {
    answers = await sql.batch(
      [META, TRIGGERS, READ_HEAD].map((text) => ({ sql: text, args: [] })),
      'read',
    )
  } catch (error) {
    if (error instanceof SqlError && error.message.includes('no such table')) {
      throw new StoreError('corrupt', 'the database has no kedge tables: it was never migrated', { cause: error })
    }
    throw storeError(error)
  }
  const values = new Map((answers[0] ?? []).map((row) => [String(row[0]), String(row[1])]))
  const clusterUid = values.get('cluster_uid') ?? ''
  const schemaVersion = Number(values.get('schema_version') ?? '0')
  if (schemaVersion > SCHEMA_VERSION) {
    throw new StoreError(
      'newer-schema',
      `the database has schema version ${schemaVersion}, this kedge knows ${SCHEMA_VERSION}: use a newer kedge`,
    )
  }
  if (schemaVersion < SCHEMA_VERSION) {
    throw new StoreError(
      'corrupt',
      `the database has schema version ${schemaVersion}, this kedge needs ${SCHEMA_VERSION}: migrate it first`,
    )
  }
  if (expectedUid !== undefined && expectedUid !== clusterUid) {
    throw wrongCluster(clusterUid, expectedUid)
  }
  if (int(answers[1]?.[0]?.[0]) !== 3) {
    throw new StoreError(
      'corrupt',
      'the database lacks one of the triggers log_create, log_update and log_delete: writes would be lost',
    )
  }
  const meta = { clusterUid, schemaVersion, restoreEpoch: Number(values.get('restore_epoch') ?? '0') }
  return { meta, head: int(answers[2]?.[0]?.[0]) }
}

function wrongCluster(found: string, expected: string): StoreError {
  return new StoreError('wrong-cluster', `the database belongs to cluster ${found}, not to ${expected}`)
}

/** Every failure leaves the store as a `StoreError` with its cause. */
function storeError(error: unknown): StoreError {
  if (error instanceof StoreError) return error
  if (!(error instanceof SqlError))
    return new StoreError('unavailable', `the database failed: ${String(error)}`, { cause: error })
  const corrupt = error.code.startsWith('SQLITE_CORRUPT') || error.code.startsWith('SQLITE_NOTADB')
  if (error.code.startsWith('SQLITE_FULL'))
    return new StoreError('unavailable', 'the disk of the database is full', { cause: error })
  return new StoreError(corrupt ? 'corrupt' : 'unavailable', `the database failed: ${error.message}`, { cause: error })
}
