/** Small files that must be whole or not there: written beside, made durable, then put in place. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'

/**
 * A directory only the owner may enter, and those above it. One after the other: `recursive` of Node's own never ends
 * where a file system such as /proc refuses with ENOENT.
 */
export function makeDirectory(path: string): void {
  if (existsSync(path) && statSync(path).isDirectory()) return
  const above = dirname(path)
  if (above !== path) makeDirectory(above)
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    // Of two starters at once one comes second.
    if (codeOf(error) !== 'EEXIST' || !statSync(path).isDirectory()) throw error
  }
}

/** undefined when there is none. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Replaces what is there. Only the owner may read it. */
export function writeWhole(path: string, text: string): void {
  const beside = writeBeside(path, text)
  renameSync(beside, path)
  syncDirectory(path)
}

/** Of two processes at once one wins; answers what is there in the end. */
export function createWhole(path: string, text: string): string {
  const beside = writeBeside(path, text)
  try {
    linkSync(beside, path)
    syncDirectory(path)
    return text
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    return readFileSync(path, 'utf8')
  } finally {
    rmSync(beside, { force: true })
  }
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

function writeBeside(path: string, text: string): string {
  const beside = `${path}.${process.pid}.new`
  rmSync(beside, { force: true })
  const file = openSync(beside, 'wx', 0o600)
  try {
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  return beside
}

function syncDirectory(path: string): void {
  const directory = openSync(dirname(path), 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}
