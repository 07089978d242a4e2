/** A real libSQL server on loopback, for as long as the caller holds it. */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { eventually } from '../tools/eventually.ts'
import { freePort } from '../tools/free-port.ts'
import { tempFolder } from '../tools/temp.ts'

export interface Sqld extends AsyncDisposable {
  readonly url: string
}

/** The path of the program, or why there is none for this machine. */
export function sqldProgram(): { readonly path: string } | { readonly missing: string } {
  const name = `@sqld/${process.platform}-${process.arch}`
  try {
    return { path: join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'sqld') }
  } catch {
    return { missing: `no libSQL server for ${process.platform}-${process.arch} is installed` }
  }
}

export async function startSqld(path: string): Promise<Sqld> {
  const folder = await tempFolder()
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const args = ['--db-path', join(folder.path, 'data'), '--http-listen-addr', `127.0.0.1:${port}`]
  const server = spawn(path, args, { stdio: 'ignore' })
  try {
    await eventually(async () => (await fetch(`${url}/health`)).ok)
  } catch (error) {
    await stop(server)
    throw error
  }
  return {
    url,
    async [Symbol.asyncDispose]() {
      await stop(server)
      await folder[Symbol.asyncDispose]()
    },
  }
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const ended = once(server, 'exit')
  server.kill('SIGKILL')
  await ended
}
