/**
 * What a crash may leave behind: a copy of the database with its write-ahead log cut at any byte. Whatever the cut, the
 * copy must open, pass `integrity_check`, and hold a prefix of the history with `keys` in step.
 */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DATABASE_FILE, openDatabase } from '../../api/platform/nodejs/database.ts'
import { connect } from '../../api/platform/nodejs/native.ts'
import { openLibsqlStore } from '../../api/store/libsql.ts'
import type { SqlRow } from '../../api/store/sql.ts'
import type { Store } from '../../api/store/store.ts'
import { tempFolder } from '../tools/temp.ts'
import { CLUSTER, create, newSealer, pod, put, remove, storeOptions, update, valueOf } from './store-build.ts'

const HISTORY = 'SELECT rev, op, resource, namespace, name, create_rev, prev_rev, value FROM log ORDER BY rev'
const KEYS = 'SELECT resource, namespace, name, create_rev, rev FROM keys ORDER BY 1, 2, 3'

export interface CutReport {
  readonly cuts: number
  /** how many different prefixes of the history were seen */
  readonly prefixes: number
  readonly walBytes: number
}

/** Throws at the first cut that is not a prefix. `random` in [0, 1) chooses the cuts; frame borders are among them. */
export async function cutEverywhere(cuts: number, random: () => number): Promise<CutReport> {
  await using source = await tempFolder()
  await using target = await tempFolder()
  const sealer = await newSealer()
  const first = await openLibsqlStore(await openDatabase(source.path, { clusterUid: CLUSTER }), storeOptions(sealer))
  await load(first, 60, random)
  await first.close()

  // The second session stays below the checkpoint, so that the file is as the first one left it.
  const second = await openLibsqlStore(await openDatabase(source.path), storeOptions(sealer))
  await load(second, 120, random)
  const database = join(source.path, DATABASE_FILE)
  const wal = readFileSync(`${database}-wal`)
  const whole = connect(database)
  const history = whole.ask(HISTORY)
  whole.close()

  const prefixes = new Set<number>()
  const frame = 24 + 8192
  for (let n = 0; n < cuts; n++) {
    const anywhere = Math.floor(random() * (wal.length + 1))
    const border = 32 + Math.floor(anywhere / frame) * frame
    const length = n % 4 === 0 ? Math.min(wal.length, border + ((n / 4) % 3) - 1) : anywhere
    const copy = join(target.path, `${n}.db`)
    copyFileSync(database, copy)
    writeFileSync(`${copy}-wal`, wal.subarray(0, length))
    prefixes.add(checkPrefix(copy, history, length))
  }
  await second.close()
  return { cuts, prefixes: prefixes.size, walBytes: wal.length }
}

function checkPrefix(file: string, history: readonly SqlRow[], cut: number): number {
  const connection = connect(file)
  const integrity = connection.ask('PRAGMA integrity_check')[0]?.[0]
  if (integrity !== 'ok') throw new Error(`cut at ${cut}: integrity_check says ${integrity}`)
  const rows = connection.ask(HISTORY)
  if (JSON.stringify(rows) !== JSON.stringify(history.slice(0, rows.length)))
    throw new Error(`cut at ${cut}: not a prefix`)
  const keys = JSON.stringify(connection.ask(KEYS))
  connection.close()
  const expected = JSON.stringify(replay(rows))
  if (keys !== expected) throw new Error(`cut at ${cut}: keys are not in step with the log`)
  return rows.length
}

/** The rows of `keys` that a history leads to. */
function replay(history: readonly SqlRow[]): SqlRow[] {
  const keys = new Map<string, SqlRow>()
  for (const [rev, op, resource, namespace, name, createRev] of history) {
    if (op === 0 || rev === undefined || resource === undefined || namespace === undefined || name === undefined)
      continue
    const at = `${resource}\u0000${namespace}\u0000${name}`
    if (op === 3) keys.delete(at)
    else keys.set(at, [resource, namespace, name, createRev ?? rev, rev])
  }
  return [...keys].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)
}

/** mulberry32: the same numbers for the same seed. */
export function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

async function load(store: Store, rounds: number, random: () => number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const writes = Array.from({ length: 1 + Math.floor(random() * 6) }, async (_, n) => {
      const at = pod(`p${n}-${round % 5}`)
      const value = valueOf(at.name, { filler: 'x'.repeat(Math.floor(random() * 6000)), round })
      const current = await store.get(at)
      if (current === undefined) await put(store, create(at, value, { nodeName: `n${n}`, owner: 'o' }))
      else if (random() < 0.3) await put(store, remove(at, current.revision))
      else await put(store, update(at, current.revision, value, { labels: { round: String(round) } }))
    })
    await Promise.all(writes)
  }
}
