/** An HTTP proxy between a control plane and its libSQL server that counts what is asked, by kind. */
import { once } from 'node:events'
import { Agent, createServer, request as send } from 'node:http'

export interface SqlCount {
  /** requests, each one round trip */
  readonly reads: number
  readonly writes: number
  /** statements, those that begin and end transactions left out */
  readonly statements: number
}

export interface SqlRequest {
  readonly kind: 'read' | 'write'
  /** text and arguments */
  readonly statements: readonly string[]
}

export interface CountingProxy {
  readonly url: string
  /** since the last `take` */
  readonly asked: readonly SqlRequest[]
  /** What was asked since the last call; with a filter, of that. */
  take(of?: (request: SqlRequest) => boolean): SqlCount
  close(): Promise<void>
}

export async function countingProxy(target: string): Promise<CountingProxy> {
  const pool = new Agent({ keepAlive: true })
  let asked: SqlRequest[] = []
  const server = createServer((incoming, answer) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const body = Buffer.concat(chunks)
      const all = statementsOf(body)
      const statements = all.filter((text) => !/^(BEGIN|COMMIT|ROLLBACK)/i.test(text))
      const kind = all.some((text) => /^BEGIN IMMEDIATE/i.test(text)) ? 'write' : 'read'
      if (statements.length > 0) asked.push({ kind, statements })
      const { method, headers } = incoming
      const onward = send(new URL(incoming.url ?? '/', target), { method, headers, agent: pool }, (answered) => {
        answer.writeHead(answered.statusCode ?? 502, answered.headers)
        answered.pipe(answer)
      })
      onward.on('error', () => answer.destroy())
      onward.end(body)
    })
  })
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    get asked() {
      return asked
    },
    take(of = () => true) {
      const taken = asked.filter(of)
      asked = []
      const writes = taken.filter(({ kind }) => kind === 'write').length
      const statements = taken.reduce((sum, one) => sum + one.statements.length, 0)
      return { reads: taken.length - writes, writes, statements }
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
      pool.destroy()
    },
  }
}

interface Statement {
  readonly sql?: string
  readonly args?: readonly { readonly value?: unknown }[]
}

interface Pipeline {
  readonly requests?: readonly {
    readonly type: string
    readonly stmt?: Statement
    readonly batch?: { readonly steps: readonly { readonly stmt: Statement }[] }
    readonly sql?: string
  }[]
}

const ARGUMENT = 300

/** Statements travel by their text; the client stores none when it is used as here. */
function statementsOf(body: Buffer): readonly string[] {
  if (body.length === 0) return []
  const { requests = [] } = JSON.parse(body.toString()) as Pipeline
  return requests.flatMap(({ type, stmt, batch, sql }) => {
    if (type === 'execute') return [textOf(stmt ?? {})]
    if (type === 'batch') return (batch?.steps ?? []).map((step) => textOf(step.stmt))
    return type === 'sequence' ? [textOf({ sql: sql ?? '' })] : []
  })
}

function textOf({ sql = '?', args = [] }: Statement): string {
  const values = args.map(({ value }) => String(value).slice(0, ARGUMENT))
  return `${sql.trim().replaceAll(/\s+/g, ' ').slice(0, ARGUMENT)} <- ${values.join(' | ')}`
}
