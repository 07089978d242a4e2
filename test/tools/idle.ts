/**
 * What an idle cluster does to its database, seen twice: by the counter between store and database, and by the kernel,
 * which knows what the process really wrote and when the files last changed.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from './eventually.ts'
import type { RunningCluster } from './kedge.ts'

export interface Idle {
  readonly seconds: number
  readonly sql: { readonly reads: number; readonly writes: number; readonly statements: number; readonly rows: number }
  /** files of the database whose size or time of change is another than before */
  readonly changed: readonly string[]
  /** bytes the process sent towards a disk: /proc/<pid>/io write_bytes */
  readonly written: number
}

/** For a cluster started with KEDGE_COUNT_SQL=1. */
export async function watchIdle(cluster: RunningCluster, seconds: number): Promise<Idle> {
  await countOf(cluster)
  const before = { files: filesOf(cluster.dataDir), written: writtenBy(cluster.pid) }
  await sleep(seconds * 1000)
  const files = filesOf(cluster.dataDir)
  const written = writtenBy(cluster.pid) - before.written
  const names = new Set([...before.files.keys(), ...files.keys()])
  const changed = [...names].filter((name) => before.files.get(name) !== files.get(name))
  return { seconds, sql: await countOf(cluster), changed, written }
}

/** Asks with SIGUSR2; the count starts anew. */
async function countOf(cluster: RunningCluster): Promise<Idle['sql']> {
  const said = (): readonly string[] => cluster.output().match(/(?<=^kedge: sql ).*$/gm) ?? []
  const before = said().length
  process.kill(cluster.pid, 'SIGUSR2')
  const text = await eventually(() => said()[before] ?? false)
  return JSON.parse(text) as Idle['sql']
}

function filesOf(dataDir: string): ReadonlyMap<string, string> {
  const folder = join(dataDir, 'clusters', 'default')
  const found = new Map<string, string>()
  for (const name of readdirSync(folder)) {
    const { size, mtimeMs } = statSync(join(folder, name))
    found.set(name, `${size} ${mtimeMs}`)
  }
  return found
}

function writtenBy(pid: number): number {
  return Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1])
}
