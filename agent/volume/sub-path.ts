// A path inside a volume, made when it is missing and followed without leaving the volume. What is inside was
// written by containers, so every step is looked at.
import { chmod, lstat, mkdir, readlink } from 'node:fs/promises'
import { isAbsolute, join, normalize, resolve } from 'node:path'

const MAX_LINKS = 40

/** The real path; an error when it would lead out of `root`. */
export async function resolveInside(root: string, subPath: string): Promise<string> {
  if (isAbsolute(subPath) || normalize(subPath).split('/').includes('..')) {
    throw new Error(`subPath ${JSON.stringify(subPath)}: must be relative and must not contain '..'`)
  }
  let left = normalize(subPath)
    .split('/')
    .filter((part) => part !== '' && part !== '.')
  let at = root
  let links = 0
  while (left.length > 0) {
    const [part = '', ...rest] = left
    left = rest
    const next = part === '..' ? resolve(at, '..') : join(at, part)
    if (next !== root && !next.startsWith(`${root}/`)) throw leadsOut(subPath)
    const found = await lstat(next).catch(() => undefined)
    if (found === undefined) {
      // As open as the directory it is in, so that the container's user can use it.
      await mkdir(next)
      await chmod(next, (await lstat(at)).mode & 0o7777)
      at = next
      continue
    }
    if (!found.isSymbolicLink()) {
      at = next
      continue
    }
    if (++links > MAX_LINKS)
      throw new Error(`subPath ${JSON.stringify(subPath)}: more than ${MAX_LINKS} symbolic links`)
    const target = await readlink(next)
    if (isAbsolute(target)) throw leadsOut(subPath)
    left = [...target.split('/').filter((word) => word !== '' && word !== '.'), ...left]
  }
  return at
}

function leadsOut(subPath: string): Error {
  return new Error(`subPath ${JSON.stringify(subPath)}: leads out of its volume`)
}
