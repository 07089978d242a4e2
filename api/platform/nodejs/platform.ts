/**
 * The clusters of one data directory, all served by this process: `default` at `/`, the others at `/clusters/<name>`.
 * Each has a directory with a database and keys of its own; they share the process, the listener and its certificate.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { openLibsqlStore } from '../../store/libsql.ts'
import { webSealer } from '../../store/seal.ts'
import type { Sql } from '../../store/sql.ts'
import { StoreError } from '../../store/store.ts'
import { memoryBell, memoryLiveness, webRandom } from '../memory.ts'
import type { Cluster, Log, Platform } from '../port.ts'
import { nodeClock } from './clock.ts'
import { openDatabase } from './database.ts'
import { makeDirectory } from './files.ts'
import { KEYS_FILE, openKeys } from './keys.ts'
import { StartError } from './start-error.ts'
import { nodeStreams } from './streams.ts'
import { createUpgrades, type Upgrades } from './upgrades.ts'
import type { Writer } from './writer.ts'

export interface NodePlatformOptions {
  readonly dataDir: string
  /** the root that clients of this process meet */
  readonly caPem: string
  readonly log: Log
  /** Called once for each cluster, before anybody is served from it. */
  readonly opened?: (cluster: Cluster) => void
  /** Started ahead, for the first database to be opened. */
  readonly writer?: Writer
  /** Stands between a cluster's store and its database: to count what passes. */
  readonly throughSql?: (sql: Sql) => Sql
}

export interface NodePlatform extends Platform {
  readonly upgrades: Upgrades
  /** Makes the cluster if there is none of this name. Throws `StartError`. */
  createCluster(name: string): Promise<Cluster>
  /** Clusters there are on disk, `default` first. */
  names(): readonly string[]
  /** Only who may read the data directory may have it. undefined: no such cluster. */
  adminToken(name: string): Promise<string | undefined>
  /** Waits for deferred work, then closes every store. */
  close(): Promise<void>
}

interface Opened {
  readonly cluster: Cluster
  readonly adminToken: string
}

/**
 * A query costs microseconds here, and what lists under way hold is a page each. Two texts fill one of V8's pages of
 * 256 KiB; strings of more than half of one are collected late.
 */
const STREAMED = { items: { rows: 100, bytes: 262_144 }, text: { rows: 200, bytes: 122_000 } }

const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

export function openNodePlatform(options: NodePlatformOptions): NodePlatform {
  const clusters = new Map<string, Promise<Opened>>()
  const upgrades = createUpgrades()
  const deferred = new Set<Promise<unknown>>()
  const home = join(options.dataDir, 'clusters')
  let ahead = options.writer
  const throughSql = options.throughSql ?? ((sql: Sql) => sql)
  const directoryOf = (name: string): string => join(home, name)

  function opened(name: string): Promise<Opened> {
    const known = clusters.get(name)
    if (known !== undefined) return known
    const opening = openCluster(name, directoryOf(name))
    clusters.set(name, opening)
    // A failure is told to whoever asked, and may be tried again.
    opening.catch(() => clusters.delete(name))
    return opening
  }

  async function openCluster(name: string, directory: string): Promise<Opened> {
    let opened: { close(): Promise<void> } | undefined
    try {
      makeDirectory(directory)
      const { clusterUid, keys, adminToken } = await openKeys(directory, options.caPem)
      const bell = memoryBell()
      const writer = ahead
      ahead = undefined
      const sql = throughSql(await openDatabase(directory, { clusterUid, ...(writer === undefined ? {} : { writer }) }))
      opened = sql
      const store = await openLibsqlStore(sql, {
        sealer: webSealer(keys.sealing),
        clusterUid,
        now: nodeClock.now,
        requestId: () => crypto.randomUUID(),
        sleep: (ms) => nodeClock.sleep(ms),
        streamed: STREAMED,
        onCommit: (touched) => bell.ring(touched),
      })
      opened = store
      const cluster: Cluster = {
        name,
        uid: clusterUid,
        store,
        bell,
        keys,
        clock: nodeClock,
        random: webRandom(),
        live: memoryLiveness(nodeClock.now()),
        streams: nodeStreams({ bell, clock: nodeClock, upgrades }),
        log: options.log,
        defer,
      }
      options.opened?.(cluster)
      return { cluster, adminToken }
    } catch (error) {
      await opened?.close()
      throw startError(error, directory)
    }
  }

  function defer(work: Promise<unknown>): void {
    const settled = work
      .catch((error: unknown) => options.log.warn('deferred work failed', { error }))
      .finally(() => deferred.delete(settled))
    deferred.add(settled)
  }

  const exists = (name: string): boolean => NAME.test(name) && existsSync(join(directoryOf(name), KEYS_FILE))

  return {
    upgrades,
    async open(name) {
      const known = clusters.get(name)
      if (known !== undefined) return (await known).cluster
      return exists(name) ? (await opened(name)).cluster : undefined
    },
    async createCluster(name) {
      if (!NAME.test(name))
        throw new StartError(`cluster name ${JSON.stringify(name)}: must be a lower case DNS label, such as team-1`)
      return (await opened(name)).cluster
    },
    names() {
      const found = existsSync(home) ? readdirSync(home).filter(exists) : []
      return found.toSorted(
        (one, other) => Number(other === 'default') - Number(one === 'default') || (one < other ? -1 : 1),
      )
    },
    async adminToken(name) {
      return clusters.has(name) || exists(name) ? (await opened(name)).adminToken : undefined
    },
    async close() {
      await Promise.allSettled(deferred)
      const all = await Promise.allSettled(clusters.values())
      for (const one of all) if (one.status === 'fulfilled') await one.value.cluster.store.close()
      clusters.clear()
    },
  }
}

function startError(error: unknown, directory: string): unknown {
  if (error instanceof StoreError) {
    const { message } = error
    const named = message.includes(directory) ? message : `cannot use the data in ${directory}: ${message}`
    return new StartError(named, { cause: error })
  }
  if (error instanceof Error && 'syscall' in error) {
    return new StartError(`cannot keep data in ${directory}: ${error.message}`, { cause: error })
  }
  return error
}
