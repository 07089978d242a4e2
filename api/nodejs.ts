/**
 * The control plane as one Node process: opens the data directory, listens, and runs the loop of every cluster. It
 * contains no logic of its own; `cli/` starts it, and so may any program that wants a cluster in its own process.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createJoinToken, type JoinTokenOptions } from './access/token.ts'
import { createApp } from './app.ts'
import { agentsDoor } from './dispatch/door.ts'
import { type Loop, startLoop } from './loop/runner.ts'
import { type Certificates, openCertificates } from './platform/nodejs/certificates.ts'
import { writeKubeconfig } from './platform/nodejs/kubeconfig.ts'
import { nodeLog } from './platform/nodejs/log.ts'
import { type NodePlatform, openNodePlatform } from './platform/nodejs/platform.ts'
import { serveHttps, type Serving } from './platform/nodejs/serve.ts'
import { StartError } from './platform/nodejs/start-error.ts'
import type { Cluster, Log } from './platform/port.ts'

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

/** Throws `StartError`, whose message is the one line to show. Aborting `signal` closes as `close()` does. */
export async function startServer(options: ServerOptions, signal?: AbortSignal): Promise<RunningServer> {
  const { dataDir, host, port } = options
  const log = options.log ?? nodeLog(process.env['KEDGE_LOG'])
  const stop = new AbortController()
  const certificates = await prepare(options)
  const loops: Loop[] = []
  const platform = openNodePlatform({
    dataDir,
    caPem: certificates.caPem,
    log,
    opened: (opened) => void loops.push(startLoop(opened, { signal: stop.signal })),
  })
  let serving: Serving
  let cluster: Cluster
  try {
    cluster = await platform.createCluster('default')
    const app = createApp({ platform, doors: [agentsDoor] })
    const { upgrades } = platform
    serving = await serveHttps({
      host,
      port,
      serving: certificates.serving,
      fetch: (request) => app.fetch(request),
      upgrades,
      log,
    })
  } catch (error) {
    stop.abort()
    await Promise.all(loops.map((loop) => loop.ended))
    await platform.close()
    throw error
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

async function prepare(options: ServerOptions): Promise<Certificates> {
  try {
    mkdirSync(options.dataDir, { recursive: true, mode: 0o700 })
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
