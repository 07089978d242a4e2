import { expect, test } from 'vitest'
import { tell } from './story.ts'

test.each([1, 28, 36, 49, 60, 1256])(
  'seed %i: nothing breaks a rule, what is wanted comes about, and then nobody writes',
  async (seed) => {
    const { writes, virtualMs } = await tell(seed)
    expect(writes).toBeGreaterThan(50)
    expect(virtualMs).toBeGreaterThan(30 * 60_000)
  },
)

test('the same seed tells the same story, write for write', async () => {
  const [one, again, other] = [await tell(7), await tell(7), await tell(8)]
  expect(again).toEqual(one)
  expect(other.trace).not.toBe(one.trace)
})
