// The control plane over HTTPS: three calls and the WebSockets of streams, with the cluster's CA as the only one
// trusted when one is given. On node:https; undici would cost every agent 25 MB more.
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { IncomingMessage } from 'node:http'
import type { PollRequest, PollResponse } from '../../schema/wire/poll.ts'
import { pollResponse } from '../../schema/wire/poll.ts'
import type { RegisterRequest, RegisterResponse } from '../../schema/wire/register.ts'
import { wireRefusal } from '../../schema/wire/refusal.ts'
import { registerResponse } from '../../schema/wire/register.ts'
import type { ReportRequest, ReportResponse } from '../../schema/wire/report.ts'
import { reportResponse } from '../../schema/wire/report.ts'

/** an assignment of everything may be large; more than this is not one */
const MAX_ANSWER_BYTES = 256 * 2 ** 20
const CALL_TIMEOUT_MS = 30_000
/** connections at once: one for the poll, one for the reports, and room for a registration */
const MAX_SOCKETS = 4
/** beyond the wait the poll itself asks for */
const POLL_SLACK_MS = 15_000

/** An answer other than 200. */
export class Refused extends Error {
  readonly code: number
  readonly retryAfterMs: number
  constructor(code: number, message: string, retryAfterMs: number) {
    super(message)
    this.name = 'Refused'
    this.code = code
    this.retryAfterMs = retryAfterMs
  }
}

/** No answer, or none that can be understood. */
export class Unanswered extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.name = 'Unanswered'
  }
}

export interface LinkOptions {
  readonly server: string
  /** PEM; absent: the system's */
  readonly caPem?: string
}

export class Link {
  readonly #base: URL
  readonly #caPem: string | undefined
  readonly #pool: HttpAgent | HttpsAgent

  constructor(options: LinkOptions) {
    this.#base = new URL(options.server)
    if (this.#base.protocol !== 'https:' && this.#base.protocol !== 'http:') {
      throw new Error(`server ${options.server}: must be an http or https URL`)
    }
    this.#caPem = options.caPem
    const pool = { keepAlive: true, maxSockets: MAX_SOCKETS }
    this.#pool = this.#secure
      ? new HttpsAgent({ ...pool, ...(options.caPem === undefined ? {} : { ca: options.caPem }) })
      : new HttpAgent(pool)
  }

  get #secure(): boolean {
    return this.#base.protocol === 'https:'
  }

  register(bearer: string, body: RegisterRequest, signal: AbortSignal): Promise<RegisterResponse> {
    return this.#call('register', bearer, body, CALL_TIMEOUT_MS, signal, registerResponse)
  }

  poll(bearer: string, body: PollRequest, signal: AbortSignal): Promise<PollResponse> {
    const timeoutMs = body.waitMs + POLL_SLACK_MS
    return this.#call('poll', bearer, body, timeoutMs, signal, pollResponse)
  }

  report(bearer: string, body: ReportRequest, signal: AbortSignal): Promise<ReportResponse> {
    return this.#call('report', bearer, body, CALL_TIMEOUT_MS, signal, reportResponse)
  }

  /** Where and how to dial a stream. */
  streamTarget(id: string): { readonly url: string; readonly caPem: string | undefined } {
    const url = this.#url(`streams/${encodeURIComponent(id)}`)
    url.protocol = this.#secure ? 'wss:' : 'ws:'
    return { url: url.href, caPem: this.#caPem }
  }

  close(): void {
    this.#pool.destroy()
  }

  /** Below the server's own path: a cluster may live under a prefix. */
  #url(path: string): URL {
    const url = new URL(this.#base)
    url.pathname = `${url.pathname.replace(/\/$/, '')}/agent/v1/${path}`
    return url
  }

  /** Throws `Refused` or `Unanswered`. */
  async #call<T>(
    path: string,
    bearer: string,
    body: unknown,
    timeoutMs: number,
    signal: AbortSignal,
    schema: { parse(answer: unknown): T },
  ): Promise<T> {
    const text = JSON.stringify(body)
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
    try {
      const answer = await this.#send(path, bearer, text, limit)
      const said = await readAll(answer)
      if (answer.statusCode === 200) return schema.parse(JSON.parse(said))
      throw refused(answer, said)
    } catch (error) {
      throw error instanceof Refused ? error : new Unanswered(error)
    }
  }

  #send(path: string, bearer: string, text: string, signal: AbortSignal): Promise<IncomingMessage> {
    const open = this.#secure ? httpsRequest : httpRequest
    return new Promise((resolve, reject) => {
      const sent = open(
        this.#url(path),
        {
          method: 'POST',
          agent: this.#pool,
          headers: {
            authorization: `Bearer ${bearer}`,
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(text),
          },
          signal,
        },
        resolve,
      )
      sent.on('error', (error) => reject(understood(error)))
      sent.end(text)
    })
  }
}

const UNTRUSTED = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
])

/** The one TLS failure everybody meets once, said in terms of what to do. */
function understood(error: NodeJS.ErrnoException): Error {
  if (!UNTRUSTED.has(error.code ?? '')) return error
  const todo = "join with a token made by 'kedge token create', or name its authority with --ca"
  return new Error(`the control plane's certificate is not signed by an authority known here: ${todo}`, {
    cause: error,
  })
}

async function readAll(answer: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of answer as AsyncIterable<Buffer>) {
    size += part.length
    if (size > MAX_ANSWER_BYTES) throw new Error(`the control plane's answer is over ${MAX_ANSWER_BYTES} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

function refused(answer: IncomingMessage, said: string): Refused {
  const message = messageOf(said)
  const seconds = Number(answer.headers['retry-after'])
  const retryAfterMs = Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 0
  return new Refused(answer.statusCode ?? 0, message === '' ? `HTTP ${answer.statusCode}` : message, retryAfterMs)
}

/** The message of a Status; of anything else (a proxy on the way) what it said. */
function messageOf(said: string): string {
  try {
    return wireRefusal.parse(JSON.parse(said)).message
  } catch {
    return said.slice(0, 500)
  }
}
