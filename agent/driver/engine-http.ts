// The Docker Engine API over its unix socket, on node:http alone. dockerode would bring gRPC and SSH along, about
// 30 MB of memory in every agent for twenty requests.
import { Agent, request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { EngineError } from './driver.ts'

/** All but the streams of attach, exec, logs and events share these connections. */
const MAX_SOCKETS = 24
const MAX_ANSWER_BYTES = 64 * 2 ** 20
/** the oldest engine served is 20.10 */
const API = '/v1.41'

export interface EngineRequest {
  readonly method: 'GET' | 'POST' | 'DELETE' | 'HEAD'
  readonly path: string
  readonly query?: { readonly [name: string]: string | number | boolean | undefined }
  readonly headers?: { readonly [name: string]: string }
  readonly body?: unknown
  readonly signal: AbortSignal
}

export class EngineHttp {
  readonly #socketPath: string
  readonly #pool = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS, keepAliveMsecs: 30_000 })

  constructor(socketPath: string) {
    this.#socketPath = socketPath
  }

  /** The parsed answer; EngineError for every refusal. */
  async call(request: EngineRequest): Promise<unknown> {
    const answer = await this.#send(request, this.#pool)
    const text = await readAll(answer)
    return text === '' ? undefined : JSON.parse(text)
  }

  /** The answer as it comes, on a connection of its own. */
  stream(request: EngineRequest): Promise<IncomingMessage> {
    return this.#send(request, false)
  }

  /** The raw connection after the engine switched protocols. */
  hijack(request: EngineRequest): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      const sent = this.#open(request, false, { connection: 'Upgrade', upgrade: 'tcp' })
      sent.on('upgrade', (_answer, socket, head) => {
        if (head.length > 0) socket.unshift(head)
        resolve(socket)
      })
      sent.on('response', (answer: IncomingMessage) => {
        refusal(answer, request).then(reject, reject)
      })
      sent.on('error', (error) => reject(unreachable(error, request)))
      sent.end(request.body === undefined ? undefined : JSON.stringify(request.body))
    })
  }

  close(): void {
    this.#pool.destroy()
  }

  #send(request: EngineRequest, pool: Agent | false): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const sent = this.#open(request, pool, {})
      sent.on('response', (answer: IncomingMessage) => {
        if ((answer.statusCode ?? 500) < 400) resolve(answer)
        else refusal(answer, request).then(reject, reject)
      })
      sent.on('error', (error) => reject(unreachable(error, request)))
      const { body } = request
      sent.end(body === undefined || body instanceof Uint8Array ? body : JSON.stringify(body))
    })
  }

  #open(request: EngineRequest, pool: Agent | false, extra: { readonly [name: string]: string }) {
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) query.set(name, String(value))
    }
    const search = query.size > 0 ? `?${query}` : ''
    const type = request.body instanceof Uint8Array ? 'application/x-tar' : 'application/json'
    return httpRequest({
      socketPath: this.#socketPath,
      agent: pool,
      method: request.method,
      path: `${API}${request.path}${search}`,
      headers: {
        host: 'docker',
        ...(request.body === undefined ? {} : { 'content-type': type }),
        ...request.headers,
        ...extra,
      },
      signal: request.signal,
    })
  }
}

async function readAll(answer: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of answer as AsyncIterable<Buffer>) {
    size += part.length
    if (size > MAX_ANSWER_BYTES)
      throw new EngineError('refused', `the engine's answer is over ${MAX_ANSWER_BYTES} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

async function refusal(answer: IncomingMessage, request: EngineRequest): Promise<EngineError> {
  const text = await readAll(answer).catch(() => '')
  let message = text
  try {
    message = (JSON.parse(text) as { message?: string }).message ?? text
  } catch {
    // not JSON: the text is the message
  }
  const fault = answer.statusCode === 404 ? 'not-found' : answer.statusCode === 409 ? 'conflict' : 'refused'
  return new EngineError(fault, message.trim() || `${request.method} ${request.path}: ${answer.statusCode}`)
}

function unreachable(error: Error, request: EngineRequest): Error {
  if (request.signal.aborted) return error
  return new EngineError('unavailable', `${request.method} ${request.path}: ${error.message}`, error)
}
