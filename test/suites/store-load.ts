/**
 * A process that writes without end and says what was acknowledged, to be killed at any moment:
 * `node store-load.ts <directory> <writer name>`. Each line is `<name> <revision>`, written before anything else happens.
 */
import { writeSync } from 'node:fs'
import { openDatabase } from '../../api/platform/nodejs/database.ts'
import { openLibsqlStore } from '../../api/store/libsql.ts'
import { create, newSealer, pod, put, storeOptions, valueOf } from './store-build.ts'

const [directory = '', run = ''] = process.argv.slice(2)
const store = await openLibsqlStore(await openDatabase(directory), storeOptions(await newSealer()))

async function writer(n: number): Promise<never> {
  for (let count = 0; ; count++) {
    const name = `${run}-${n}-${count}`
    const revision = await put(store, create(pod(name), valueOf(name, { filler: 'x'.repeat(2000) })))
    writeSync(1, `${name} ${revision}\n`)
  }
}

await Promise.all(Array.from({ length: 16 }, (_, n) => writer(n)))
