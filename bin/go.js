// Go, for the tests that ask upstream's own code: the one that is here, or Debian's. One that is too old for
// upstream's modules fetches a newer one the way Go does itself, as a module whose checksum it verifies.
import { spawnSync } from 'node:child_process'
import { chmodSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureCommands, lastLine } from './debian.js'
import { root } from './node.js'

/** Go 1.21 was the first to fetch the version that a module asks for. */
const fetchesItsOwn = 21
const toolchain = 'golang.org/toolchain@v0.0.1-go1.25.14.linux-amd64'
const generator = join(root, 'schema', 'k8s', 'generate')
const timeout = 300_000

/** @typedef {{ ok: true, environment: NodeJS.ProcessEnv } | { ok: false, reason: string }} Go */

/**
 * A Go that builds upstream's modules, with them and their golden files in its cache: what tells the tests of it.
 *
 * @returns {Go}
 */
export function ensureGo() {
  const installed = ensureCommands(['go'], ['golang-go', 'ca-certificates'])
  if (!installed.ok) return installed
  try {
    const [, minor] = /go1\.(\d+)/.exec(run('go', ['version'], tmpdir())) ?? []
    const program = Number(minor) >= fetchesItsOwn ? 'go' : fetched()
    run(program, ['mod', 'download'], generator)
    return { ok: true, environment: { KEDGE_TEST_GO: program, GOTOOLCHAIN: 'auto' } }
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) }
  }
}

/** The path of a newer Go. */
function fetched() {
  if (process.arch !== 'x64') throw new Error(`Go is too old, and none is fetched for ${process.arch}`)
  console.log('fetching Go')
  const folder = String(JSON.parse(run('go', ['mod', 'download', '-json', toolchain], tmpdir())).Dir)
  // Modules hold no programs, as far as an old Go knows.
  for (const programs of ['bin', join('pkg', 'tool', 'linux_amd64')])
    for (const name of readdirSync(join(folder, programs))) chmodSync(join(folder, programs, name), 0o755)
  return join(folder, 'bin', 'go')
}

/** What it prints. Throws its complaint. */
function run(/** @type {string} */ program, /** @type {string[]} */ args, /** @type {string} */ cwd) {
  const env = { ...process.env, GOFLAGS: '-mod=mod', GOTOOLCHAIN: 'auto' }
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, env, timeout, encoding: 'utf8' })
  if (status === 0) return stdout
  throw new Error(`go ${args.join(' ')} failed: ${error?.message ?? lastLine(stderr)}`)
}
