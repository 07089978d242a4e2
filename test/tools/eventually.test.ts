import { expect, test } from 'vitest'
import { eventually } from './eventually.ts'

test('looks again until nothing is thrown, and answers with what it saw', async () => {
  let looks = 0
  const seen = await eventually(
    () => {
      if (++looks < 3) throw new Error('not yet')
      return looks
    },
    { everyMs: 1 },
  )
  expect(seen).toBe(3)
})

test('false is looked at again, undefined is what an assertion answers', async () => {
  let looks = 0
  expect(await eventually(() => ++looks > 2 && 'there', { everyMs: 1 })).toBe('there')
  await eventually(() => undefined)
})

test('gives the last failure when the deadline has passed', async () => {
  const never = eventually(() => Promise.reject(new Error('phase is Pending')), { deadlineMs: 20, everyMs: 5 })
  await expect(never).rejects.toThrow('not within 20 ms: phase is Pending')
})
