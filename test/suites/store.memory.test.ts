import { openInMemory } from './store-build.ts'
import { storeSuite } from './store.ts'

storeSuite('memory', openInMemory)
