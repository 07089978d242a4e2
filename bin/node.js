// Where the pinned Node is, and how to become it. Plain JavaScript that runs on Node 20, before anything is installed.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the project. */
export const root = fileURLToPath(new URL('..', import.meta.url))

/** The Node that runs the product: the one npm installed, or the caller's own where none is published. */
export function pinnedNode() {
  const installed = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node')
  if (existsSync(installed)) return installed
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath
  throw new Error(
    `kedge needs Node 24, and npm has none for ${process.platform} ${process.arch}: start it with Node 24 or newer`,
  )
}

/** The environment of tools: the pinned Node comes first on PATH, because wrangler and others start `node` by name. */
export function toolEnvironment() {
  return { ...process.env, PATH: `${join(pinnedNode(), '..')}:${process.env['PATH'] ?? ''}` }
}

/**
 * Runs a program to its end and answers with its exit code. Interrupts reach it: from the terminal through the process
 * group, from anyone else because they are passed on.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 * @returns {Promise<number>}
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', cwd: root, ...options })
    /** @type {NodeJS.Signals[]} */
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
    const pass = (/** @type {NodeJS.Signals} */ signal) => child.kill(signal)
    for (const signal of signals) process.on(signal, pass)
    const done = () => {
      for (const signal of signals) process.off(signal, pass)
    }
    child.once('error', (error) => {
      done()
      reject(error)
    })
    child.once('exit', (code, signal) => {
      done()
      resolve(code ?? (signal === 'SIGINT' ? 130 : 143))
    })
  })
}
