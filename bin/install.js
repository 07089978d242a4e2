// Installs the packages of the lock file when they are missing or stale. Runs on Node 20, before anything is installed.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, utimesSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from './node.js'

/** @typedef {{ version?: string, dev?: boolean, devOptional?: boolean, optional?: boolean, link?: boolean }} Package */
/** @typedef {Record<string, Package>} Packages */

const lockFile = join(root, 'package-lock.json')
// npm writes what it really installed here, at the end of an installation.
const installedFile = join(root, 'node_modules', '.package-lock.json')

/** Leaves node_modules as the lock file says; with `dev`, the development packages too. */
export function ensureInstalled(/** @type {{ dev: boolean }} */ { dev }) {
  const wanted = packagesOf(lockFile)
  const installed = existsSync(installedFile) ? packagesOf(installedFile) : {}
  if (isInstalled(wanted, installed, dev)) {
    // `bin/kedge` compares the two files by age alone.
    const now = new Date()
    utimesSync(installedFile, now, now)
    return
  }
  // Whoever has the development packages keeps them.
  const everything = dev || Object.values(installed).some((one) => one.dev === true)
  const started = Date.now()
  process.stderr.write(`kedge: installing packages with npm${everything ? '' : ', without development packages'}\n`)
  const args = ['ci', '--ignore-scripts', '--loglevel=error', everything ? '--include=dev' : '--omit=dev']
  const ran = spawnSync('npm', args, { cwd: root, env: environment(), stdio: ['ignore', 'ignore', 'inherit'] })
  if (ran.error !== undefined) throw new Error(`npm cannot be started: ${ran.error.message}`)
  if (ran.status !== 0) throw new Error(`npm ci failed with code ${ran.status}`)
  process.stderr.write(`kedge: installed in ${Math.round((Date.now() - started) / 1000)} s\n`)
}

/**
 * Is each package of the lock file there in its version? An optional one may be missing, because most of them are for
 * other platforms; the Node of this platform may not.
 *
 * @param {Packages} wanted
 * @param {Packages} installed
 * @param {boolean} dev
 */
export function isInstalled(wanted, installed, dev) {
  return Object.entries(wanted).every(([path, one]) => {
    if (path === '' || (one.dev === true && !dev)) return true
    const there = installed[path]
    if (there !== undefined) return there.version === one.version
    if (path === `node_modules/node-${process.platform}-${process.arch}`) return false
    return one.optional === true || one.devOptional === true
  })
}

/** @returns {Packages} */
function packagesOf(/** @type {string} */ file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages
}

/** npm must not run under the Node that it is about to replace, which `npm start` puts first on PATH. */
function environment() {
  const ours = join(root, 'node_modules')
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const others = folders.filter((folder) => !folder.startsWith(ours))
  const elsewhere = others.some((folder) => existsSync(join(folder, 'node')))
  return { ...process.env, PATH: (elsewhere ? others : folders).join(delimiter) }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    ensureInstalled({ dev: process.argv.includes('--dev') })
  } catch (error) {
    process.stderr.write(`kedge: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
}
