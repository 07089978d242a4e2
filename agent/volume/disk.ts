// A pod's volumes on a real host: directories under the agent's own, tmpfs for what must not reach the disk.
import { constants } from 'node:fs'
import { access, chmod, chown, lstat, mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { MountDescription } from '../plan/description.ts'
import type { VolumeDescription } from '../plan/volumes.ts'
import { runTool } from './run.ts'
import { resolveInside } from './sub-path.ts'
import type { PodVolumes } from './volumes.ts'
import { writeFiles } from './write.ts'

/** upstream's bound on a termination message */
const LAST_WORDS_BYTES = 4096

export function diskVolumes(podsDir: string): PodVolumes {
  return {
    prepare: async (uid, volumes, files, signal) => {
      const home = join(podsDir, uid)
      await mkdir(home, { recursive: true, mode: 0o750 })
      if (files.hosts !== undefined) await writeInPlace(join(home, 'etc-hosts'), files.hosts)
      await writeInPlace(join(home, 'resolv.conf'), files.resolvConf)
      for (const volume of volumes) await prepareVolume(volume, signal)
    },
    mounts: (uid, mounts) => Promise.all(mounts.map((mount) => finalMount(join(podsDir, uid), mount))),
    lastWords,
    remove: async (uid, signal) => {
      const home = join(podsDir, uid)
      for (const mounted of (await mountsBelow(home)).toReversed()) await runTool('umount', ['-l', mounted], signal)
      await rm(home, { recursive: true, force: true })
    },
    pods: () => readdir(podsDir).catch(() => []),
  }
}

async function prepareVolume(volume: VolumeDescription, signal: AbortSignal): Promise<void> {
  if (volume.kind === 'host') return prepareHostPath(volume)
  const mode = volume.kind === 'directory' ? 0o777 : 0o755
  await mkdir(volume.path, { recursive: true })
  if (volume.memory) await mountTmpfs(volume.path, volume.kind === 'directory' ? volume.sizeLimitBytes : 0, signal)
  if (volume.kind === 'files') {
    await chmod(volume.path, mode)
    await writeFiles(volume.path, volume.files, volume.fsGroup)
    return
  }
  // New files take the group of the directory: what fsGroup is for.
  if (volume.fsGroup !== undefined) await chown(volume.path, -1, volume.fsGroup)
  await chmod(volume.path, volume.fsGroup === undefined ? mode : 0o2777)
}

async function mountTmpfs(path: string, sizeBytes: number, signal: AbortSignal): Promise<void> {
  if ((await mountsBelow(path)).includes(path)) return
  const options = ['mode=0755', ...(sizeBytes > 0 ? [`size=${sizeBytes}`] : [])].join(',')
  await runTool('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], signal)
}

/** Mount points at or below a path, outermost first. */
async function mountsBelow(path: string): Promise<string[]> {
  const table = await readFile('/proc/self/mountinfo', 'utf8')
  return table
    .split('\n')
    .map((line) =>
      (line.split(' ')[4] ?? '').replaceAll(/\\(\d{3})/g, (_, octal: string) =>
        String.fromCharCode(Number.parseInt(octal, 8)),
      ),
    )
    .filter((point) => point === path || point.startsWith(`${path}/`))
}

const TYPE_CHECK: { readonly [type: string]: (found: Awaited<ReturnType<typeof stat>>) => boolean } = {
  Directory: (found) => found.isDirectory(),
  DirectoryOrCreate: (found) => found.isDirectory(),
  File: (found) => found.isFile(),
  FileOrCreate: (found) => found.isFile(),
  Socket: (found) => found.isSocket(),
  CharDevice: (found) => found.isCharacterDevice(),
  BlockDevice: (found) => found.isBlockDevice(),
}

async function prepareHostPath(volume: Extract<VolumeDescription, { kind: 'host' }>): Promise<void> {
  const { path, type } = volume
  if (type === '') return
  if (type === 'DirectoryOrCreate') await mkdir(path, { recursive: true, mode: 0o755 })
  if (type === 'FileOrCreate') await (await open(path, 'a', 0o644)).close()
  const found = await stat(path).catch(() => undefined)
  if (found === undefined || TYPE_CHECK[type]?.(found) !== true) {
    throw new Error(`hostPath type check failed: ${path} is not a ${WORD[type] ?? type}`)
  }
}

const WORD: { readonly [type: string]: string } = {
  Directory: 'directory',
  DirectoryOrCreate: 'directory',
  File: 'file',
  FileOrCreate: 'file',
  Socket: 'socket file',
  CharDevice: 'character device',
  BlockDevice: 'block device',
}

async function finalMount(home: string, mount: MountDescription): Promise<MountDescription> {
  const { subPath, ...rest } = mount
  if (subPath !== undefined && subPath !== '') return { ...rest, source: await resolveInside(mount.source, subPath) }
  if (mount.source.startsWith(join(home, 'containers/'))) await makeTerminationFile(mount.source)
  return rest
}

async function makeTerminationFile(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 })
  await writeFile(path, '', { mode: 0o666 })
  await chmod(path, 0o666)
}

async function lastWords(file: string): Promise<string> {
  const found = await lstat(file).catch(() => undefined)
  if (found === undefined || !found.isFile() || found.size === 0) return ''
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const start = Math.max(0, found.size - LAST_WORDS_BYTES)
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(LAST_WORDS_BYTES), 0, LAST_WORDS_BYTES, start)
    return buffer.subarray(0, bytesRead).toString('utf8')
  } finally {
    await handle.close()
  }
}

/** Bind mounts hold on to the inode, so the file is written, not replaced. */
async function writeInPlace(path: string, text: string): Promise<void> {
  const before = await readFile(path, 'utf8').catch(() => undefined)
  if (before === text) return
  await access(dirname(path))
  await writeFile(path, text, { mode: 0o644 })
}
