// Go, for the tests that ask upstream's own code: the one that is here, or Debian's. One that is too old for
// upstream's modules fetches a newer one the way Go does itself, as a module whose checksum it verifies.
import { spawnSync } from 'node:child_process'
import { chmodSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureCommands, lastLine } from './debian.js'
import { root } from './node.js'

/** Go 1.21 was the first to find the version that a module asks for. */
const findsItsOwn = 21
const toolchain = 'golang.org/toolchain@v0.0.1-go1.25.14.linux-amd64'
const generator = join(root, 'schema', 'k8s', 'generate')

/** @typedef {{ ok: true, program: string } | { ok: false, reason: string }} Go */

/**
 * A Go that builds upstream's modules, with their golden files in its cache.
 *
 * @returns {Go}
 */
export function ensureGo() {
  const installed = ensureCommands(['go'], ['golang-go', 'ca-certificates'])
  if (!installed.ok) return installed
  const found = run('go', ['version'], tmpdir())
  const [, minor] = /go1\.(\d+)/.exec(found.stdout) ?? []
  const program = Number(minor) >= findsItsOwn ? 'go' : fetched()
  if (typeof program !== 'string') return program
  const modules = run(program, ['mod', 'download', 'k8s.io/api'], generator)
  if (modules.code !== 0) return { ok: false, reason: `go mod download failed: ${lastLine(modules.stderr)}` }
  return { ok: true, program }
}

/** @returns {string | { ok: false, reason: string }} */
function fetched() {
  if (process.arch !== 'x64') return { ok: false, reason: `Go is too old, and none is fetched for ${process.arch}` }
  console.log('fetching Go')
  const answer = run('go', ['mod', 'download', '-json', toolchain], tmpdir())
  if (answer.code !== 0) return { ok: false, reason: `a newer Go cannot be fetched: ${lastLine(answer.stderr)}` }
  const folder = String(JSON.parse(answer.stdout).Dir)
  // Modules hold no programs, as far as an old Go knows.
  for (const programs of ['bin', join('pkg', 'tool', 'linux_amd64')])
    for (const name of readdirSync(join(folder, programs))) chmodSync(join(folder, programs, name), 0o755)
  return join(folder, 'bin', 'go')
}

/** @returns {{ code: number, stdout: string, stderr: string }} */
function run(/** @type {string} */ program, /** @type {string[]} */ args, /** @type {string} */ cwd) {
  const env = { ...process.env, GOFLAGS: '-mod=mod' }
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, env, encoding: 'utf8' })
  return { code: status ?? 127, stdout: stdout ?? '', stderr: error?.message ?? stderr ?? '' }
}
