/**
 * Streams as a Worker holds them: the order goes to the cluster's Durable Object (which wakes the node's poll), the
 * two sides meet in the stream's own object.
 */
import type { StreamOrder, Streams } from '../port.ts'
import { LOG_CREDIT } from '../../../schema/wire/stream.ts'
import type { Environment } from './environment.ts'

/** The cluster's object, from a Worker through a stub, or the object itself. */
export interface Orders {
  order(order: StreamOrder, timeoutMs: number): Promise<void>
  take(node: string): Promise<readonly StreamOrder[]>
}

export function remoteStreams(environment: Environment, object: Orders): Streams {
  const stream = (id: string) => environment.STREAM.get(environment.STREAM.idFromName(id))

  /** The upgrade response, or why there is none. */
  const meet = async (
    order: StreamOrder,
    timeoutMs: number,
    protocol: string,
  ): Promise<Response | { readonly error: string }> => {
    const query = new URLSearchParams({ node: order.node, timeoutMs: String(timeoutMs), protocol })
    const waiting = stream(order.id).fetch(`https://stream/client?${query}`, { headers: { upgrade: 'websocket' } })
    try {
      const [answer] = await Promise.all([waiting, object.order(order, timeoutMs)])
      return answer.status === 101 ? answer : { error: await answer.text() }
    } catch (error) {
      return { error: `error dialing backend: ${error instanceof Error ? error.message : String(error)}` }
    }
  }

  return {
    take: (node) => object.take(node),
    async splice(order, _client, { timeoutMs, protocol }) {
      const answer = await meet(order, timeoutMs, protocol)
      return answer instanceof Response ? answer : failure(answer.error, protocol)
    },
    async read(order, { timeoutMs, signal }) {
      const answer = await meet(order, timeoutMs, '')
      if (!(answer instanceof Response)) return answer
      return answer.webSocket === null ? { error: 'the stream has no socket' } : logStream(answer.webSocket, signal)
    },
    async answer(id, node) {
      const query = new URLSearchParams({ node })
      const answer = await stream(id).fetch(`https://stream/agent?${query}`, { headers: { upgrade: 'websocket' } })
      // What an object answers is immutable; whoever passes it on adds headers.
      return answer.status === 101 ? answer : new Response(answer.body, answer)
    },
  }
}

/** kubectl hides the answer of a refused upgrade, so a failure is a Status on channel 3 of an accepted one. */
function failure(message: string, protocol: string): Response {
  const status = { metadata: {}, status: 'Failure', message, reason: 'InternalError', code: 500 }
  if (!protocol.endsWith('channel.k8s.io')) {
    return Response.json({ kind: 'Status', apiVersion: 'v1', ...status }, { status: 500 })
  }
  const [theirs, ours] = Object.values(new WebSocketPair()) as [WebSocket, WebSocket]
  ours.accept()
  const text = new TextEncoder().encode(JSON.stringify(status))
  const frame = new Uint8Array(text.length + 1)
  frame[0] = 3
  frame.set(text, 1)
  ours.send(frame)
  ours.close(1000)
  return new Response(null, { status: 101, webSocket: theirs, headers: { 'sec-websocket-protocol': protocol } })
}

/**
 * A log as a stream of bytes. workerd's sockets have no back-pressure, so the agent is given credit: it is told how
 * many bytes the client took, and sends at most `LOG_CREDIT` beyond that.
 */
async function logStream(
  socket: WebSocket,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array> | { readonly error: string }> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const writer = writable.getWriter()
  let taken = 0
  let acknowledged = 0
  const stop = (): void => socket.close(1000)
  signal.addEventListener('abort', stop)

  const first = new Promise<string | undefined>((resolve) => {
    socket.addEventListener('message', (event) => {
      if (typeof event.data === 'string') return resolve(event.data.replace(/^error /, ''))
      resolve(undefined)
      const bytes = new Uint8Array(event.data as ArrayBuffer)
      void writer.write(bytes).then(
        () => {
          taken += bytes.length
          if (taken - acknowledged < LOG_CREDIT / 4) return
          acknowledged = taken
          socket.send(`ack ${taken}`)
        },
        () => stop(),
      )
    })
    socket.addEventListener('close', (event) => {
      resolve(undefined)
      signal.removeEventListener('abort', stop)
      void (event.code === 1000 ? writer.close() : writer.abort(new Error('the agent went away'))).catch(stop)
    })
  })
  socket.binaryType = 'arraybuffer'
  socket.accept()
  const error = await first
  return error === undefined ? readable : { error }
}
