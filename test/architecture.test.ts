// The import law. A room is a folder, or a file that stands alone; its row says what it may import. The table is
// explained in ARCHITECTURE.md and changes in the same commit as the room.
import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join, posix } from 'node:path'
import { type EcmaScriptModule, type ParseResult, parseSync, Visitor } from 'oxc-parser'
import { describe, expect, test } from 'vitest'
import { law, port, type Row } from './law.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The rooms of the table, and nothing above them: `agent` is its own files, not `agent/plan`. */
function roomOf(path: string, rows: readonly Row[]): Row | undefined {
  const inside = rows.filter((row) => path === row.room || path.startsWith(`${row.room}/`))
  return inside.toSorted((one, other) => other.room.length - one.room.length)[0]
}

/** What is wrong with one file, as sentences. A test beside a source may use the tools of tests as well. */
function violations(path: string, source: string, rows: readonly Row[] = law): string[] {
  const row = roomOf(path, rows)
  if (row === undefined) return [`${path} is in no room of the table`]
  const isTest = path.endsWith('.test.ts')
  const outside = isTest ? [...row.outside, 'vitest', 'fast-check', 'node:'] : row.outside
  const ours = isTest ? [...row.ours, 'test'] : row.ours
  const wrong: string[] = []
  const { module, program, comments, errors } = parseSync(path, source)
  if (errors.length > 0) return [`${path} does not parse: ${errors[0]?.message}`]
  for (const { from, typeOnly } of [...importsOf(module, source), ...workersOf(program)]) {
    if (from === undefined) {
      if (row.computed !== true) wrong.push(`${path} imports what only running it can tell`)
    } else if (!from.startsWith('.')) {
      if (
        !outside.some(
          (name) => name === '*' || from === name || from.startsWith(name.endsWith(':') ? name : `${name}/`),
        )
      )
        wrong.push(`${path} imports ${from}, and ${row.room} may not`)
    } else {
      const target = posix.join(posix.dirname(path), from)
      const room = roomOf(target, rows)
      if (room === undefined) wrong.push(`${path} imports ${target}, which is in no room of the table`)
      else if (room !== row && !(row.room === 'test') && !ours.includes(room.room))
        wrong.push(`${path} imports ${target}, and ${row.room} may not import ${room.room}`)
    }
    if (path === port && !typeOnly) wrong.push(`${path} holds types only, and imports a value from ${from}`)
  }
  for (const { value } of comments) {
    if (/(?:oxlint|eslint)-disable/.test(value) && !/ -- \w.{9,}/.test(value))
      wrong.push(`${path} switches a rule off and gives no reason:${value}`)
  }
  return wrong
}

interface Import {
  /** undefined when it is not a literal */
  readonly from: string | undefined
  readonly typeOnly: boolean
}

function importsOf(module: EcmaScriptModule, source: string): Import[] {
  return [
    ...module.staticImports.map(({ moduleRequest, entries }) => ({
      from: moduleRequest.value,
      typeOnly: entries.length > 0 && entries.every((entry) => entry.isType),
    })),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap(({ moduleRequest, isType }) =>
        moduleRequest ? [{ from: moduleRequest.value, typeOnly: isType }] : [],
      ),
    ),
    ...module.dynamicImports.map(({ moduleRequest }) => ({
      from: /^['"]([^'"]+)['"]$/.exec(source.slice(moduleRequest.start, moduleRequest.end))?.[1],
      typeOnly: false,
    })),
  ]
}

/** A worker is started by the address of its file, `new URL('./a.ts', import.meta.url)`: that binds as an import does. */
function workersOf(program: ParseResult['program']): Import[] {
  const found: Import[] = []
  const visitor = new Visitor({
    NewExpression({ callee, arguments: [address] }) {
      if (callee.type !== 'Identifier' || callee.name !== 'URL' || address?.type !== 'Literal') return
      if (typeof address.value === 'string' && /^\.{1,2}\/.*\.[jt]s$/.test(address.value))
        found.push({ from: address.value, typeOnly: false })
    },
  })
  visitor.visit(program)
  return found
}

const files = globSync('{schema,migrations,api,agent,cli,bin,test}/**/*.{ts,js}', { cwd: root })

