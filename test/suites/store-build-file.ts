/** A store on the embedded file, which only Node has. */
import { join } from 'node:path'
import { DATABASE_FILE, openDatabase } from '../../api/platform/nodejs/database.ts'
import { connect } from '../../api/platform/nodejs/native.ts'
import type { LibsqlStoreOptions } from '../../api/store/libsql.ts'
import { openLibsqlStore } from '../../api/store/libsql.ts'
import type { Sealer } from '../../api/store/seal.ts'
import type { Store } from '../../api/store/store.ts'
import { tempFolder } from '../tools/temp.ts'
import { CLUSTER, newSealer, type Opening, storeOptions } from './store-build.ts'

export const openOnFile: Opening = async (options = {}) => {
  const folder = await tempFolder()
  const sql = await openDatabase(folder.path, { clusterUid: CLUSTER })
  const store = await openLibsqlStore(options.wrap?.(sql) ?? sql, storeOptions(await newSealer(), options))
  return {
    store,
    async [Symbol.asyncDispose]() {
      await store.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}

export async function openStore(path: string, sealer: Sealer, more: Partial<LibsqlStoreOptions> = {}): Promise<Store> {
  const sql = await openDatabase(path, { clusterUid: CLUSTER })
  try {
    return await openLibsqlStore(sql, { ...storeOptions(sealer), ...more })
  } catch (error) {
    await sql.close()
    throw error
  }
}

/** Changes the file behind the store's back. */
export function meddle(path: string, sql: string): void {
  const connection = connect(join(path, DATABASE_FILE))
  connection.ask(sql)
  connection.close()
}
