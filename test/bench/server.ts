/** A control plane alone on a core, in a directory of its own. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../tools/free-port.ts'
import { startPinned } from './pinned.ts'

export interface BenchServer {
  readonly url: string
  readonly caPath: string
  readonly token: string
  readonly pid: number
  readonly dataDir: string
  readonly kubeconfig: string
  /** milliseconds from the start of the process to its first answer */
  readonly startedInMs: number
  /** with `keep`, the data stays for another start */
  stop(options?: { readonly keep?: boolean; readonly signal?: NodeJS.Signals }): Promise<void>
}

export async function startServer(core: string, dataDir?: string): Promise<BenchServer> {
  const folder = dataDir ?? join(await mkdtemp(join(tmpdir(), 'kedge-bench-')), 'data')
  const port = await freePort()
  const began = performance.now()
  // As people start it: with the compile cache, and as one process.
  const child = startPinned(core, 'sh', ['bin/kedge', 'server', '--port', String(port), '--data', folder])
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const deadline = began + 30_000
  while (!output.includes('ready in')) {
    if (child.exitCode !== null || performance.now() > deadline) throw new Error(`kedge does not start: ${output}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const startedInMs = performance.now() - began
  const kubeconfig = join(folder, 'kubeconfig')
  const config = await readFile(kubeconfig, 'utf8')
  const token = /token: "?([^"\n]+)"?/.exec(config)?.[1] ?? ''
  const caPath = join(folder, 'tls', 'ca.crt')
  if (child.pid === undefined) throw new Error('kedge did not start')
  return {
    url: `https://127.0.0.1:${port}`,
    caPath,
    token,
    pid: child.pid,
    dataDir: folder,
    kubeconfig,
    startedInMs,
    async stop({ keep = false, signal = 'SIGTERM' } = {}) {
      child.kill(signal)
      await gone
      if (!keep) await rm(folder, { recursive: true, force: true })
    },
  }
}
