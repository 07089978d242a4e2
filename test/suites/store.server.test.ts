import { afterAll, beforeAll, describe } from 'vitest'
import type { Sqld } from './sqld.ts'
import { sqldProgram, startSqld } from './sqld.ts'
import { openOnServer } from './store-build.ts'
import { storeSuite } from './store.ts'

const program = sqldProgram()
const reason = 'missing' in program ? `: ${program.missing}` : ''

describe.skipIf('missing' in program)(`a real server${reason}`, () => {
  let server: Sqld | undefined
  beforeAll(async () => {
    server = await startSqld('path' in program ? program.path : '')
  })
  afterAll(() => server?.[Symbol.asyncDispose]())
  storeSuite(
    'a libSQL server',
    openOnServer(() => server?.url ?? ''),
  )
})
