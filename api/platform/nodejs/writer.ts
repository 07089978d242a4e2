/**
 * The main thread's end of the writer thread: transactions go over as messages and come back as rows.
 * When the thread dies, whatever was under way has an unknown outcome and everything later is refused.
 */
import { Worker } from 'node:worker_threads'
import type { SqlRow, SqlStatement } from '../../store/sql.ts'
import { SqlError } from '../../store/sql.ts'
import type { Ask, Told } from './writer-thread.ts'

export interface Writer {
  /** Resolves when the thread has its connection to the file and has checked that commits are durable. */
  open(file: string): Promise<void>
  run(statements: readonly SqlStatement[]): Promise<readonly (readonly SqlRow[])[]>
  close(): Promise<void>
}

interface Waiting {
  readonly resolve: (rows: readonly (readonly SqlRow[])[]) => void
  readonly reject: (error: SqlError) => void
}

/** The thread beside this file, which is a source or was built of it. */
const THREAD = import.meta.url.endsWith('.ts')
  ? new URL('./writer-thread.ts', import.meta.url)
  : new URL('./writer-thread.mjs', import.meta.url)

/** Returns at once: the thread takes some tens of milliseconds to start, in which the caller has other things to do. */
export function startWriter(): Writer {
  const worker = new Worker(THREAD, { name: 'kedge-writer' })
  const waiting = new Map<number, Waiting>()
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  let last = 0
  let dead: SqlError | undefined

  const post = (ask: Ask): void => worker.postMessage(ask)

  function die(cause: unknown): void {
    dead ??= new SqlError('refused', 'WRITER_GONE', `the writer thread has ended: ${String(cause)}`)
    for (const { reject } of waiting.values()) {
      reject(new SqlError('unknown', 'WRITER_GONE', `the writer thread ended before it answered: ${String(cause)}`))
    }
    waiting.clear()
    opened.reject(dead)
  }

  const opened = Promise.withResolvers<void>()
  // Nobody waits for it when opening fails before it is asked for.
  opened.promise.catch(() => undefined)
  worker.on('error', die)
  worker.on('exit', () => die('closed'))
  worker.on('message', (told: Told) => {
    if ('ready' in told) opened.resolve()
    else if ('failed' in told) opened.reject(new SqlError(told.failed.outcome, told.failed.code, told.failed.message))
    else {
      const asked = waiting.get(told.id)
      waiting.delete(told.id)
      if ('rows' in told) asked?.resolve(told.rows)
      else asked?.reject(new SqlError(told.error.outcome, told.error.code, told.error.message))
    }
  })

  return {
    open(file) {
      post({ open: file })
      return opened.promise
    },
    run(statements) {
      if (dead !== undefined) return Promise.reject(dead)
      const id = ++last
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject })
        post({ id, statements })
      })
    },
    async close() {
      if (dead === undefined) post({ close: true })
      await ended
    },
  }
}
