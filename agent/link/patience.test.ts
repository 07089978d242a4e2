import { expect, it } from 'vitest'
import { Patience } from './patience.ts'

const never = new AbortController().signal
const HOUR_MS = 3_600_000

it('an answer ends a wait at once, and the next failure begins again with a short one', { timeout: 5000 }, async () => {
  // The longest waits the jitter allows: 1 s, 2 s, 4 s and so on.
  const patience = new Patience(() => 1)
  const waits = [patience.rest(0, never), patience.rest(0, never), patience.rest(0, never), patience.rest(0, never)]
  patience.end()
  await Promise.all(waits)
  const began = performance.now()
  await patience.rest(0, never)
  expect(performance.now() - began).toBeGreaterThan(900)
})

it('what the control plane asked for is waited even when it answers somebody else', async () => {
  const patience = new Patience(() => 0)
  let over = false
  const wait = patience.rest(300, never).then(() => (over = true))
  patience.end()
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(over).toBe(false)
  await wait
})

it('a stop ends every wait', { timeout: 5000 }, async () => {
  const stop = new AbortController()
  const wait = new Patience(() => 1).rest(HOUR_MS, stop.signal)
  stop.abort()
  await expect(wait).resolves.toBeUndefined()
})
