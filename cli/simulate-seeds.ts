/** `kedge simulate --seeds N`: seeded stories of a whole cluster. They are tests, so they need a checkout. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './root.ts'

/** Ends with the line `N passed, N failed`; the exit code says whether any failed. */
export async function simulateSeeds(count: number, first: number): Promise<void> {
  const stories = join(ROOT, 'test', 'cluster', 'main.ts')
  if (!existsSync(stories))
    throw new Error('--seeds: the stories are part of a checkout of the repository, not of a package')
  const child = spawn(process.execPath, [stories, String(count), String(first)], { stdio: 'inherit' })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0) process.exitCode = code ?? 1
}
