// Files as one, and paths that stay inside.
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { resolveInside } from './sub-path.ts'
import { writeFiles } from './write.ts'

let root = ''
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'kedge-volume-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

const file = (path: string, text: string, mode = 0o644): { path: string; mode: number; bytes: Uint8Array } => ({
  path,
  mode,
  bytes: Buffer.from(text),
})
const visible = async (): Promise<string[]> => (await readdir(root)).filter((name) => !name.startsWith('..')).toSorted()

describe('a directory of files', () => {
  it('has each under its name, with its mode, through ..data', async () => {
    await writeFiles(root, [file('a', 'one', 0o400), file('deep/b', 'two')], undefined)
    expect(await visible()).toEqual(['a', 'deep'])
    expect(await readlink(join(root, 'a'))).toBe('..data/a')
    expect(await readFile(join(root, 'deep/b'), 'utf8')).toBe('two')
    expect(((await stat(join(root, 'a'))).mode & 0o777).toString(8)).toBe('400')
  })

  it('changes as one and leaves nothing of the old', async () => {
    await writeFiles(root, [file('a', 'one'), file('b', 'one')], undefined)
    expect(await writeFiles(root, [file('a', 'two'), file('c', 'two')], undefined)).toBe(true)
    expect(await visible()).toEqual(['a', 'c'])
    expect(await readFile(join(root, 'a'), 'utf8')).toBe('two')
    expect((await readdir(root)).filter((name) => /^\.\.\d/.test(name))).toHaveLength(1)
  })

  it('is not touched when nothing changed', async () => {
    await writeFiles(root, [file('a', 'one')], undefined)
    const before = await readlink(join(root, '..data'))
    expect(await writeFiles(root, [file('a', 'one')], undefined)).toBe(false)
    expect(await readlink(join(root, '..data'))).toBe(before)
  })

  it.each(['../out', '/abs', 'a/../../b', '', '..data'])('refuses the path %j', async (path) => {
    await expect(writeFiles(root, [file(path, '')], undefined)).rejects.toThrow('must be a relative path')
  })
})

describe('a subPath', () => {
  it('is made when it is missing', async () => {
    expect(await resolveInside(root, 'a/b')).toBe(join(root, 'a/b'))
    expect((await stat(join(root, 'a/b'))).isDirectory()).toBe(true)
  })

  it('follows links that stay inside', async () => {
    await mkdir(join(root, 'real'))
    await writeFile(join(root, 'real/file'), '')
    await symlink('real', join(root, 'link'))
    expect(await resolveInside(root, 'link/file')).toBe(join(root, 'real/file'))
  })

  it.each([
    ['/etc', 'x'],
    ['../../etc', 'x'],
    ['inside/../../..', 'x'],
    ['x', 'x'],
  ])('refuses a link to %s', async (target, name) => {
    await symlink(target, join(root, name))
    await expect(resolveInside(root, `${name}/passwd`)).rejects.toThrow(/leads out|symbolic links/)
  })

  it.each(['..', 'a/../..', '/etc'])('refuses %s', async (path) => {
    await expect(resolveInside(root, path)).rejects.toThrow("must be relative and must not contain '..'")
  })
})
