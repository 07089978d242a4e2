// The bytes that are checked in run, wait and end when they are asked.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pauseTar } from './pause.ts'

const fits = process.platform === 'linux' && process.arch === 'x64'

describe.skipIf(!fits)('the pause program', () => {
  let directory = ''
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'kedge-pause-'))
    writeFileSync(join(directory, 'pause.tgz'), pauseTar() ?? new Uint8Array())
    execFileSync('tar', ['-xzf', 'pause.tgz'], { cwd: directory })
  })
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  it.each(['SIGTERM', 'SIGINT'] as const)('ends with 0 on %s', async (signal) => {
    const child = spawn(join(directory, 'pause'), { stdio: 'ignore' })
    await once(child, 'spawn')
    // Its handlers are set by the time it waits.
    await expect.poll(() => execFileSync('cat', [`/proc/${child.pid}/wchan`]).toString()).toMatch(/poll|^0$/)
    child.kill(signal)
    expect(await once(child, 'exit')).toEqual([0, null])
  })
})
