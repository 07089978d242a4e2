import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Refusal } from '../../../schema/k8s/status.ts'
import { applyJsonPatch, MAX_OPERATIONS } from './json.ts'
import type { JsonMap } from './value.ts'

const DOC: JsonMap = {
  metadata: { labels: { app: 'web', 'a/b': 'c', 'x~y': 'z' } },
  spec: { replicas: 1, args: ['a', 'b', 'c'] },
}

describe('a JSON patch', () => {
  // oxlint-disable-next-line typescript/no-explicit-any -- the rows read results of every shape
  test.each<readonly [string, readonly unknown[], (doc: any) => unknown, unknown]>([
    ['adds a member', [{ op: 'add', path: '/spec/paused', value: true }], (d) => d.spec.paused, true],
    ['adds null as null', [{ op: 'add', path: '/spec/paused', value: null }], (d) => d.spec.paused, null],
    ['inserts in a list', [{ op: 'add', path: '/spec/args/1', value: 'x' }], (d) => d.spec.args, ['a', 'x', 'b', 'c']],
    ['appends with -', [{ op: 'add', path: '/spec/args/-', value: 'x' }], (d) => d.spec.args, ['a', 'b', 'c', 'x']],
    [
      'appends at the length',
      [{ op: 'add', path: '/spec/args/3', value: 'x' }],
      (d) => d.spec.args,
      ['a', 'b', 'c', 'x'],
    ],
    ['removes from a list', [{ op: 'remove', path: '/spec/args/0' }], (d) => d.spec.args, ['b', 'c']],
    [
      'knows ~1 as a slash',
      [{ op: 'replace', path: '/metadata/labels/a~1b', value: 'd' }],
      (d) => d.metadata.labels['a/b'],
      'd',
    ],
    [
      'knows ~0 as a tilde',
      [{ op: 'remove', path: '/metadata/labels/x~0y' }],
      (d) => 'x~y' in d.metadata.labels,
      false,
    ],
    [
      'moves',
      [{ op: 'move', from: '/spec/args/0', path: '/spec/first' }],
      (d) => [d.spec.first, d.spec.args],
      ['a', ['b', 'c']],
    ],
    ['copies', [{ op: 'copy', from: '/spec/args', path: '/spec/command' }], (d) => d.spec.command, ['a', 'b', 'c']],
    [
      'tests and goes on',
      [
        { op: 'test', path: '/spec/replicas', value: 1 },
        { op: 'replace', path: '/spec/replicas', value: 2 },
      ],
      (d) => d.spec.replicas,
      2,
    ],
    ['takes absent for null in a test', [{ op: 'test', path: '/spec/paused', value: null }], (d) => d.spec.replicas, 1],
    ['replaces what is not there', [{ op: 'replace', path: '/spec/nope', value: 1 }], (d) => d.spec.nope, 1],
    ['replaces the whole', [{ op: 'replace', path: '', value: { a: 1 } }], (d) => d, { a: 1 }],
    ['counts from the end', [{ op: 'remove', path: '/spec/args/-1' }], (d) => d.spec.args, ['a', 'b']],
    [
      'keeps odd names ordinary',
      [{ op: 'add', path: '/spec/__proto__', value: { x: 1 } }],
      (d) => [Object.keys(d.spec), d.spec.x],
      [['replicas', 'args', '__proto__'], undefined],
    ],
  ])('%s', (_, patch, read, expected) => {
    expect(read(applyJsonPatch(DOC, patch))).toEqual(expected)
  })

  test.each<readonly [unknown, number, string]>([
    [
      { op: 'add' },
      400,
      'error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp',
    ],
    [[{ op: 'jump', path: '/a' }], 422, 'Unexpected kind: jump'],
    [
      [{ op: 'replace', path: '/nope/x', value: 1 }],
      422,
      'replace operation does not apply: doc is missing path: /nope/x: missing value',
    ],
    [
      [{ op: 'remove', path: '/spec/nope' }],
      422,
      "error in remove for path: '/spec/nope': Unable to remove nonexistent key: nope: missing value",
    ],
    [
      [{ op: 'add', path: '/a/b/c', value: 1 }],
      422,
      'add operation does not apply: doc is missing path: "/a/b/c": missing value',
    ],
    [
      [{ op: 'add', path: '/spec/args/9', value: 1 }],
      422,
      "error in add for path: '/spec/args/9': Unable to access invalid index: 9: invalid index referenced",
    ],
    [[{ op: 'test', path: '/spec/replicas', value: 3 }], 422, 'testing value /spec/replicas failed: test failed'],
    [
      [{ op: 'replace', path: '/spec/args/7', value: 1 }],
      422,
      'replace operation does not apply: doc is missing key: /spec/args/7: missing value',
    ],
    [
      [{ op: 'copy', from: '/spec/args/x', path: '/spec/y' }],
      422,
      `error in copy for from: '/spec/args/x': strconv.Atoi: parsing "x": invalid syntax`,
    ],
    [
      [{ op: 'move', from: '/spec', path: '/spec/args' }],
      422,
      'move operation does not apply: doc is missing destination path: /spec/args: missing value',
    ],
  ])('%j is refused with %i', (patch, code, why) => {
    const refusal = refusalOf(() => applyJsonPatch(DOC, patch))
    expect(refusal.code).toBe(code)
    expect(code === 400 ? refusal.message : refusal.details?.causes?.[0]?.message).toBe(why)
  })

  test('has at most 10,000 operations', () => {
    const many = Array.from({ length: MAX_OPERATIONS + 1 }, () => ({ op: 'test', path: '/spec/replicas', value: 1 }))
    expect(refusalOf(() => applyJsonPatch(DOC, many)).code).toBe(413)
    expect(applyJsonPatch(DOC, many.slice(1))).toEqual(DOC)
  })

  test('cannot double a document without end', () => {
    const doubling = Array.from({ length: 100 }, (_, at) => ({ op: 'copy', from: '/spec', path: `/spec/${at}` }))
    const why = refusalOf(() => applyJsonPatch(DOC, doubling)).details?.causes?.[0]?.message
    expect(why).toMatch(
      /^Unable to complete the copy, the accumulated size increase of copy is \d+, exceeding the limit 3145728$/,
    )
  })

  test('leaves the document alone', () => {
    const before = JSON.stringify(DOC)
    applyJsonPatch(DOC, [
      { op: 'remove', path: '/spec/args/0' },
      { op: 'add', path: '/metadata/labels/new', value: 'x' },
    ])
    expect(JSON.stringify(DOC)).toBe(before)
  })

  test('made of one replace per member turns any map into any other', () => {
    const maps = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 5 })
    fc.assert(
      fc.property(maps, maps, (from, to) => {
        const step = (key: string): string => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
        const patch = [
          ...Object.keys(from).map((key) => ({ op: 'remove', path: step(key) })),
          ...Object.entries(to).map(([key, value]) => ({ op: 'add', path: step(key), value })),
        ]
        expect(JSON.stringify(applyJsonPatch(from, patch))).toBe(JSON.stringify(to))
      }),
    )
  })
})

function refusalOf(run: () => unknown): Refusal {
  try {
    run()
  } catch (error) {
    return error as Refusal
  }
  throw new Error('nothing was refused')
}
