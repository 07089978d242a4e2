import { execFile } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { tempFolder } from '../test/tools/temp.ts'
import { build } from './build.js'
import { buildsFolder, built, builtFile } from './built.js'
import { root } from './node.js'

const run = promisify(execFile)
const builder = new URL('./build.js', import.meta.url).href

/** A project as small as one can be. */
const sources: Record<string, string> = {
  'package.json': '{"type":"module"}',
  'cli/main.ts':
    "import { word } from './word.ts'\nimport { seven } from 'seven'\nconsole.log(word as string, seven, (await import('./late.ts')).late)\n",
  'cli/word.ts': "export const word = 'first'\n",
  'cli/late.ts': 'export const late = 8\n',
  'api/platform/nodejs/writer-thread.ts': "console.log('thread')\n",
  'node_modules/seven/package.json': '{"name":"seven","type":"module","exports":"./index.js"}',
  'node_modules/seven/index.js': 'export const seven = 7\n',
}

interface Project extends AsyncDisposable {
  readonly path: string
  write(name: string, text: string): void
  /** the names of the builds that lie there */
  builds(): readonly string[]
  /** what the file says when it is run */
  says(file: string | undefined): Promise<string>
}

async function project(): Promise<Project> {
  const folder = await tempFolder()
  const write: Project['write'] = (name, text) => {
    mkdirSync(dirname(join(folder.path, name)), { recursive: true })
    writeFileSync(join(folder.path, name), text)
  }
  for (const [name, text] of Object.entries(sources)) write(name, text)
  return {
    path: folder.path,
    write,
    builds: () => readdirSync(join(folder.path, buildsFolder)).filter((name) => /^[0-9a-f]+$/.test(name)),
    says: async (file) => (await run(process.execPath, [file ?? 'nothing'])).stdout.trim(),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

/** The last of the files that were built, which is not the one that is started. */
const lateFile = (of: Project): string => {
  const [name = ''] = of.builds()
  const late = readdirSync(join(of.path, buildsFolder, name)).find((file) => /^late-.*\.mjs$/.test(file))
  return join(of.path, buildsFolder, name, late ?? '')
}

describe('a build', () => {
  test('is what the sources say, and is run until they change', async () => {
    await using of = await project()
    expect(built(of.path)).toBe(undefined)
    const first = await build(of.path)
    expect(await of.says(first)).toBe('first 7 8')
    expect(built(of.path)).toBe(first)

    of.write('cli/word.ts', "export const word = 'other'\n")
    expect(built(of.path)).toBe(undefined)
    const second = await build(of.path)
    expect(await of.says(second)).toBe('other 7 8')
    expect(built(of.path)).toBe(second)
    // Whoever runs from the first still finds all of it.
    expect(await of.says(first)).toBe('first 7 8')
  })

  const changes: readonly (readonly [what: string, change: (of: Project) => void])[] = [
    ['a source that is loaded late changed', (of) => of.write('cli/late.ts', 'export const late = 9\n')],
    ['a source is gone', (of) => rmSync(join(of.path, 'cli/late.ts'))],
    ['a package changed', (of) => of.write('node_modules/seven/index.js', 'export const seven = "seven"\n')],
    ['the thread changed', (of) => of.write('api/platform/nodejs/writer-thread.ts', 'console.log(1)\n')],
    [
      'a source has another text, and the size and time of the first',
      (of) => {
        const { atime, mtime } = statSync(join(of.path, 'cli/word.ts'))
        of.write('cli/word.ts', "export const word = 'Spool'\n")
        utimesSync(join(of.path, 'cli/word.ts'), atime, mtime)
      },
    ],
    ['it is gone', (of) => rmSync(join(of.path, buildsFolder), { recursive: true })],
    ['a file of it is gone', (of) => rmSync(lateFile(of))],
    ['a disk lost a file of it', (of) => writeFileSync(lateFile(of), '')],
    ['a disk lost what was said of it', (of) => of.write(builtFile, '')],
  ]
  test.each(changes)('is not run when %s, and made again', async (_, change) => {
    await using of = await project()
    await build(of.path)
    change(of)
    expect(built(of.path)).toBe(undefined)
    if (!existsSync(join(of.path, 'cli/late.ts'))) return
    const again = await build(of.path)
    expect(built(of.path)).toBe(again)
    expect(await of.says(again)).toMatch(/^(first|Spool) (7|seven) [89]$/)
  })

  test('is made again when a source changed while it was made', async () => {
    await using of = await project()
    const building = build(of.path)
    of.write('cli/word.ts', "export const word = 'meanwhile'\n")
    await building
    expect(built(of.path)).toBe(undefined)
    expect(await of.says(await build(of.path))).toBe('meanwhile 7 8')
  })

  test('is the same for the processes that make it at the same time', async () => {
    await using of = await project()
    const script = `import(${JSON.stringify(builder)}).then((m) => m.build(process.argv[1])).then(console.log)`
    const made = await Promise.all([1, 2, 3, 4].map(() => run(process.execPath, ['-e', script, of.path])))
    expect(new Set(made.map(({ stdout }) => stdout.trim()))).toEqual(new Set([built(of.path)]))
    expect(await of.says(built(of.path))).toBe('first 7 8')
    expect(readdirSync(join(of.path, buildsFolder)).filter((name) => name.startsWith('unfinished'))).toEqual([])
  })

  test('stays until seven newer ones have come; the newest stays whatever the clock says', async () => {
    await using of = await project()
    const future = new Date(Date.now() + 86_400_000)
    const first = await build(of.path)
    for (let at = 0; at < 9; at++) {
      of.write('cli/word.ts', `export const word = '${at}'\n`)
      utimesSync(dirname(await build(of.path)), future, future)
    }
    expect(of.builds().length).toBe(8)
    expect(existsSync(first)).toBe(false)
    of.write('cli/word.ts', "export const word = 'present'\n")
    expect(await of.says(await build(of.path))).toBe('present 7 8')
  })

  test('takes what Node compiled of earlier ones with it, and nothing else', async () => {
    await using of = await project()
    of.write('node_modules/.cache/kedge/compile/v24/one', '')
    of.write('node_modules/.cache/other', '')
    await build(of.path)
    expect(readdirSync(join(of.path, 'node_modules/.cache/kedge/compile/v24'))).toEqual([])
    expect(existsSync(join(of.path, 'node_modules/.cache/other'))).toBe(true)
  })
})

describe('a start', () => {
  const start = async (of: Project): Promise<{ readonly stdout: string; readonly stderr: string }> => {
    cpSync(join(root, 'bin'), join(of.path, 'bin'), { recursive: true })
    for (const name of ['esbuild', '@esbuild'])
      if (!existsSync(join(of.path, 'node_modules', name)))
        symlinkSync(join(root, 'node_modules', name), join(of.path, 'node_modules', name))
    return run(process.execPath, [join(of.path, 'bin', 'start.js')])
  }

  test('builds, and says nothing of it', async () => {
    await using of = await project()
    expect(await start(of)).toEqual({ stdout: 'first 7 8\n', stderr: '' })
    expect(of.builds().length).toBe(1)
    expect(await start(of)).toEqual({ stdout: 'first 7 8\n', stderr: '' })
    expect(of.builds().length).toBe(1)
  })

  test('runs the sources where nothing can be built, and says why', async () => {
    await using of = await project()
    of.write(buildsFolder, 'a file where the folder should be')
    const { stdout, stderr } = await start(of)
    expect(stdout).toBe('first 7 8\n')
    expect(stderr).toMatch(/^kedge: starts from its sources, which is slower: EEXIST: .*dist'\n$/)
  })

  test('from a source that does not parse names its file and line', async () => {
    await using of = await project()
    of.write('cli/word.ts', 'export const = 1\n')
    await expect(start(of)).rejects.toThrow('cli/word.ts:1:13: ERROR')
  })
})
