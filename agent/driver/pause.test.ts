// The bytes that are checked in are programs of the right architecture; they run, wait and end when they are asked. One
// for another architecture runs where qemu-user-static is installed.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pauseTar } from './pause.ts'

/** e_machine of an ELF header, and the emulator of Debian's qemu-user-static */
const MACHINES = [
  { architecture: 'x64', machine: 62, emulator: '/usr/bin/qemu-x86_64-static' },
  { architecture: 'arm64', machine: 183, emulator: '/usr/bin/qemu-aarch64-static' },
]

describe.skipIf(process.platform !== 'linux').each(MACHINES)(
  'the pause program for $architecture',
  ({ architecture, machine, emulator }) => {
    let directory = ''
    beforeAll(() => {
      directory = mkdtempSync(join(tmpdir(), 'kedge-pause-'))
      writeFileSync(join(directory, 'pause.tgz'), pauseTar(architecture) ?? new Uint8Array())
      execFileSync('tar', ['-xzf', 'pause.tgz'], { cwd: directory })
    })
    afterAll(() => rmSync(directory, { recursive: true, force: true }))

    it('is a static 64-bit program for that machine', () => {
      const elf = readFileSync(join(directory, 'pause'))
      expect(elf.subarray(0, 6)).toEqual(Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]))
      expect({ type: elf.readUInt16LE(16), machine: elf.readUInt16LE(18) }).toEqual({ type: 2, machine })
      const segments = Array.from({ length: elf.readUInt16LE(56) }, (_, at) => elf.readUInt32LE(64 + at * 56))
      // PT_INTERP would ask for a dynamic linker, which its image has not.
      expect(segments).not.toContain(3)
    })

    const native = process.arch === architecture
    it.runIf(native || existsSync(emulator)).each(['SIGTERM', 'SIGINT'] as const)('ends with 0 on %s', async (name) => {
      const program = join(directory, 'pause')
      const child = native ? spawn(program, { stdio: 'ignore' }) : spawn(emulator, [program], { stdio: 'ignore' })
      await once(child, 'spawn')
      // Its handlers are set by the time it waits.
      await expect.poll(() => readFileSync(`/proc/${child.pid}/syscall`, 'utf8').split(' ')[0]).toBe(PPOLL)
      child.kill(name)
      expect(await once(child, 'exit')).toEqual([0, null])
    })
  },
)

/** number of the call the program waits in, as the machine this runs on counts */
const PPOLL = process.arch === 'arm64' ? '73' : '271'
