/**
 * `kedge edge`: the cluster as workerd serves it. Without flags everything runs on this machine: a libSQL server, workerd
 * with the Worker as it would be deployed, TLS by an authority of its own, cron once a minute. With `--init` it makes what
 * a deployment on a real account needs: keys, the secret, a kubeconfig, and a migrated database.
 */
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { httpSql } from '../api/platform/http-sql.ts'
import { migrate } from '../api/platform/migrate.ts'
import { openCertificates } from '../api/platform/nodejs/certificates.ts'
import { writeKubeconfig } from '../api/platform/nodejs/kubeconfig.ts'
import { connect } from '../api/platform/nodejs/native.ts'
import { type Database, newCluster, type NewCluster, secretName } from './edge-secrets.ts'
import type { LibsqlServer } from './libsql-server.ts'
import { dataDirectory, type Flags, SettingError, settings } from './settings.ts'
import { untilSignal } from './signals.ts'

export interface EdgeFlags extends Flags {
  readonly init?: boolean
  readonly url?: string
  readonly database?: string
  readonly authToken?: string
  readonly ca?: string
}

export async function edge(flags: EdgeFlags): Promise<void> {
  const home = join(dataDirectory(flags.data, process.env), 'edge')
  mkdirSync(home, { recursive: true, mode: 0o700 })
  if (flags.init === true) return initialise(home, flags)
  const { port, host } = settings(flags, process.env)
  const running = await serveEdge({ home, host, port })
  say(`kedge: Kubernetes API on ${running.url}, from workerd over ${running.database}`)
  say(`  data        ${home}`)
  say(`  kubeconfig  ${running.kubeconfig}`)
  say('')
  say('  join a machine:  kedge agent --server URL --token "$(kedge token create --kubeconfig FILE)" --node NAME')
  say(`  authority:       ${running.caPath}`)
  try {
    await untilSignal(running.failed)
    say('kedge: stopping')
  } finally {
    await running.close()
  }
}

export interface RunningEdge {
  readonly url: string
  readonly database: string
  readonly kubeconfig: string
  readonly caPath: string
  /** Ends workerd alone, as a crash would, and starts it again on the same data. */
  restart(): Promise<void>
  scheduled(): Promise<void>
  /** Rejects when a database ends by itself. */
  readonly failed: Promise<never>
  close(): Promise<void>
}

export interface ServeEdgeOptions {
  readonly home: string
  readonly host: string
  readonly port: number
  /** clusters to serve, each with a database of its own; `default` when left out */
  readonly clusters?: readonly string[]
}

/** A whole edge on this machine, kept in `home`, which only one process may use. What was started ends when the rest fails. */
export async function serveEdge(options: ServeEdgeOptions): Promise<RunningEdge> {
  const started: (() => Promise<void> | void)[] = []
  const close = async (): Promise<void> => {
    for (let next = started.pop(); next !== undefined; next = started.pop()) await next()
  }
  try {
    started.push(takeLock(options.home))
    return await serve(options, started, close)
  } catch (error) {
    await close()
    throw error
  }
}

async function serve(
  options: ServeEdgeOptions,
  started: (() => Promise<void> | void)[],
  close: () => Promise<void>,
): Promise<RunningEdge> {
  const { startLibsqlServer } = await import('./libsql-server.ts')
  const { bundleWorker, endOrphanRuntime, startEdge } = await import('./edge-runtime.ts')
  const objects = join(options.home, 'objects')
  await endOrphanRuntime(objects)
  await checkPort(options.host, options.port)
  const { caPem, caPath, serving } = await openCertificates(options.home, [options.host], Date.now())
  const names = options.clusters ?? ['default']
  const servers: LibsqlServer[] = []
  for (const name of names) {
    const server = await startLibsqlServer(join(options.home, 'databases', name))
    started.push(() => server.close())
    servers.push(server)
  }
  const secrets: Record<string, string> = {}
  const clusters = new Map<string, NewCluster>()
  for (const [index, name] of names.entries()) {
    const url = servers[index]?.url ?? ''
    const cluster = await keptCluster(options.home, name, { url }, caPem)
    await migrated({ url }, cluster.settings.uid)
    clusters.set(name, cluster)
    secrets[secretName(name)] = JSON.stringify(cluster.settings)
  }
  const bundle = await bundleWorker()
  const start = (port: number) =>
    startEdge({
      host: options.host,
      port,
      certificatePem: serving.certificatePem,
      keyPem: serving.keyPem,
      secrets,
      objects,
      bundle,
    })
  let runtime = await start(options.port)
  started.push(() => runtime.close())
  const { url } = runtime
  for (const [name, { adminToken: token }] of clusters) {
    const place = name === 'default' ? options.home : join(options.home, name)
    mkdirSync(place, { recursive: true, mode: 0o700 })
    writeKubeconfig(place, { name, server: name === 'default' ? url : `${url}/clusters/${name}`, caPem, token })
  }
  return {
    url,
    database: servers[0]?.url ?? '',
    kubeconfig: join(options.home, 'kubeconfig'),
    caPath,
    async restart() {
      await runtime.close()
      runtime = await start(Number(new URL(url).port))
    },
    scheduled: () => runtime.scheduled(),
    failed: Promise.race(servers.map(({ failed }) => failed)),
    close,
  }
}

