import { openOnFile } from './store-build-file.ts'
import { storeSuite } from './store.ts'

storeSuite('an embedded file', openOnFile)
