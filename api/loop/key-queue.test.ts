import fc from 'fast-check'
import { expect, test } from 'vitest'
import { KeyQueue } from './key-queue.ts'

test('a key named many times is taken once, and again when it is named again', () => {
  const queue = new KeyQueue()
  for (const key of ['a', 'b', 'a', 'a']) queue.add(key)
  expect(queue.take(0, 10)).toEqual(['a', 'b'])
  expect(queue.take(0, 10)).toEqual([])
  queue.add('a')
  expect(queue.take(0, 10)).toEqual(['a'])
})

test('no more are taken than asked for, the rest stays', () => {
  const queue = new KeyQueue()
  for (const key of ['a', 'b', 'c']) queue.add(key)
  expect(queue.take(0, 2)).toEqual(['a', 'b'])
  expect(queue.nextAt()).toBe(0)
  expect(queue.take(0, 2)).toEqual(['c'])
  expect(queue.nextAt()).toBeUndefined()
})

test('a key with a time waits for the earliest one named, and not once it was planned', () => {
  const queue = new KeyQueue()
  queue.addAt('a', 100)
  queue.addAt('a', 50)
  queue.addAt('a', 70)
  expect(queue.nextAt()).toBe(50)
  expect(queue.take(49, 10)).toEqual([])
  expect(queue.take(50, 10)).toEqual(['a'])
  queue.addAt('b', 80)
  queue.add('b')
  expect(queue.take(60, 10)).toEqual(['b'])
  expect(queue.nextAt()).toBeUndefined()
})

test('a key that is refused waits twice as long each time, up to a minute, whatever changes meanwhile', () => {
  const queue = new KeyQueue()
  const waits: number[] = []
  let now = 1_000
  for (let count = 0; count < 14; count++) {
    queue.failed('a', now, 'quota')
    queue.add('a')
    const next = queue.nextAt() ?? 0
    waits.push(next - now)
    expect(queue.take(next - 1, 10)).toEqual([])
    expect(queue.take(next, 10)).toEqual(['a'])
    now = next
  }
  expect(waits.slice(0, 4)).toEqual([50, 100, 200, 400])
  expect(waits.at(-1)).toBe(60_000)
  expect(queue.tries('a')).toMatchObject({ attempt: 14, failure: 'quota' })
  queue.succeeded('a')
  expect(queue.tries('a')).toEqual({ attempt: 0 })
})

test('a lost race is tried again at once, three times', () => {
  const queue = new KeyQueue()
  for (let count = 0; count < 3; count++) {
    queue.failed('a', 1_000)
    expect(queue.take(1_000, 10)).toEqual(['a'])
  }
  queue.failed('a', 1_000)
  expect(queue.take(1_000, 10)).toEqual([])
  expect(queue.nextAt()).toBeGreaterThan(1_000)
})

test('whatever comes in whatever order, a key comes out when it was named or its earliest time has come', () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd', 'e')
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const), key }),
    fc.record({ do: fc.constant('at' as const), key, in: fc.integer({ min: -5, max: 40 }) }),
    fc.record({ do: fc.constant('take' as const), limit: fc.integer({ min: 1, max: 3 }), after: fc.nat(20) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new KeyQueue()
      const due = new Map<string, number>()
      let now = 100
      for (const one of steps) {
        if (one.do === 'add') queue.add(one.key)
        else if (one.do === 'at') queue.addAt(one.key, now + one.in)
        if (one.do !== 'take') {
          const at = one.do === 'add' ? 0 : now + one.in
          due.set(one.key, Math.min(at, due.get(one.key) ?? at))
          continue
        }
        now += one.after
        const ready = [...due].filter(([, at]) => at <= now).map(([name]) => name)
        const taken = queue.take(now, one.limit)
        expect(taken).toHaveLength(Math.min(one.limit, ready.length))
        expect(ready).toEqual(expect.arrayContaining([...taken]))
        for (const name of taken) due.delete(name)
        const times = [...due.values()].map((at) => (at <= now ? 0 : at))
        expect(queue.nextAt()).toBe(times.length === 0 ? undefined : Math.min(...times))
      }
    }),
  )
})
