// Packages of Debian, for what the tests need and the machine lacks.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** @typedef {{ ok: true } | { ok: false, reason: string }} Installed */

/**
 * Installs the packages when one of the commands is missing, which only root can do.
 *
 * @param {string[]} commands
 * @param {string[]} packages
 * @returns {Installed}
 */
export function ensureCommands(commands, packages) {
  const missing = commands.filter((name) => !onPath(name))
  if (missing.length === 0) return { ok: true }
  if (!onPath('apt-get') || process.getuid?.() !== 0)
    return { ok: false, reason: `missing here: ${missing.join(', ')}` }
  console.log(`installing ${packages.join(' ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', ...packages]]) {
    const ran = spawnSync('apt-get', args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    if (ran.status !== 0) return { ok: false, reason: `apt-get ${args[0]} failed: ${lastLine(ran.stderr)}` }
  }
  return { ok: true }
}

function onPath(/** @type {string} */ name) {
  return `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`.split(':').some((folder) => existsSync(join(folder, name)))
}

export function lastLine(/** @type {string} */ text) {
  return text.trim().split('\n').at(-1) ?? ''
}
