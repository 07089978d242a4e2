/**
 * The main thread's end of the writer thread: transactions go over as messages and come back as rows.
 * When the thread dies, whatever was under way has an unknown outcome and everything later is refused.
 */
import { Worker } from 'node:worker_threads'
import type { SqlRow, SqlStatement } from '../../store/sql.ts'
import { SqlError } from '../../store/sql.ts'
import type { Ask, Told } from './writer-thread.ts'

export interface Writer {
  run(statements: readonly SqlStatement[]): Promise<readonly (readonly SqlRow[])[]>
  close(): Promise<void>
}

interface Waiting {
  readonly resolve: (rows: readonly (readonly SqlRow[])[]) => void
  readonly reject: (error: SqlError) => void
}

/** Resolves when the thread has its connection and has checked that commits are durable. */
export async function startWriter(file: string): Promise<Writer> {
  const worker = new Worker(new URL('./writer-thread.ts', import.meta.url), { workerData: file, name: 'kedge-writer' })
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
  }

  await new Promise<void>((resolve, reject) => {
    worker.on('error', (error) => {
      die(error)
      reject(error)
    })
    worker.on('exit', () => die('closed'))
    worker.on('message', (told: Told) => {
      if ('ready' in told) resolve()
      else if ('failed' in told) reject(new SqlError(told.failed.outcome, told.failed.code, told.failed.message))
      else {
        const asked = waiting.get(told.id)
        waiting.delete(told.id)
        if ('rows' in told) asked?.resolve(told.rows)
        else asked?.reject(new SqlError(told.error.outcome, told.error.code, told.error.message))
      }
    })
  })

  return {
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