/** The kernel gives the lock back when the process ends, however it ends. */
function takeLock(home: string): () => void {
  mkdirSync(home, { recursive: true, mode: 0o700 })
  const lock = connect(join(home, 'edge.lock'))
  try {
    lock.ask('BEGIN EXCLUSIVE')
    return () => lock.close()
  } catch (cause) {
    lock.close()
    throw new SettingError(`another kedge edge is using ${home}: stop it first, or choose another --data`, { cause })
  }
}

/** Asked before anything is started: workerd says it late and in other words. */
async function checkPort(host: string, port: number): Promise<void> {
  const probe = createServer()
  try {
    probe.listen(port, host)
    await once(probe, 'listening')
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause)
    const why: Readonly<Record<string, string>> = {
      EADDRINUSE: `port ${port} of ${host} is in use: stop what listens there, or choose another with --port`,
      EACCES: `no permission to listen on port ${port}: choose one above 1023 with --port, or start as root`,
      EADDRNOTAVAIL: `--host ${host} is no address of this machine`,
      ENOTFOUND: `--host ${host} is no address of this machine`,
    }
    throw new SettingError(why[code] ?? `cannot listen on ${host}:${port}: ${code}`, { cause })
  }
  probe.close()
  await once(probe, 'close')
}

/** For a real account: nothing is started here. */
async function initialise(home: string, flags: EdgeFlags): Promise<void> {
  if (flags.url === undefined) throw new SettingError('--url: the address the Worker will have is required with --init')
  if (flags.database === undefined)
    throw new SettingError('--database: the URL of the libSQL database is required with --init')
  const database: Database = {
    url: flags.database,
    ...(flags.authToken === undefined ? {} : { authToken: flags.authToken }),
  }
  const caPem = flags.ca === undefined ? '' : readFileSync(flags.ca, 'utf8')
  const cluster = await keptCluster(home, 'default', database, caPem)
  const steps = await migrated(database, cluster.settings.uid)
  const secret = join(home, `${secretName('default')}.json`)
  writePrivate(secret, JSON.stringify(cluster.settings))
  const kubeconfig = writeKubeconfig(home, { name: 'kedge', server: flags.url, caPem, token: cluster.adminToken })
  say(`migrations run   ${steps}`)
  say(`secret           ${secret}`)
  say(`kubeconfig       ${kubeconfig}`)
  say(`next             npx wrangler secret put ${secretName('default')} < ${secret} && npx wrangler deploy`)
}

/** The cluster's keys, made at first use. Its database may move: the address is always the one given. */
async function keptCluster(home: string, name: string, database: Database, caPem: string): Promise<NewCluster> {
  const path = join(home, `${name}.cluster.json`)
  if (!existsSync(path)) writePrivate(path, JSON.stringify(await newCluster(database, caPem)))
  const kept = JSON.parse(readFileSync(path, 'utf8')) as NewCluster
  return { ...kept, settings: { ...kept.settings, ...database, caPem } }
}

async function migrated(database: Database, uid: string): Promise<number> {
  const sql = httpSql(database)
  try {
    return await migrate(sql, uid)
  } finally {
    await sql.close()
  }
}

function writePrivate(path: string, text: string): void {
  writeFileSync(path, text, { mode: 0o600 })
  chmodSync(path, 0o600)
}

const say = (line: string): void => void process.stdout.write(`${line}\n`)
