/**
 * workerd on this machine: bundles the Worker as a deployment would, and runs it with its Durable Objects on disk,
 * over TLS. Cron is not fired locally, so this fires it, at start and once a minute.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'

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

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const CRON = '* * * * *'

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

export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const runtime = new Miniflare(
    convertV4MiniflareOptions({
      host: options.host,
      port: options.port,
      https: true,
      httpsKey: options.keyPem,
      httpsCert: options.certificatePem,
      modules: [...(options.bundle ?? (await bundleWorker()))],
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
  )
  const url = (await runtime.ready).origin
  const worker = await runtime.getWorker()
  const scheduled = async (): Promise<void> => void (await worker.scheduled({ cron: CRON }))
  const fire = (): void =>
    void scheduled().catch((error: unknown) => process.stderr.write(`kedge: cron: ${String(error)}\n`))
  const timer = options.cron === false ? undefined : setInterval(fire, 60_000)
  if (timer !== undefined) fire()
  return {
    url,
    scheduled,
    async close() {
      clearInterval(timer)
      await runtime.dispose()
    },
  }
}
