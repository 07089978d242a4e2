/** No acknowledged write is lost: not to a killed process, not to a log cut short. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DATABASE_FILE, openDatabase } from '../../api/platform/nodejs/database.ts'
import { connect } from '../../api/platform/nodejs/native.ts'
import { openLibsqlStore } from '../../api/store/libsql.ts'
import { eventually } from '../tools/eventually.ts'
import { tempFolder } from '../tools/temp.ts'
import { newSealer, pod, storeOptions } from './store-build.ts'
import { cutEverywhere, randomOf } from './store-cut.ts'

/** Runs the load until `enough` writes were acknowledged, kills it, and answers what it had acknowledged. */
async function killedUnderLoad(directory: string, run: string, enough: number): Promise<ReadonlyMap<string, number>> {
  const script = new URL('store-load.ts', import.meta.url).pathname
  // A file keeps what was said whatever becomes of the speaker, and never asks it to wait.
  const path = join(directory, `${run}.acknowledged`)
  const file = openSync(path, 'w')
  const child = spawn(process.execPath, [script, directory, run], { stdio: ['ignore', file, 'inherit'] })
  const ended = once(child, 'close')
  const said = (): string => readFileSync(path, 'utf8')
  try {
    await eventually(() => said().split('\n').length > enough, { everyMs: 5, deadlineMs: 20_000 })
  } finally {
    child.kill('SIGKILL')
    await ended
    closeSync(file)
  }
  const text = said()
  // The last line may be cut off.
  const lines = text.slice(0, text.lastIndexOf('\n')).split('\n')
  return new Map(lines.map((line) => line.split(' ')).map(([name = '', revision = '']) => [name, Number(revision)]))
}

test('every write a killed process had acknowledged is there, and the data can be used at once', async () => {
  await using folder = await tempFolder()
  let highest = 0
  for (const [round, enough] of [5, 300, 1200].entries()) {
    const acknowledged = await killedUnderLoad(folder.path, `r${round}`, enough)
    expect(acknowledged.size).toBeGreaterThanOrEqual(enough)
    // Opening right away also shows that the lock died with the process.
    const store = await openLibsqlStore(await openDatabase(folder.path), storeOptions(await newSealer()))
    const found = await store.getMany([...acknowledged.keys()].map((name) => pod(name)))
    expect(found.map((item) => item?.revision)).toEqual([...acknowledged.values()])
    expect(Math.min(...acknowledged.values())).toBeGreaterThan(highest)
    highest = (await store.head()).head
    expect(highest).toBeGreaterThanOrEqual(Math.max(...acknowledged.values()))
    await store.close()
    const connection = connect(join(folder.path, DATABASE_FILE))
    expect(connection.ask('PRAGMA integrity_check')).toEqual([['ok']])
    connection.close()
  }
})

test('a log cut at any byte leaves a prefix of the history', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  const report = await cutEverywhere(20, randomOf(seed))
  expect(report.prefixes, `seed ${seed}`).toBeGreaterThan(5)
})
