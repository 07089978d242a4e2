/** From values to responses. A refusal becomes a Status here and nowhere else. */
import { internalError, Refusal } from '../../schema/k8s/status.ts'
import type { Log, Random } from '../platform/port.ts'
import { storeRefusal } from '../registry/commit.ts'
import { isTrue } from './parse.ts'

const JSON_TYPE = 'application/json'

export interface Reply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly warnings?: readonly string[]
}

/** People with curl or a browser get indented JSON, and everybody who asks for it. */
export function wantsPretty(headers: Headers, query: URLSearchParams): boolean {
  const asked = query.get('pretty')
  if (asked !== null) return isTrue(asked)
  const agent = headers.get('user-agent')
  return agent !== null && (agent.startsWith('curl') || agent.startsWith('Wget') || agent.startsWith('Mozilla/5.0'))
}

function prettyText(text: string): string {
  return JSON.stringify(JSON.parse(text), null, 2)
}

/** One JSON document, already text. */
export function jsonText(text: string, pretty: boolean, reply: Reply = {}): Response {
  return new Response(pretty ? `${prettyText(text)}\n` : `${text}\n`, {
    status: reply.status ?? 200,
    headers: headersOf(reply, JSON_TYPE),
  })
}

/** Chunks of text as they come. */
export function jsonStream(chunks: AsyncIterator<string>, reply: Reply = {}): Response {
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await chunks.next()
        if (next.done === true) controller.close()
        else controller.enqueue(encoded(next.value))
      },
      async cancel() {
        await chunks.return?.()
      },
    },
    { highWaterMark: 0 },
  )
  return new Response(body, { status: reply.status ?? 200, headers: headersOf(reply, JSON_TYPE) })
}

const encoder = new TextEncoder()

/** Text is ASCII nearly always, and then as long in bytes: written in one pass instead of measured first. */
function encoded(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  const { read } = encoder.encodeInto(text, bytes)
  return read === text.length ? bytes : encoder.encode(text)
}

function headersOf(reply: Reply, type: string): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': type,
    'cache-control': 'no-cache, private',
    ...reply.headers,
  }
  if (reply.warnings !== undefined && reply.warnings.length > 0) headers['warning'] = warningHeader(reply.warnings)
  return headers
}

/** At most this much of warnings is sent; the rest would be cut by proxies. */
const MOST_WARNING_BYTES = 4096

/** `299 - "text", 299 - "text"`: quoted, printable ASCII and UTF-8 escaped as upstream does. */
function warningHeader(warnings: readonly string[]): string {
  const parts: string[] = []
  let length = 0
  for (const text of new Set(warnings)) {
    let safe = ''
    for (const char of text) {
      const code = char.codePointAt(0) ?? 0
      if (char === '"' || char === '\\') safe += `\\${char}`
      else if (code >= 32 && code < 127) safe += char
      else if (code > 127) safe += encodeURIComponent(char)
    }
    const part = `299 - "${safe}"`
    length += part.length + 2
    if (length > MOST_WARNING_BYTES) break
    parts.push(part)
  }
  return parts.join(', ')
}

/** Any error as a Status; what nobody foresaw gets an id that is in the log, and no details. */
export function refusalOf(error: unknown, context: { readonly log?: Log; readonly random?: Random }): Refusal {
  const known = storeRefusal(error)
  if (known instanceof Refusal) {
    if (known.code >= 500 && known.cause !== undefined) {
      context.log?.error('request failed', { message: known.message, cause: textOf(known.cause) })
    }
    return known
  }
  const id = context.random?.uuid() ?? 'unknown'
  context.log?.error('request failed unexpectedly', { id, cause: textOf(error) })
  return internalError(`an unexpected error; look for ${id} in the log of the control plane`)
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
}

export function refusalResponse(refusal: Refusal, pretty: boolean, warnings: readonly string[] = []): Response {
  const retry = refusal.retryAfterSeconds
  return jsonText(JSON.stringify(refusal.status()), pretty, {
    status: refusal.code,
    warnings,
    ...(retry === undefined ? {} : { headers: { 'retry-after': String(retry) } }),
  })
}
