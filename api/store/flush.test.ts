import { describe, expect, test } from 'vitest'
import type { Pending } from './flush.ts'
import { checkGroup, encodeGroup, roomFor, takeFlush, utf8Length } from './flush.ts'
import { keyText } from './key.ts'
import type { Expect, Group, Key } from './store.ts'

const key = (name: string): Key => ({ resource: 'pods', namespace: 'd', name })

const none: ReadonlyMap<string, number> = new Map()

interface Written {
  readonly writes?: Readonly<Record<string, 'absent' | number>>
  readonly guards?: Readonly<Record<string, Expect>>
  readonly lane?: 'first' | 'normal' | 'last'
  readonly size?: number
}

function pending(req: string, { writes = {}, guards = {}, lane, size = 10 }: Written): Pending {
  const group: Group = {
    effects: Object.entries(writes).map(([name, expect]) => ({
      op: 'put',
      key: key(name),
      expect,
      value: 'x'.repeat(size),
      index: {},
    })),
    guards: Object.entries(guards).map(([name, expect]) => ({ key: key(name), expect })),
    ...(lane === undefined ? {} : { lane }),
  }
  return { req, group, ...encodeGroup(req, group, []), resolve: () => undefined, reject: () => undefined }
}

const reqs = (groups: readonly Pending[]): string[] => groups.map((group) => group.req)

/** Everything in the order of its flushes. */
function flushes(waiting: Pending[], known = none): string[][] {
  const all: string[][] = []
  while (waiting.length > 0) all.push(reqs(takeFlush(waiting, known)))
  return all
}

describe('what shares a flush', () => {
  test.each<{ why: string; groups: Record<string, Written>; expected: string[][] }>([
    { why: 'different keys', groups: { a: { writes: { x: 1 } }, b: { writes: { y: 1 } } }, expected: [['a', 'b']] },
    {
      why: 'two writers of a key take turns',
      groups: { a: { writes: { x: 1 } }, b: { writes: { x: 1 } } },
      expected: [['a'], ['b']],
    },
    {
      why: 'a guard on a key another writes waits',
      groups: { a: { writes: { x: 1 } }, b: { writes: { y: 1 }, guards: { x: 1 } } },
      expected: [['a'], ['b']],
    },
    {
      why: 'a write to a key another guards waits',
      groups: { a: { writes: { y: 1 }, guards: { x: 1 } }, b: { writes: { x: 1 } } },
      expected: [['a'], ['b']],
    },
    {
      why: 'guards on one key are friends',
      groups: { a: { writes: { y: 1 }, guards: { x: 1 } }, b: { writes: { z: 1 }, guards: { x: 1 } } },
      expected: [['a', 'b']],
    },
    {
      why: 'who waits does not hold up others',
      groups: { a: { writes: { x: 1 } }, b: { writes: { x: 1 } }, c: { writes: { y: 1 } } },
      expected: [['a', 'c'], ['b']],
    },
    {
      why: 'lanes order a flush',
      groups: {
        e: { writes: { x: 1 }, lane: 'last' },
        n: { writes: { y: 1 } },
        b: { writes: { z: 1 }, lane: 'first' },
      },
      expected: [['b', 'n', 'e']],
    },
  ])('$why', ({ groups, expected }) => {
    expect(flushes(Object.entries(groups).map(([req, group]) => pending(req, group)))).toEqual(expected)
  })

  test('who expects a revision older than one seen has lost already, and all of them learn it together', () => {
    const known = new Map([[keyText(key('x')), 7]])
    const waiting = [6, 6, 5, 7, 6, 8].map((expect, n) => pending(`${n}`, { writes: { x: expect } }))
    expect(flushes(waiting, known)).toEqual([['0', '1', '2', '4'], ['3'], ['5']])
  })

  test('64 groups, or two million characters, or one larger group alone', () => {
    const many = Array.from({ length: 130 }, (_, n) => pending(`${n}`, { writes: { [`k${n}`]: 1 } }))
    expect(flushes(many).map((flush) => flush.length)).toEqual([64, 64, 2])
    const large = [0.9, 0.9, 0.9, 2.5, 0.1].map((size, n) =>
      pending(`${n}`, { writes: { [`k${n}`]: 1 }, size: size * 1e6 }),
    )
    expect(flushes(large)).toEqual([['0', '1'], ['2'], ['3'], ['4']])
  })

  test('when more waits than fits, the first lane goes first, but the oldest are not forgotten', () => {
    const events = Array.from({ length: 100 }, (_, n) => pending(`e${n}`, { writes: { [`e${n}`]: 1 }, lane: 'last' }))
    const bindings = Array.from({ length: 60 }, (_, n) => pending(`b${n}`, { writes: { [`b${n}`]: 1 }, lane: 'first' }))
    const first = reqs(takeFlush([...events, ...bindings], none))
    expect(first.slice(0, 56)).toEqual(Array.from({ length: 56 }, (_, n) => `b${n}`))
    expect(first.slice(56)).toEqual(Array.from({ length: 8 }, (_, n) => `e${n}`))
  })

  test('what matters least is refused first when too much waits', () => {
    const [first, normal, last] = (['first', undefined, 'last'] as const).map((lane) =>
      roomFor({ effects: [], ...(lane === undefined ? {} : { lane }) }),
    )
    expect(last).toBeLessThan(normal ?? 0)
    expect(normal).toBeLessThan(first ?? 0)
  })
})

describe('what is refused', () => {
  test.each([
    [
      'two effects on one key',
      { effects: [1, 2].map((expect) => ({ op: 'delete' as const, key: key('a'), expect })) },
      'two effects on pods d/a',
    ],
    [
      'a revision that cannot be',
      { effects: [{ op: 'delete' as const, key: key('a'), expect: -1 }] },
      'expects revision -1',
    ],
    [
      'more than 1,000 keys',
      { effects: [], guards: Array.from({ length: 1001 }, (_, n) => ({ key: key(`${n}`), expect: 1 })) },
      'touches 1001 keys',
    ],
  ])('%s', (_, group, message) => {
    expect(() => checkGroup(group)).toThrow(message)
  })
})

test.each([
  ['', 0],
  ['plain', 5],
  ['é', 2],
  ['€', 3],
  ['😀', 4],
  ['\u0000\u007f', 2],
])('%j has %i bytes in UTF-8', (text, bytes) => {
  expect(utf8Length(text)).toBe(bytes)
})
