import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { tempFolder } from '../test/tools/temp.ts'
import { build } from './build.js'
import { built, builtFile } from './built.js'

const run = promisify(execFile)
const builder = new URL('./build.js', import.meta.url).href

/** A project as small as one can be; its files are older than any build. */
const sources: Record<string, string> = {
  'cli/main.ts': "import { word } from './word.ts'\nconsole.log(word as string, (await import('./late.ts')).late)\n",
  'cli/word.ts': "export const word = 'first'\n",
  'cli/late.ts': 'export const late = 7\n',
  'api/platform/nodejs/writer-thread.ts': "console.log('thread')\n",
  'node_modules/.package-lock.json': '{}',
}

interface Project extends AsyncDisposable {
  readonly path: string
  write(name: string, text: string, at?: Date): void
  /** what the file says when it is run */
  says(file: string | undefined): Promise<string>
}

async function project(): Promise<Project> {
  const folder = await tempFolder()
  const write: Project['write'] = (name, text, at = new Date(Date.now() - 60_000)) => {
    const path = join(folder.path, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    utimesSync(path, at, at)
  }
  for (const [name, text] of Object.entries(sources)) write(name, text)
  return {
    path: folder.path,
    write,
    says: async (file) => (await run(process.execPath, [file ?? 'nothing'])).stdout.trim(),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

describe('a build', () => {
  test('is what the sources say, and is run until they change', async () => {
    await using of = await project()
    expect(built(of.path)).toBe(undefined)
    const first = await build(of.path)
    expect(await of.says(first)).toBe('first 7')
    expect(built(of.path)).toBe(first)

    of.write('cli/word.ts', "export const word = 'other'\n")
    expect(built(of.path)).toBe(undefined)
    const second = await build(of.path)
    expect(await of.says(second)).toBe('other 7')
    expect(built(of.path)).toBe(second)
    // Whoever runs from the first still finds all of it.
    expect(await of.says(first)).toBe('first 7')
  })

  const changes: readonly (readonly [what: string, change: (of: Project) => void])[] = [
    ['a source that is loaded late changed', (of) => of.write('cli/late.ts', 'export const late = 8\n')],
    ['a source is gone', (of) => rmSync(join(of.path, 'cli/late.ts'))],
    ['the packages were installed anew', (of) => of.write('node_modules/.package-lock.json', '{}', new Date())],
    ['the thread changed', (of) => of.write('api/platform/nodejs/writer-thread.ts', 'console.log(1)\n')],
    ['what was built is gone', (of) => rmSync(join(of.path, dirname(builtFile)), { recursive: true })],
    ['a disk lost what was written of it', (of) => of.write(builtFile, '')],
  ]
  test.each(changes)('is not run when %s', async (_, change) => {
    await using of = await project()
    await build(of.path)
    change(of)
    expect(built(of.path)).toBe(undefined)
  })

  test('is made again when a source changed while it was made', async () => {
    await using of = await project()
    of.write('cli/word.ts', "export const word = 'late'\n", new Date(Date.now() + 60_000))
    await build(of.path)
    expect(built(of.path)).toBe(undefined)
  })

  test('is the same for the processes that make it at the same time', async () => {
    await using of = await project()
    const script = `import(${JSON.stringify(builder)}).then((m) => m.build(process.argv[1])).then(console.log)`
    const made = await Promise.all([1, 2, 3, 4].map(() => run(process.execPath, ['-e', script, of.path])))
    expect(new Set(made.map(({ stdout }) => stdout.trim()))).toEqual(new Set([built(of.path)]))
    expect(await of.says(built(of.path))).toBe('first 7')
  })

  test('stays until eight newer ones have come', async () => {
    await using of = await project()
    for (let at = 0; at < 10; at++) {
      of.write('cli/word.ts', `export const word = '${at}'\n`)
      await build(of.path)
    }
    const left = readdirSync(join(of.path, dirname(builtFile)), { withFileTypes: true })
    expect(left.filter((one) => one.isDirectory()).length).toBe(8)
    expect(await of.says(built(of.path))).toBe('9 7')
  })

  test('of what does not parse names the file and the line', async () => {
    await using of = await project()
    of.write('cli/word.ts', 'export const = 1\n')
    await expect(build(of.path)).rejects.toThrow('cli/word.ts:1:13')
    expect(built(of.path)).toBe(undefined)
  })
})