test('every import obeys the table, and every file belongs to a room', () => {
  const wrong = files.flatMap((path) => violations(path, readFileSync(join(root, path), 'utf8')))
  expect(wrong).toEqual([])
})

test('every pure room is compiled with the language library only, and the linter keeps its clock out', () => {
  const read = (name: string) => JSON.parse(readFileSync(join(root, name), 'utf8'))
  const pure = law.filter((row) => row.pure).map((row) => `${row.room}/**`)
  expect(read('tsconfig.pure.json').include.toSorted()).toEqual(pure.map((glob) => `${glob}/*.ts`).toSorted())
  expect(read('.oxlintrc.json').overrides[0].files.toSorted()).toEqual(pure.toSorted())
})

describe('the law notices', () => {
  const planted: readonly (readonly [name: string, path: string, source: string, said: string])[] = [
    [
      'a room that imports upwards',
      'api/plan/a.ts',
      "import { b } from '../loop/b.ts'",
      'api/plan may not import api/loop',
    ],
    [
      'a type that goes upwards',
      'api/kinds/a.ts',
      "import type { B } from '../registry/b.ts'",
      'may not import api/registry',
    ],
    ['a re-export', 'api/store/a.ts', "export * from '../../schema/k8s/meta.ts'", 'may not import schema/k8s'],
    [
      'a re-exported name',
      'api/store/a.ts',
      "export { b } from '../../schema/k8s/meta.ts'",
      'may not import schema/k8s',
    ],
    [
      'an import that happens later',
      'agent/link/a.ts',
      "await import('../driver/docker.ts')",
      'may not import agent/driver',
    ],
    ['an import nobody can read', 'agent/link/a.ts', 'await import(name)', 'what only running it can tell'],
    ['a worker', 'api/http/a.ts', "new Worker(new URL('../loop/a.ts', import.meta.url))", 'may not import api/loop'],
    ['an import for its effect', 'api/kinds/a.ts', "import '../registry/b.ts'", 'may not import api/registry'],
    ['the other half', 'agent/agent.ts', "import { b } from '../api/store/store.ts'", 'agent may not import api/store'],
    ['a package', 'api/kinds/a.ts', "import { z } from 'zod'", 'imports zod, and api/kinds may not'],
    ['a package whose name begins alike', 'api/http/a.ts', "import { z } from 'hono-extra'", 'imports hono-extra'],
    ['a module of Node in a pure room', 'agent/plan/a.ts', "import { join } from 'node:path'", 'imports node:path'],
    [
      'a product that imports its tests',
      'api/http/a.ts',
      "import { aPod } from '../../test/build/pod.ts'",
      'may not import test',
    ],
    ['a file in no room', 'api/cache/a.ts', '', 'is in no room'],
    ['an import of a file in no room', 'api/http/a.ts', "import { b } from '../cache/b.ts'", 'is in no room'],
    ['a value in the port', port, "import { b } from '../store/store.ts'", 'holds types only'],
    ['a rule switched off in silence', 'api/http/a.ts', '// oxlint-disable-next-line no-eval\n', 'gives no reason'],
  ]
  test.each(planted)('%s', (_name, path, source, said) => {
    expect(violations(path, source)).toEqual([expect.stringContaining(said)])
  })

  const allowed: readonly (readonly [name: string, path: string, source: string])[] = [
    ['its own room', 'api/plan/a.ts', "import { b } from './b.ts'"],
    ['a deeper file of its own room', 'api/http/a.ts', "import { b } from './table/b.ts'"],
    ['a folder of a package', 'api/store/a.ts', "import { b } from 'drizzle-orm/sqlite-core'"],
    ['a module of Node', 'agent/driver/a.ts', "import { b } from 'node:fs/promises'"],
    ['the port', 'api/loop/a.ts', "import type { Clock } from '../platform/port.ts'"],
    [
      'test tools in a test beside a source',
      'api/plan/a.test.ts',
      "import { aPod } from '../../test/build/pod.ts'\nimport 'vitest'",
    ],
    [
      'a rule switched off with a reason',
      'api/http/a.ts',
      '// oxlint-disable-next-line no-eval -- upstream sends it so\n',
    ],
  ]
  test.each(allowed)('nothing about %s', (_name, path, source) => {
    expect(violations(path, source)).toEqual([])
  })
})
