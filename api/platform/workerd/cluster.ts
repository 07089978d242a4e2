/** A cluster as workerd sees it: its database over HTTP, and the ports of whoever opens it, a Worker or the object. */
import { type DatabaseMemory, openLibsqlStore } from '../../store/libsql.ts'
import { webSealer } from '../../store/seal.ts'
import type { Touched } from '../../store/store.ts'
import { httpSql } from '../http-sql.ts'
import { webRandom } from '../memory.ts'
import type { Bell, Clock, Cluster, Liveness, Log, Streams } from '../port.ts'
import { importKeys } from './environment.ts'
import type { ClusterSettings } from './settings.ts'

export interface ClusterPorts {
  readonly bell: Bell
  readonly live: Liveness
  readonly streams: Streams
  readonly defer: (work: Promise<unknown>) => void
  /** after each commit of this process */
  readonly onCommit: (touched: Touched) => void
}

/** By cluster uid: a database is checked once per isolate, not once per request. */
const memories = new Map<string, DatabaseMemory>()

export async function openCluster(name: string, settings: ClusterSettings, ports: ClusterPorts): Promise<Cluster> {
  const keys = await importKeys(settings)
  const memory = memories.get(settings.uid) ?? { head: 0 }
  memories.set(settings.uid, memory)
  const store = await openLibsqlStore(httpSql(databaseOf(settings)), {
    sealer: webSealer(keys.sealing),
    clusterUid: settings.uid,
    now: () => Date.now(),
    requestId: () => crypto.randomUUID(),
    sleep: (ms) => clock.sleep(ms),
    onCommit: ports.onCommit,
    inFlight: 4,
    memory,
  })
  return { name, uid: settings.uid, store, keys, clock, random: webRandom(), log, ...ports }
}

function databaseOf({ url, authToken }: ClusterSettings): { readonly url: string; readonly authToken?: string } {
  return authToken === undefined ? { url } : { url, authToken }
}

const clock: Clock = {
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
const log: Log = {
  info: (message, fields) => console.log(JSON.stringify({ level: 'info', message, ...fields })),
  warn: (message, fields) => console.warn(JSON.stringify({ level: 'warn', message, ...fields })),
  error: (message, fields) => console.error(JSON.stringify({ level: 'error', message, ...fields })),
}
