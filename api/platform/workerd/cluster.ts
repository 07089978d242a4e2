/** A cluster as workerd sees it: its database over HTTP, and the ports of whoever opens it, a Worker or the object. */
import { type DatabaseMemory, openLibsqlStore } from '../../store/libsql.ts'
import { READ_HEAD } from '../../store/read-sql.ts'
import { webSealer } from '../../store/seal.ts'
import type { Touched } from '../../store/store.ts'
import { httpSql } from '../http-sql.ts'
import { webRandom } from '../memory.ts'
import type { Bell, Clock, Cluster, Liveness, Log, Streams } from '../port.ts'
import { importKeys } from './environment.ts'
import { Gate, gated } from './gate.ts'
import type { ClusterSettings } from './settings.ts'

export interface ClusterPorts {
  readonly bell: Bell
  readonly live: Liveness
  readonly streams: Streams
  readonly defer: (work: Promise<unknown>) => void
  /** after each commit of this process */
  readonly onCommit: (touched: Touched) => void
  /** the first opening in this isolate, with the head of the log */
  readonly opened?: (head: number) => void
}

/** By cluster uid: a database is checked once per isolate, not once per request. */
const memories = new Map<string, DatabaseMemory>()
const gates = new Map<string, Gate>()

export async function openCluster(name: string, settings: ClusterSettings, ports: ClusterPorts): Promise<Cluster> {
  const keys = await importKeys(settings)
  const memory = memories.get(settings.uid) ?? { head: 0 }
  const isFirst = memory.meta === undefined
  const gate = gates.get(settings.uid) ?? new Gate()
  gates.set(settings.uid, gate)
  const store = await openLibsqlStore(gated(httpSql(databaseOf(settings)), gate), {
    sealer: webSealer(keys.sealing),
    clusterUid: settings.uid,
    now: () => Date.now(),
    requestId: () => crypto.randomUUID(),
    sleep: (ms) => clock.sleep(ms),
    onCommit: ports.onCommit,
    inFlight: 4,
    memory,
  })
  memories.set(settings.uid, memory)
  if (isFirst) ports.opened?.(memory.head)
  const { bell, live, streams, defer } = ports
  return { name, uid: settings.uid, store, keys, clock, random: webRandom(), log, bell, live, streams, defer }
}

/** The head of the log, and nothing else: the cheapest question there is. */
export async function headOf(settings: ClusterSettings): Promise<number> {
  const sql = httpSql(databaseOf(settings))
  try {
    const [rows] = await sql.batch([{ sql: READ_HEAD, args: [] }], 'read')
    return Number(rows?.[0]?.[0] ?? 0)
  } finally {
    await sql.close()
  }
}

function databaseOf({ url, authToken }: ClusterSettings): { readonly url: string; readonly authToken?: string } {
  return authToken === undefined ? { url } : { url, authToken }
}

export const clock: Clock = {
  now: () => Date.now(),
  sleep(ms, signal) {
    return new Promise((resolve) => {
      if (signal?.aborted === true) return resolve()
      const done = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal?.addEventListener('abort', done)
    })
  },
}

/** Structured lines; the platform collects them. */
export const log: Log = {
  info: (message, fields) => console.log(JSON.stringify({ level: 'info', message, ...fields })),
  warn: (message, fields) => console.warn(JSON.stringify({ level: 'warn', message, ...fields })),
  error: (message, fields) => console.error(JSON.stringify({ level: 'error', message, ...fields })),
}
