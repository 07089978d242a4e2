/** A store on the embedded file, which only Node has. */
import { openDatabase } from '../../api/platform/nodejs/database.ts'
import { openLibsqlStore } from '../../api/store/libsql.ts'
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
