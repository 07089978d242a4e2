import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A folder that goes when its owner does: `await using folder = await tempFolder()`. */
export async function tempFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'kedge-test-'))
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await unmountBelow(path)
      await rm(path, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** Volumes in memory, which an agent leaves to the pods that outlive it: with a few dozen of them, `rm` takes minutes. */
async function unmountBelow(path: string): Promise<void> {
  const mounts = await readFile('/proc/self/mounts', 'utf8').catch(() => '')
  const below = mounts
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((target) => target.startsWith(`${path}/`))
  if (below.length > 0) await run('umount', ['--lazy', ...below.toReversed()])
}
