// A directory of files that changes as one, as the kubelet does it: the files live in a dated directory, `..data`
// is a symbolic link to it that one rename moves, and each file is a link through `..data`.
import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import type { VolumeFile } from '../plan/volumes.ts'

const DATA = '..data'

/** Writes nothing when the contents are the same already. Answers whether anything changed. */
export async function writeFiles(
  directory: string,
  files: readonly VolumeFile[],
  fsGroup: number | undefined,
): Promise<boolean> {
  for (const file of files) checkPath(file.path)
  const current = await readlink(join(directory, DATA)).catch(() => undefined)
  if (current !== undefined && (await same(join(directory, current), files))) return false

  const dated = `..${new Date().toISOString().replaceAll(/[-:]/g, '_')}.${Math.floor(Math.random() * 1e9)}`
  const home = join(directory, dated)
  await mkdir(home, { mode: 0o755 })
  for (const file of files) await writeOne(home, file, fsGroup)
  const link = join(directory, `${DATA}_tmp`)
  await rm(link, { force: true })
  await symlink(dated, link)
  await rename(link, join(directory, DATA))
  await linkNames(directory, files)
  if (current !== undefined) await rm(join(directory, current), { recursive: true, force: true })
  return true
}

async function writeOne(home: string, file: VolumeFile, fsGroup: number | undefined): Promise<void> {
  const path = join(home, file.path)
  await mkdir(dirname(path), { recursive: true, mode: 0o755 })
  await writeFile(path, file.bytes)
  // The group of the pod may read what the owner may.
  await chmod(path, fsGroup === undefined ? file.mode : file.mode | 0o440)
  if (fsGroup !== undefined) await chown(path, -1, fsGroup)
}

/** One link for each first part of a path; links to what is gone are taken away. */
async function linkNames(directory: string, files: readonly VolumeFile[]): Promise<void> {
  const wanted = new Set(files.map((file) => normalize(file.path).split('/')[0] ?? ''))
  for (const name of await readdir(directory)) {
    if (name.startsWith('..')) continue
    if (!wanted.has(name)) await rm(join(directory, name), { recursive: true, force: true })
    else wanted.delete(name)
  }
  for (const name of wanted) await symlink(join(DATA, name), join(directory, name))
}

async function same(home: string, files: readonly VolumeFile[]): Promise<boolean> {
  const there = await readdir(home, { recursive: true, withFileTypes: true }).catch(() => undefined)
  if (there === undefined || there.filter((entry) => entry.isFile()).length !== files.length) return false
  for (const file of files) {
    const path = join(home, file.path)
    const bytes = await readFile(path).catch(() => undefined)
    if (bytes === undefined || !bytes.equals(file.bytes)) return false
    const { mode } = await lstat(path)
    if ((mode & file.mode) !== file.mode) return false
  }
  return true
}

/** The API checks these as well; a node does not rely on it. */
function checkPath(path: string): void {
  const clean = normalize(path)
  if (path === '' || clean.startsWith('/') || clean.split('/').includes('..') || clean.startsWith('..')) {
    throw new Error(`volume file ${JSON.stringify(path)}: must be a relative path without '..'`)
  }
}
