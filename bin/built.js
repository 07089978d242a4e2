// What was built of the sources, and whether it still is what they say.
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Where builds lie, below the folder of the project: npm empties node_modules while servers run. */
export const buildsFolder = 'dist'
export const builtFile = join(buildsFolder, 'built.json')

/**
 * The last build. Paths are below the folder of the project.
 *
 * @typedef {object} Built
 * @property {string} main the file to run
 * @property {Record<string, number>} outputs sizes in bytes of the files it consists of
 * @property {Record<string, string>} sources stamps of the files it was made from, those of packages among them
 */

/**
 * Changes when the file does, whatever time it is given: nobody can choose the time of its last change of status. Empty
 * when there is none.
 *
 * @param {string} path
 */
export function stampOf(path) {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat === undefined ? '' : `${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}`
}

/** What to run, when it is whole and was built from the files as they are. */
export function built(/** @type {string} */ folder) {
  const last = read(join(folder, builtFile))
  if (last === undefined) return undefined
  const whole = Object.entries(last.outputs).every(([path, size]) => sizeOf(join(folder, path)) === size)
  const same = Object.entries(last.sources).every(([path, stamp]) => stampOf(join(folder, path)) === stamp)
  return whole && same ? join(folder, last.main) : undefined
}

/** -1 when there is none. */
export function sizeOf(/** @type {string} */ path) {
  return statSync(path, { throwIfNoEntry: false })?.size ?? -1
}

/** @returns {Built | undefined} */
function read(/** @type {string} */ file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    // Nothing was built yet, or a disk lost what was written of it.
    return undefined
  }
}
