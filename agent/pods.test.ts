/** What a node says of an engine that goes away and comes back. */
import { expect, it } from 'vitest'
import type { Ground } from './ground.ts'
import { Pods } from './pods.ts'

it('an engine is down after 30 s without an answer, and up with the next', { timeout: 20_000 }, async () => {
  const engine = { up: true, breaks: new AbortController() }
  const said: (string | undefined)[] = []
  const waiting = new Map<() => void, number>()
  let nowMs = 0
  const pass = (ms: number): void => {
    nowMs += ms
    for (const [then, atMs] of waiting) if (atMs <= nowMs && waiting.delete(then)) then()
  }
  const tries = { count: 0 }
  const ground = {
    node: { clusterUid: 'c', name: 'n' },
    clock: {
      now: () => nowMs,
      at: (atMs: number, then: () => void) => {
        waiting.set(then, atMs)
        return () => waiting.delete(then)
      },
    },
    log: () => {},
    runtimeChanged: (problem: string | undefined) => said.push(problem),
    network: { attached: async () => [] },
    health: { keep: () => {} },
    driver: {
      list: async () => [],
      async *events({ opened }: { readonly opened: () => void }, signal: AbortSignal) {
        tries.count++
        if (!engine.up) throw new Error('connect ECONNREFUSED')
        opened()
        const ended = AbortSignal.any([signal, engine.breaks.signal])
        await new Promise((resolve) => ended.addEventListener('abort', resolve))
        yield* []
      },
    },
  }
  const stop = new AbortController()
  const running = new Pods(ground as unknown as Ground).run(stop.signal)
  const goAway = async (): Promise<void> => {
    engine.up = false
    const before = tries.count
    engine.breaks.abort()
    await expect.poll(() => tries.count, { timeout: 5000 }).toBeGreaterThan(before)
  }
  const comeBack = async (): Promise<void> => {
    engine.up = true
    engine.breaks = new AbortController()
    const before = tries.count
    await expect.poll(() => tries.count, { timeout: 5000 }).toBeGreaterThan(before)
  }

  await goAway()
  pass(29_000)
  await comeBack()
  pass(60_000)
  expect(said).toEqual([])

  await goAway()
  pass(29_000)
  expect(said).toEqual([])
  pass(1_000)
  expect(said).toEqual(['container runtime is down'])
  await comeBack()
  expect(said).toEqual(['container runtime is down', undefined])

  await goAway()
  stop.abort()
  await running
  pass(60_000)
  expect(said).toHaveLength(2)
})
