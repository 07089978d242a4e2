/**
 * The control plane as one Node process: opens the data directory, listens, and runs the loop of every cluster. It
 * contains no logic of its own; `cli/` starts it, and so may any program that wants a cluster in its own process.
 */
import { join } from 'node:path'
import { createJoinToken, type JoinTokenOptions } from './access/token.ts'
import { createApp, type Door } from './app.ts'
import type { Loop } from './loop/runner.ts'
import { type Certificates, openCertificates } from './platform/nodejs/certificates.ts'
import { makeDirectory } from './platform/nodejs/files.ts'
import { writeKubeconfig } from './platform/nodejs/kubeconfig.ts'
import { nodeLog } from './platform/nodejs/log.ts'
import { type NodePlatform, openNodePlatform } from './platform/nodejs/platform.ts'
import { serveHttps, type Serving } from './platform/nodejs/serve.ts'
import { StartError } from './platform/nodejs/start-error.ts'
import type { Writer } from './platform/nodejs/writer.ts'
import type { Cluster, Log } from './platform/port.ts'
import type { Sql } from './store/sql.ts'

export { StartError } from './platform/nodejs/start-error.ts'

export interface ServerOptions {
  readonly dataDir: string
  /** address to listen on */
  readonly host: string
  /** 0 takes any that is free */
  readonly port: number
  /** names and addresses clients use beside those of this host */
  readonly names?: readonly string[]
  readonly log?: Log
  /** Started ahead, for the database of the default cluster; the caller's to close when the start fails. */
  readonly writer?: Writer
  /** Stands between every store and its database: to count what passes. */
  readonly throughSql?: (sql: Sql) => Sql
}

export interface RunningServer {
  /** where clients on this machine find the default cluster */
  readonly url: string
  readonly caPath: string
  readonly kubeconfigPath: string
  readonly adminToken: string
  readonly cluster: Cluster
  readonly platform: NodePlatform
  /** Rejects when the server can no longer do its work. */
  readonly failed: Promise<never>
  createJoinToken(options: JoinTokenOptions): Promise<string>
  /** Makes a cluster at `/clusters/<name>`, or opens it. Answers where its kubeconfig is. */
  createCluster(
    name: string,
  ): Promise<{ readonly cluster: Cluster; readonly url: string; readonly kubeconfigPath: string }>
  close(): Promise<void>
}

const RENEWAL_CHECK_MS = 12 * 3_600_000
const FIRST_START_MS = 5_000

/** Throws `StartError`, whose message is the one line to show. Aborting `signal` closes as `close()` does. */
export async function startServer(options: ServerOptions, signal?: AbortSignal): Promise<RunningServer> {
  const { dataDir, host } = options
  const log = options.log ?? nodeLog(process.env['KEDGE_LOG'])
  const stop = new AbortController()
  const certificates = await prepare(options)
  const loops: Loop[] = []
  // What the first answer does not need is loaded, and started, once somebody can be answered.
  let runLoop: (of: Cluster) => Loop | undefined = () => undefined
  const opened = (of: Cluster): void => void runLoop(of)
  const { throughSql, writer } = options
  const platform = openNodePlatform({
    dataDir,
    caPem: certificates.caPem,
    log,
    opened,
    ...(throughSql === undefined ? {} : { throughSql }),
    ...(writer === undefined ? {} : { writer }),
  })
  const { cluster, serving } = await listen(platform, options, certificates, log)
  const { startLoop } = await import('./loop/runner.ts')
  runLoop = (of) => {
    const loop = startLoop(of, { signal: stop.signal })
    loops.push(loop)
    return loop
  }
  await firstStart(cluster, runLoop(cluster))
  for (const name of platform.names()) {
    platform.open(name).catch((error: unknown) => log.error(`cluster ${name} does not open`, { error }))
  }

  const base = `https://${reachable(host)}:${serving.port}`
  const urlOf = (name: string): string => (name === 'default' ? base : `${base}/clusters/${name}`)
  const kubeconfig = async (name: string): Promise<{ readonly token: string; readonly path: string }> => {
    const token = (await platform.adminToken(name)) ?? ''
    const directory = name === 'default' ? dataDir : join(dataDir, 'clusters', name)
    return { token, path: writeKubeconfig(directory, { name, server: urlOf(name), caPem: certificates.caPem, token }) }
  }
  const admin = await kubeconfig('default')
  const renewal = setInterval(() => {
    openCertificates(dataDir, namesOf(options), Date.now()).then(
      ({ serving: fresh }) => serving.renew(fresh),
      (error: unknown) => log.error('the serving certificate could not be renewed', { error }),
    )
  }, RENEWAL_CHECK_MS)
  renewal.unref()

  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    clearInterval(renewal)
    stop.abort()
    await serving.close()
    await Promise.all(loops.map((loop) => loop.ended))
    await platform.close()
  }
  const closeOnce = (): Promise<void> => (closing ??= close())
  signal?.addEventListener('abort', () => {
    closeOnce().catch((error: unknown) => log.error('closing failed', { error }))
  })
  return {
    url: base,
    caPath: certificates.caPath,
    kubeconfigPath: admin.path,
    adminToken: admin.token,
    cluster,
    platform,
    failed: serving.failed,
    createJoinToken: (tokenOptions) => createJoinToken(cluster, tokenOptions),
    async createCluster(name) {
      const made = await platform.createCluster(name)
      return { cluster: made, url: urlOf(name), kubeconfigPath: (await kubeconfig(name)).path }
    },
    close: closeOnce,
  }
}

/** What agents ask is loaded when the first one does. */
let loadDoor = async (): Promise<Door> => {
  const loading = import('./dispatch/door.ts').then((door) => door.agentsDoor)
  loadDoor = () => loading
  return loading
}

const agentsDoor: Door = async (cluster, request, path) => {
  if (!path.startsWith('/agent/')) return undefined
  const door = await loadDoor()
  return door(cluster, request, path)
}

/** Opens the default cluster and listens: from here on clients are answered. */
async function listen(
  platform: NodePlatform,
  { host, port }: ServerOptions,
  { serving: certificate }: Certificates,
  log: Log,
): Promise<{ readonly cluster: Cluster; readonly serving: Serving }> {
  try {
    const cluster = await platform.createCluster('default')
    const app = createApp({ platform, doors: [agentsDoor] })
    const fetch = (request: Request): Response | Promise<Response> => app.fetch(request)
    const { upgrades } = platform
    return { cluster, serving: await serveHttps({ host, port, serving: certificate, fetch, upgrades, log }) }
  } catch (error) {
    await platform.close()
    throw error
  }
}

/** A new cluster is ready when it has its namespaces; one that was there before, at once. */
async function firstStart(cluster: Cluster, loop: Loop | undefined): Promise<void> {
  if (
    loop === undefined ||
    (await cluster.store.get({ resource: 'namespaces', namespace: '', name: 'default' })) !== undefined
  )
    return
  await Promise.race([loop.settled(), cluster.clock.sleep(FIRST_START_MS)])
}

async function prepare(options: ServerOptions): Promise<Certificates> {
  try {
    makeDirectory(options.dataDir)
    return await openCertificates(options.dataDir, namesOf(options), Date.now())
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new StartError(`cannot keep data in ${options.dataDir}: ${reason}`, { cause })
  }
}

function namesOf(options: ServerOptions): readonly string[] {
  return [options.host, ...(options.names ?? [])]
}

/** The address a client on this machine uses for what listens on `host`. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
