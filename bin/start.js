// Runs the command from what was built of its sources, which starts in two thirds of the time. What was built is run
// only while every file it was built from is as it was then: after a change it is built anew, in about a second.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { built } from './built.js'
import { root } from './node.js'

/** Never fails: where nothing can be built, for want of a writable folder, the sources are run. */
async function toRun() {
  try {
    return built(root) ?? (await (await import('./build.js')).build(root))
  } catch (error) {
    // esbuild counts the errors on a line of its own.
    const [one, other = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
    process.stderr.write(`kedge: starts from its sources, which is slower: ${`${one} ${other}`.trim()}\n`)
    return join(root, 'cli', 'main.ts')
  }
}

const main = await toRun()
if (process.env['KEDGE_LOG'] === 'debug') process.setSourceMapsEnabled(true)
await import(pathToFileURL(main).href)
