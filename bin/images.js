// Builds the images the tests run, from the statically linked busybox of the machine: no registry is asked.
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const busybox = ['/bin/busybox', '/usr/bin/busybox', '/bin/busybox-static'].find((path) => existsSync(path))

/** Two versions of one image, so that a test can see an update arrive; /etc/image-version tells them apart. */
const versions = ['1', '2']

/** @returns {{ ok: true } | { ok: false, reason: string }} */
export function ensureImages(/** @type {import('./docker.js').Docker} */ docker) {
  const missing = versions.filter((version) => docker(['image', 'inspect', `kedge.test/busybox:${version}`]).code !== 0)
  if (missing.length === 0) return { ok: true }
  if (busybox === undefined) return { ok: false, reason: 'there is no busybox to build test images from' }

  const applets = spawnSync(busybox, ['--list'], { encoding: 'utf8' }).stdout.split('\n').filter(Boolean)
  for (const version of missing) {
    const folder = mkdtempSync(join(tmpdir(), 'kedge-image-'))
    try {
      for (const name of ['bin', 'etc', 'proc', 'sys', 'dev', 'tmp', 'root', 'var', 'www'])
        mkdirSync(join(folder, name))
      chmodSync(join(folder, 'tmp'), 0o1777)
      copyFileSync(busybox, join(folder, 'bin', 'busybox'))
      chmodSync(join(folder, 'bin', 'busybox'), 0o755)
      for (const name of applets) if (name !== 'busybox') symlinkSync('busybox', join(folder, 'bin', name))
      writeFileSync(
        join(folder, 'etc', 'passwd'),
        'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
      )
      writeFileSync(join(folder, 'etc', 'group'), 'root:x:0:\nnogroup:x:65534:\n')
      writeFileSync(join(folder, 'etc', 'image-version'), `${version}\n`)
      const tar = spawnSync('tar', ['c', '--owner=0', '--group=0', '--numeric-owner', '-C', folder, '.'], {
        maxBuffer: 64 * 1024 * 1024,
      })
      if (tar.status !== 0) return { ok: false, reason: `tar failed: ${tar.stderr.toString('utf8')}` }
      const made = docker(
        ['import', '-c', 'CMD ["sh"]', '-c', 'ENV PATH=/bin', '-', `kedge.test/busybox:${version}`],
        tar.stdout,
      )
      if (made.code !== 0) return { ok: false, reason: `docker import failed: ${made.stderr.trim()}` }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  return { ok: true }
}
