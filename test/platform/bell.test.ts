import { expect, test } from 'vitest'
import { memoryBell } from '../../api/platform/memory.ts'
import { bellSuite } from '../suites/bell.ts'

bellSuite('memory', memoryBell)

test('a ring without resources wakes the node for a stream, whatever the revision', async () => {
  const bell = memoryBell()
  const listener = bell.listen({ node: 'n1' }, 9)
  bell.ring({ revision: 0, resources: [], nodes: ['n1'] })
  expect(await listener.next(AbortSignal.timeout(60))).toBe(9)
})
