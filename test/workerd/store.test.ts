/** What being a store means, inside workerd: the twin in memory, and a libSQL server over its `fetch`. */
import { describe, inject } from 'vitest'
import { openInMemory, openOnServer } from '../suites/store-build.ts'
import { storeSuite } from '../suites/store.ts'

storeSuite('memory', openInMemory)

const sqld = inject('sqld')
const reason = 'missing' in sqld ? `: ${sqld.missing}` : ''

describe.skipIf('missing' in sqld)(`a real server${reason}`, () => {
  storeSuite(
    'a libSQL server',
    openOnServer(() => ('url' in sqld ? sqld.url : '')),
  )
})
