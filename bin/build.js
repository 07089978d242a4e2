// Bundles the command, for `start.js`. A build never changes: its folder is named by what is in it, and stays for the
// processes that run from it until several newer ones have come.
import { createHash } from 'node:crypto'
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { buildsFolder, builtFile, sizeOf, stampOf } from './built.js'
import { tidy } from './tidy.js'

/** What is started as a process or a thread of its own. */
const entryPoints = { main: 'cli/main.ts', 'writer-thread': 'api/platform/nodejs/writer-thread.ts' }

/** Where sources are, this file among them. */
const sourceFolders = ['agent', 'api', 'bin', 'cli', 'migrations', 'schema']
const builder = 'bin/build.js'

/** Native packages, packages that look for native ones, and those of development, which may be missing. */
const external = ['libsql', 'ws', 'miniflare', 'workerd', 'wrangler']

/** The CommonJS packages in the bundle ask for modules of Node with `require`. */
const banner = "import{createRequire as kedgeRequire}from'node:module';const require=kedgeRequire(import.meta.url);"

/**
 * Answers with the file to run. Throws when a source cannot be bundled or the folder is not writable. Another process
 * may build at the same time; in one process, one at a time.
 *
 * @param {string} folder
 */
export async function build(folder) {
  const builds = join(folder, buildsFolder)
  mkdirSync(builds, { recursive: true })
  accessSync(builds, constants.W_OK)
  const before = stampsOf(folder)
  const { outputs, inputs } = await bundle(folder)
  const hash = createHash('sha256')
  for (const { name, text } of outputs) hash.update(`${name}\n${text}\n`)
  const name = hash.digest('hex').slice(0, 16)
  const place = join(builds, name)
  const unfinished = mkdtempSync(join(builds, 'unfinished-'))
  const put = (/** @type {string} */ path, /** @type {string} */ text) => {
    // What is renamed to its place must be on the disk: after a loss of power it would be an empty file.
    writeFileSync(join(unfinished, 'file'), text, { flush: true })
    renameSync(join(unfinished, 'file'), path)
  }
  try {
    mkdirSync(place, { recursive: true })
    /** @type {import('./built.js').Built} */
    const built = { main: join(buildsFolder, name, 'main.mjs'), outputs: {}, sources: {} }
    for (const { name: file, text } of outputs) {
      const path = join(place, file)
      const size = Buffer.byteLength(text)
      if (sizeOf(path) !== size) put(path, text)
      built.outputs[relative(folder, path)] = size
    }
    for (const path of [...inputs, ...(before.has(builder) ? [builder] : [])]) {
      const stamp = stampOf(join(folder, path))
      // Of a file that changed meanwhile nobody knows what was read: the next start builds again.
      const sure = path.startsWith('node_modules/') || before.get(path) === stamp
      built.sources[path] = sure ? stamp : 'changed while it was built'
    }
    put(join(folder, builtFile), JSON.stringify(built))
    tidy(folder, name)
    return join(folder, built.main)
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
}

/** The stamps of all sources, by path. */
function stampsOf(/** @type {string} */ folder) {
  /** @type {Map<string, string>} */
  const found = new Map()
  for (const name of sourceFolders) {
    if (sizeOf(join(folder, name)) < 0) continue
    for (const file of readdirSync(join(folder, name), { recursive: true, encoding: 'utf8' })) {
      if (/\.[jt]s$/.test(file)) found.set(join(name, file), stampOf(join(folder, name, file)))
    }
  }
  return found
}

/** @param {string} folder */
async function bundle(folder) {
  const esbuild = await import('esbuild')
  const outdir = join(folder, buildsFolder, 'build')
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
    return { outputs, inputs: Object.keys(metafile.inputs) }
  } finally {
    await esbuild.stop()
  }
}
