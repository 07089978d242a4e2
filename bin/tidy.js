// After a build: older builds go, and what Node compiled of them. Whatever cannot be removed, because it is somebody
// else's, stays.
import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { buildsFolder } from './built.js'

/** A process loads some of its files only when it needs them: the newest builds stay, for those that still run. */
const KEPT = 8
/** Longer than any build takes: what is unfinished since then was left by a process that was killed. */
const UNFINISHED_MS = 3_600_000

/** Where `bin/kedge` lets Node keep what it compiled. */
const compiledFolder = join('node_modules', '.cache', 'kedge', 'compile')

/**
 * @param {string} folder
 * @param {string} newest name of the build that was just made
 */
export function tidy(folder, newest) {
  const builds = join(folder, buildsFolder)
  const names = readdirSync(builds)
  const older = names
    .filter((name) => /^[0-9a-f]{16}$/.test(name) && name !== newest)
    .map((name) => ({ path: join(builds, name), madeMs: madeMs(join(builds, name)) }))
    .sort((a, b) => b.madeMs - a.madeMs)
  for (const { path } of older.slice(KEPT - 1)) remove(path)
  for (const name of names.filter((one) => one.startsWith('unfinished-'))) {
    if (madeMs(join(builds, name)) < Date.now() - UNFINISHED_MS) remove(join(builds, name))
  }
  // Node goes on writing to the folders of its own versions that it found at its start: only their files go.
  const compiled = join(folder, compiledFolder)
  for (const version of entriesOf(compiled)) {
    for (const file of entriesOf(join(compiled, version))) remove(join(compiled, version, file))
  }
}

/** @returns {readonly string[]} */
function entriesOf(/** @type {string} */ path) {
  try {
    return readdirSync(path)
  } catch {
    // No folder, or another user's.
    return []
  }
}

function madeMs(/** @type {string} */ path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

function remove(/** @type {string} */ path) {
  try {
    rmSync(path, { recursive: true, force: true })
  } catch {
    // Another user's.
  }
}
