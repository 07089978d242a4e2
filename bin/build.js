// Bundles the command, for `start.js`. A build never changes: its folder is named by what is in it, and stays for the
// processes that run from it until several newer ones have come.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { builtFile, stampOf } from './built.js'

/** The newest builds stay: a process loads some of its files only when it needs them. */
const KEPT = 8

/** What is started as a process or a thread of its own. */
const entryPoints = { main: 'cli/main.ts', 'writer-thread': 'api/platform/nodejs/writer-thread.ts' }

/** Native packages, packages that look for native ones, and those of development, which may be missing. */
const external = ['libsql', 'ws', 'miniflare', 'workerd', 'wrangler']

/** The CommonJS packages in the bundle ask for modules of Node with `require`. */
const banner = "import{createRequire as kedgeRequire}from'node:module';const require=kedgeRequire(import.meta.url);"

/** What is renamed to its place must be on the disk: a machine that loses power must not find an empty file there. */
const durable = { flush: true }

/**
 * Answers with the file to run. Throws when a source cannot be bundled or the folder is not writable; another
 * process that builds at the same time is neither disturbed nor a disturbance. One at a time in a process.
 *
 * @param {string} folder
 */
export async function build(folder) {
  const started = Date.now()
  const builds = dirname(join(folder, builtFile))
  mkdirSync(builds, { recursive: true })
  const { outputs, sources } = await bundle(folder)
  const hash = createHash('sha256')
  for (const { name, text } of outputs) hash.update(`${name}\n${text}\n`)
  const place = join(builds, hash.digest('hex').slice(0, 16))
  const unfinished = join(builds, `unfinished-${process.pid}`)
  try {
    put(outputs, unfinished, place)
    const main = join(place, 'main.mjs')
    const stamps = Object.fromEntries(sources.map((path) => [path, stampBefore(started, join(folder, path))]))
    /** @type {import('./built.js').Built} */
    const built = { main: relative(folder, main), sources: stamps }
    writeFileSync(`${unfinished}.json`, JSON.stringify(built), durable)
    renameSync(`${unfinished}.json`, join(folder, builtFile))
    tidy(builds, started)
    return main
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
}

/** @typedef {{ name: string, text: string }} Output */

/** @param {string} folder */
async function bundle(folder) {
  const esbuild = await import('esbuild')
  const outdir = join(dirname(join(folder, builtFile)), 'build')
  try {
    const { outputFiles, metafile } = await esbuild.build({
      absWorkingDir: folder,
      entryPoints,
      outdir,
      outExtension: { '.js': '.mjs' },
      write: false,
      metafile: true,
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node24',
      sourcemap: 'linked',
      sourcesContent: false,
      external,
      banner: { js: banner },
      tsconfigRaw: {},
      logLevel: 'silent',
    })
    const outputs = outputFiles.map(({ path, text }) => ({ name: relative(outdir, path), text }))
    // Packages are what their lock file says, which stands for them.
    const ours = Object.keys(metafile.inputs).filter((path) => !path.startsWith('node_modules/'))
    const builder = relative(folder, fileURLToPath(import.meta.url))
    return { outputs, sources: [...ours, 'node_modules/.package-lock.json', builder] }
  } finally {
    await esbuild.stop()
  }
}

/**
 * @param {readonly Output[]} outputs
 * @param {string} unfinished
 * @param {string} place
 */
function put(outputs, unfinished, place) {
  if (!existsSync(place)) {
    mkdirSync(unfinished)
    for (const { name, text } of outputs) writeFileSync(join(unfinished, name), text, durable)
    try {
      renameSync(unfinished, place)
    } catch (error) {
      // Another process made the same meanwhile.
      if (!existsSync(place)) throw error
    }
  }
  const now = new Date()
  utimesSync(place, now, now)
}

/**
 * A file that changed since the build began may be another than what was read: with this stamp the next start builds
 * again.
 *
 * @param {number} started
 * @param {string} path
 */
function stampBefore(started, path) {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat !== undefined && stat.mtimeMs >= started ? 'changed while it was built' : stampOf(path)
}

/**
 * Older builds go, and what Node compiled of them.
 *
 * @param {string} builds
 * @param {number} started
 */
function tidy(builds, started) {
  const age = (/** @type {string} */ path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const folders = readdirSync(builds, { withFileTypes: true }).filter((one) => one.isDirectory())
  const newest = folders.map(({ name }) => join(builds, name)).toSorted((a, b) => age(b) - age(a))
  for (const path of newest.slice(KEPT)) rmSync(path, { recursive: true, force: true })
  const compiled = process.env['NODE_COMPILE_CACHE']
  if (compiled === undefined || !existsSync(compiled)) return
  for (const name of readdirSync(compiled, { recursive: true, encoding: 'utf8' })) {
    const path = join(compiled, name)
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === true && age(path) < started)
      rmSync(path, { force: true })
  }
}
