// A Docker engine for the tests: the one that runs here, or one of our own, installed from Debian when allowed.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureCommands, lastLine } from './debian.js'

/** @typedef {{ code: number, stdout: string, stderr: string }} Answer */
/** @typedef {{ ok: true, host: string, stop: () => Promise<void> } | { ok: false, reason: string }} Engine */

const packages = ['docker.io', 'iproute2', 'nftables', 'iptables', 'busybox-static', 'conntrack']
const commands = ['dockerd', 'docker', 'ip', 'nft', 'iptables', 'busybox']
const startDeadlineMs = 60_000

/** @typedef {(args: string[], input?: Buffer) => Answer} Docker */

/**
 * The docker client against one engine.
 *
 * @param {string} host
 * @returns {Docker}
 */
export function dockerAt(host) {
  const { DOCKER_CONTEXT: _, ...env } = process.env
  return (args, input) => {
    const ran = spawnSync('docker', args, { input, env: { ...env, DOCKER_HOST: host }, encoding: 'utf8' })
    return { code: ran.status ?? 127, stdout: ran.stdout ?? '', stderr: ran.error?.message ?? ran.stderr }
  }
}

/** @returns {Promise<Engine>} */
export async function ensureDocker() {
  if (process.platform !== 'linux') return { ok: false, reason: 'pods run on Linux only' }
  if (process.getuid?.() !== 0) return { ok: false, reason: 'the agent needs root' }
  const installed = ensureCommands(commands, packages)
  if (!installed.ok) return installed
  const named = process.env['DOCKER_HOST'] ?? ''
  const running = named.startsWith('unix:') ? named : 'unix:///var/run/docker.sock'
  if (dockerAt(running)(['version', '--format', '{{.Server.Version}}']).code === 0) {
    return { ok: true, host: running, stop: async () => {} }
  }
  return startEngine()
}

/** @returns {Promise<Engine>} */
async function startEngine() {
  console.log('starting dockerd')
  const folder = mkdtempSync(join(tmpdir(), 'kedge-docker-'))
  const host = `unix://${folder}/docker.sock`
  const logFile = join(folder, 'dockerd.log')
  const log = openSync(logFile, 'w')
  const args = [`--host=${host}`, `--data-root=${folder}/data`, `--exec-root=${folder}/exec`, `--pidfile=${folder}/pid`]
  // A process group of its own, so that an interrupt at the terminal stops the tests first and the engine last.
  const engine = spawn('dockerd', args, { stdio: ['ignore', log, log], detached: true })
  const exited = new Promise((resolve) => engine.once('exit', resolve))
  const stop = async () => {
    // Asked to stop, an engine waits ten seconds for what still runs.
    const left = dockerAt(host)(['ps', '--quiet'])
      .stdout.split('\n')
      .filter((id) => id !== '')
    if (left.length > 0) dockerAt(host)(['kill', ...left])
    if (engine.exitCode === null) engine.kill('SIGTERM')
    await exited
    // An engine that ends early leaves its data folder mounted on itself.
    spawnSync('umount', ['--recursive', '--quiet', join(folder, 'data')])
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  const deadline = Date.now() + startDeadlineMs
  while (Date.now() < deadline && engine.exitCode === null) {
    if (dockerAt(host)(['version']).code === 0) return { ok: true, host, stop }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  const reason = `dockerd does not start: ${lastLine(readFileSync(logFile, 'utf8'))}`
  await stop()
  return { ok: false, reason }
}
