// What was built of the sources, and whether the sources are still the same.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** What was built last, below the folder of the project. */
export const builtFile = join('node_modules', '.cache', 'kedge', 'build', 'built.json')

/** `main`: the file to run; `sources`: the stamp of each file it was built from. Paths are below the folder. */
/** @typedef {{ main: string, sources: Record<string, string> }} Built */

/** Changes with the file; empty when there is none. */
export function stampOf(/** @type {string} */ path) {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat === undefined ? '' : `${stat.size} ${stat.mtimeMs}`
}

/** What to run, when it was built from the sources as they are. */
export function built(/** @type {string} */ folder) {
  const { main, sources } = read(join(folder, builtFile))
  const same = Object.entries(sources).every(([path, stamp]) => stampOf(join(folder, path)) === stamp)
  return same && main !== '' && existsSync(join(folder, main)) ? join(folder, main) : undefined
}

/** @returns {Built} */
function read(/** @type {string} */ file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    // Nothing was built yet, or a disk lost what was written of it.
    return { main: '', sources: {} }
  }
}
