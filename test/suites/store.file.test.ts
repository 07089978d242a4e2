import { openOnFile } from './store-build.ts'
import { storeSuite } from './store.ts'

storeSuite('an embedded file', openOnFile)
