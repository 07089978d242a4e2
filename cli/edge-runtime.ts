/**
 * workerd on this machine: bundles the Worker as a deployment would, and runs it with its Durable Objects on disk,
 * over TLS. Cron is not fired locally, so this fires it, at start and once a minute.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { argumentsOf, children, endOrphan, forgetPid, keepPid } from './orphans.ts'
import { ROOT } from './root.ts'

export interface EdgeOptions {
  readonly host: string
  readonly port: number
  readonly certificatePem: string
  readonly keyPem: string
  /** the secrets `KEDGE_CLUSTER_<NAME>` */
  readonly secrets: Readonly<Record<string, string>>
  /** where the Durable Objects' storage lies */
  readonly objects: string
  /** a bundle made by `bundleWorker`, when several runtimes share one */
  readonly bundle?: readonly Module[]
  /** false: the caller fires cron itself */
  readonly cron?: boolean
}

export interface Edge {
  readonly url: string
  scheduled(): Promise<void>
  close(): Promise<void>
}

interface Module {
  readonly type: 'ESModule' | 'Text'
  readonly path: string
  readonly contents: string
}

const CRON = '* * * * *'

const isWorkerd = (args: readonly string[]): boolean => /(^|\/)workerd$/.test(args[0] ?? '') && args[1] === 'serve'

/** The Worker as `wrangler deploy` would upload it. */
export async function bundleWorker(): Promise<readonly Module[]> {
  const out = await mkdtemp(join(tmpdir(), 'kedge-edge-'))
  try {
    await promisify(execFile)(
      process.execPath,
      [join(ROOT, 'node_modules/wrangler/bin/wrangler.js'), 'deploy', '--dry-run', '--outdir', out],
      { cwd: ROOT, env: { ...process.env, WRANGLER_SEND_METRICS: 'false', CI: '1' } },
    )
    const names = (await readdir(out)).filter((name) => name.endsWith('.js') || name.endsWith('.sql'))
    names.sort((a, b) => Number(b === 'workerd.js') - Number(a === 'workerd.js'))
    const read = async (name: string): Promise<Module> => ({
      type: name.endsWith('.js') ? 'ESModule' : 'Text',
      path: name,
      contents: await readFile(join(out, name), 'utf8'),
    })
    return await Promise.all(names.map(read))
  } finally {
    await rm(out, { recursive: true, force: true })
  }
}

/** What a killed `kedge edge` left behind holds its port and its objects. */
export const endOrphanRuntime = (objects: string): Promise<void> => endOrphan(pidFileOf(objects), isWorkerd)

const pidFileOf = (objects: string): string => `${objects}.pid`

export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const pidFile = pidFileOf(options.objects)
  await endOrphanRuntime(options.objects)
  const before = new Set(children())
  const bundle = options.bundle ?? (await bundleWorker())
  const runtime = withoutSignals(
    () =>
      new Miniflare(
        convertV4MiniflareOptions({
          host: options.host,
          port: options.port,
          https: true,
          httpsKey: options.keyPem,
          httpsCert: options.certificatePem,
          modules: [...bundle],
          compatibilityDate: '2026-10-30',
          compatibilityFlags: ['enable_request_signal'],
          durableObjects: {
            CLUSTER: { className: 'ClusterObject', useSQLite: true },
            STREAM: { className: 'StreamObject', useSQLite: true },
          },
          resourcePersistencePath: options.objects,
          bindings: { ...options.secrets },
          cf: false,
        }),
      ),
  )
  const url = (await runtime.ready).origin
  const pid = children().find((child) => !before.has(child) && isWorkerd(argumentsOf(child)))
  if (pid !== undefined) keepPid(pidFile, pid)
  const worker = await runtime.getWorker()
  const scheduled = async (): Promise<void> => void (await worker.scheduled({ cron: CRON }))
  let closed = false
  const fire = (): void =>
    void scheduled().catch((error: unknown) => {
      if (!closed) process.stderr.write(`kedge: cron: ${String(error)}\n`)
    })
  const timer = options.cron === false ? undefined : setInterval(fire, 60_000)
  if (timer !== undefined) fire()
  return {
    url,
    scheduled,
    async close() {
      closed = true
      clearInterval(timer)
      await runtime.dispose()
      forgetPid(pidFile)
    },
  }
}

/** The runtime would end this process on a signal, at once; ending in order is the caller's business. */
function withoutSignals<Made>(make: () => Made): Made {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const before = new Set(signals.flatMap((signal) => process.listeners(signal)))
  const made = make()
  for (const signal of signals) {
    for (const listener of process.listeners(signal)) if (!before.has(listener)) process.off(signal, listener)
  }
  return made
}
