/**
 * Workers on workerd over real libSQL servers, taken apart: the databases are counted, the runtimes may be several, and
 * each may be killed and started again. Nothing here needs a container engine.
 */
import { join } from 'node:path'
import { Agent, request } from 'undici'
import { migrate } from '../../api/platform/migrate.ts'
import { httpSql } from '../../api/platform/http-sql.ts'
import { openCertificates } from '../../api/platform/nodejs/certificates.ts'
import { bundleWorker, type Edge, startEdge } from '../../cli/edge-runtime.ts'
import { newCluster, secretName } from '../../cli/edge-secrets.ts'
import { type LibsqlServer, startLibsqlServer } from '../../cli/libsql-server.ts'
import { tempFolder } from '../tools/temp.ts'
import { type CountingProxy, countingProxy } from './counting-proxy.ts'

export interface RigCluster {
  readonly name: string
  readonly adminToken: string
  readonly database: CountingProxy
  /** the server itself, past the counter */
  readonly server: LibsqlServer
}

export interface Api {
  readonly url: string
  /** `body` as JSON; answers with status and parsed body. */
  send(method: string, path: string, body?: unknown, more?: Sending): Promise<ApiAnswer>
  /** Opens a stream and reads its lines until it is stopped. */
  stream(path: string, more?: Sending): Promise<Lines>
}

export interface Sending {
  readonly headers?: Readonly<Record<string, string>>
  readonly token?: string
}

export interface ApiAnswer {
  readonly status: number
  readonly text: string
  // Tests look into answers of every shape.
  // oxlint-disable-next-line typescript/no-explicit-any -- a test reads what it expects
  readonly body: any
}

export interface Lines {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** so far */
  readonly lines: readonly string[]
  /** the server ended it */
  readonly ended: Promise<void>
  stop(): void
}

export interface EdgeRig extends AsyncDisposable {
  /** everything it keeps lies here */
  readonly folder: string
  readonly caPem: string
  readonly clusters: readonly RigCluster[]
  /** A runtime with Durable Objects of its own, kept under `objects`. Cron does not fire by itself. */
  start(objects?: string, port?: number): Promise<Edge>
  api(edge: Edge, cluster?: RigCluster): Api
  cluster(name: string): RigCluster
}

export async function edgeRig(names: readonly string[] = ['default']): Promise<EdgeRig> {
  const folder = await tempFolder()
  const { caPem, serving } = await openCertificates(folder.path, ['127.0.0.1'], Date.now())
  const secrets: Record<string, string> = {}
  const clusters: RigCluster[] = []
  for (const name of names) {
    const server = await startLibsqlServer(join(folder.path, 'databases', name))
    const database = await countingProxy(server.url)
    const { settings, adminToken } = await newCluster({ url: database.url }, caPem)
    const sql = httpSql(database)
    await migrate(sql, settings.uid)
    await sql.close()
    secrets[secretName(name)] = JSON.stringify(settings)
    clusters.push({ name, adminToken, database, server })
  }
  const bundle = await bundleWorker()
  const edges = new Set<Edge>()
  const sockets = new Agent({ connect: { ca: caPem }, connections: 256, headersTimeout: 0, bodyTimeout: 0 })
  const [first] = clusters
  if (first === undefined) throw new Error('a rig needs a cluster')
  return {
    folder: folder.path,
    caPem,
    clusters,
    async start(objects = 'objects', port = 0) {
      const edge = await startEdge({
        host: '127.0.0.1',
        port,
        certificatePem: serving.certificatePem,
        keyPem: serving.keyPem,
        secrets,
        objects: join(folder.path, objects),
        bundle,
        cron: false,
      })
      edges.add(edge)
      return edge
    },
    cluster(name) {
      const found = clusters.find((one) => one.name === name)
      if (found === undefined) throw new Error(`the rig has no cluster ${name}`)
      return found
    },
    api: (edge, cluster = first) => apiOf(edge.url, cluster, sockets),
    async [Symbol.asyncDispose]() {
      await sockets.destroy()
      for (const edge of edges) await edge.close()
      for (const { database, server } of clusters) {
        await database.close()
        await server.close()
      }
      await folder[Symbol.asyncDispose]()
    },
  }
}

function apiOf(origin: string, cluster: RigCluster, dispatcher: Agent): Api {
  const url = cluster.name === 'default' ? origin : `${origin}/clusters/${cluster.name}`
  const headersOf = ({ headers = {}, token = cluster.adminToken }: Sending): Record<string, string> => ({
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    ...headers,
  })
  return {
    url,
    async send(method, path, body, more = {}) {
      const answer = await request(`${url}${path}`, {
        method: method as 'GET',
        headers: headersOf(more),
        dispatcher,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await answer.body.text()
      let parsed: unknown
      try {
        parsed = JSON.parse(text)
      } catch {
        parsed = undefined
      }
      return { status: answer.statusCode, text, body: parsed }
    },
    async stream(path, more = {}) {
      const abort = new AbortController()
      const answer = await request(`${url}${path}`, { headers: headersOf(more), dispatcher, signal: abort.signal })
      const lines: string[] = []
      const ended = (async () => {
        let rest = ''
        try {
          for await (const chunk of answer.body) {
            const parts = (rest + String(chunk)).split('\n')
            rest = parts.pop() ?? ''
            lines.push(...parts)
          }
        } catch {
          // stopped
        }
      })()
      return { status: answer.statusCode, headers: answer.headers, lines, ended, stop: () => abort.abort() }
    },
  }
}

export const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps'
export const PODS = '/api/v1/namespaces/default/pods'

export const configMap = (name: string, data: Readonly<Record<string, string>> = {}): unknown => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
})

export const pod = (name: string): unknown => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { containers: [{ name: 'main', image: 'kedge.test/none:1', resources: { requests: { cpu: '10m' } } }] },
})

/** A node as an agent would have registered it, that nobody stands behind. */
export async function readyNode(api: Api, name: string): Promise<void> {
  const made = await api.send('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name } })
  if (made.status !== 201) throw new Error(made.text)
  const resources = { cpu: '64', memory: '64Gi', pods: '500', 'ephemeral-storage': '100Gi' }
  const status = {
    capacity: resources,
    allocatable: resources,
    conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'ready' }],
  }
  const answer = await api.send('PATCH', `/api/v1/nodes/${name}/status`, { status }, MERGE)
  if (answer.status !== 200) throw new Error(answer.text)
}

export const MERGE = { headers: { 'content-type': 'application/merge-patch+json' } } as const
