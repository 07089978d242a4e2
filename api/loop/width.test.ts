import { expect, test } from 'vitest'
import { Width } from './width.ts'

test('so many at once and no more, in the order they came, also past jobs that fail', async () => {
  const width = new Width(3)
  const begun: number[] = []
  const ends: (() => void)[] = []
  const jobs = Array.from({ length: 8 }, (_, at) =>
    width.run(() => {
      begun.push(at)
      return new Promise<number>((resolve, reject) => {
        ends.push(() => (at % 2 === 0 ? resolve(at) : reject(new Error(`${at} failed`))))
      })
    }),
  )
  const results = Promise.allSettled(jobs)
  for (let ended = 0; ended < 8; ended++) {
    expect(begun).toEqual(Array.from({ length: Math.min(8, ended + 3) }, (_, at) => at))
    ends[ended]?.()
    await Promise.allSettled([jobs[ended]])
    await Promise.resolve()
  }
  expect((await results).map(({ status }) => status)).toEqual(
    Array.from({ length: 8 }, (_, at) => (at % 2 === 0 ? 'fulfilled' : 'rejected')),
  )
})
