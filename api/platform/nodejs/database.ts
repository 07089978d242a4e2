/**
 * The embedded database of one cluster: a directory of its own with the file, its write-ahead log and a lock.
 *
 * Reads run on the main thread through one connection (they take microseconds), writes in a thread. The lock is a
 * second SQLite file held in an exclusive transaction for as long as the process lives: the kernel releases it on any
 * death, so nothing is left behind to clean up, and a second process on the same data is refused at once.
 */
import { chmodSync, closeSync, existsSync, openSync } from 'node:fs'
import { join } from 'node:path'
import type { Sql } from '../../store/sql.ts'
import { SqlError } from '../../store/sql.ts'
import { StoreError } from '../../store/store.ts'
import { migrate } from '../migrate.ts'
import { makeDirectory } from './files.ts'
import type { Connection } from './native.ts'
import { connect, connectionSql } from './native.ts'
import type { Writer } from './writer.ts'
import { startWriter } from './writer.ts'

export const DATABASE_FILE = 'kedge.db'
export const LOCK_FILE = 'kedge.lock'

export interface OpenDatabaseOptions {
  /** uid for a new database; an existing one keeps its own */
  readonly clusterUid?: string
  /** started ahead; this database's from here on */
  readonly writer?: Writer
}

/** Creates and migrates what is missing. Throws `StoreError`: 'locked', 'unavailable', 'newer-schema', 'corrupt'. */
export async function openDatabase(directory: string, options: OpenDatabaseOptions = {}): Promise<Sql> {
  prepareDirectory(directory)
  const lock = takeLock(directory)
  const writer = options.writer ?? startWriter()
  let reader: Connection | undefined
  try {
    const file = join(directory, DATABASE_FILE)
    reader = openFile(file)
    await migrate(connectionSql(reader), options.clusterUid ?? crypto.randomUUID())
    reader.ask('PRAGMA query_only = ON')
    await writer.open(file)
    return joined(reader, writer, lock)
  } catch (error) {
    reader?.close()
    await writer.close()
    lock.close()
    throw openError(error, directory)
  }
}

function prepareDirectory(directory: string): void {
  try {
    makeDirectory(directory)
    for (const name of [DATABASE_FILE, LOCK_FILE]) closeSync(openSync(join(directory, name), 'a', 0o600))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new StoreError('unavailable', `cannot keep data in ${directory}: ${reason}`, { cause })
  }
  chmodSync(directory, 0o700)
}

function takeLock(directory: string): Connection {
  const lock = connect(join(directory, LOCK_FILE))
  try {
    lock.ask('BEGIN EXCLUSIVE')
    return lock
  } catch (cause) {
    lock.close()
    throw new StoreError(
      'locked',
      `another process is using the data in ${directory}: stop it first, or choose another directory`,
      { cause },
    )
  }
}

function openFile(file: string): Connection {
  const connection = connect(file)
  // Both stay with the file; the page size only takes before the first table.
  if (connection.ask('PRAGMA page_count')[0]?.[0] === 0) connection.ask('PRAGMA page_size = 8192')
  connection.ask('PRAGMA journal_mode = WAL')
  connection.ask('PRAGMA busy_timeout = 5000')
  return connection
}

/** Both connections as one, and the lock that goes last. */
function joined(reader: Connection, writer: Writer, lock: Connection): Sql {
  return {
    async batch(statements, mode) {
      return mode === 'write' ? writer.run(statements) : reader.run(statements, 'read')
    },
    async close() {
      // The last connection to close writes the log back into the file.
      reader.close()
      await writer.close()
      lock.close()
    },
  }
}

function openError(error: unknown, directory: string): StoreError {
  if (error instanceof StoreError) return error
  const code = error instanceof SqlError ? error.code : ''
  const corrupt = code.startsWith('SQLITE_CORRUPT') || code.startsWith('SQLITE_NOTADB')
  const reason = error instanceof Error ? error.message : String(error)
  const file = existsSync(join(directory, DATABASE_FILE)) ? join(directory, DATABASE_FILE) : directory
  return new StoreError(corrupt ? 'corrupt' : 'unavailable', `cannot open ${file}: ${reason}`, { cause: error })
}
