// Logs of a container. The other side answers `ack <total>`; no more than LOG_CREDIT bytes are ever on the way.
import type { WebSocket } from 'ws'
import type { WireStreamOrder } from '../../schema/wire/poll.ts'
import { LOG_CREDIT, MAX_FRAME } from '../../schema/wire/stream.ts'
import type { Driver } from '../driver/driver.ts'
import type { StreamPod } from './stream.ts'

export async function serveLog(
  socket: WebSocket,
  order: WireStreamOrder,
  pod: StreamPod | undefined,
  driver: Driver,
  signal: AbortSignal,
): Promise<void> {
  const query = new Map(order.query)
  const flag = (name: string): boolean => ['true', '1'].includes(query.get(name) ?? '')
  const previous = flag('previous')
  const container = pod?.container(order.container, previous)
  if (container === undefined) {
    const what = previous ? `previous terminated container "${order.container}"` : `container "${order.container}"`
    return fail(socket, `${what} in pod "${order.pod}" not found`)
  }
  const credit = new Credit(socket, signal)
  const limit = query.has('limitBytes') ? Number(query.get('limitBytes')) : Number.POSITIVE_INFINITY
  const wanted = query.get('stream')
  // Ends the read when the limit was met before the log ended.
  const reading = new AbortController()
  try {
    const chunks = driver.logs(
      container.id,
      {
        follow: flag('follow') && container.state === 'running' && !previous,
        timestamps: flag('timestamps'),
        tail: query.has('tailLines') ? Number(query.get('tailLines')) : undefined,
        sinceMs: sinceOf(query),
      },
      AbortSignal.any([signal, reading.signal]),
    )
    let sent = 0
    for await (const { stream, bytes } of chunks) {
      if ((wanted === 'Stdout' && stream === 'stderr') || (wanted === 'Stderr' && stream === 'stdout')) continue
      const some = bytes.subarray(0, limit - sent)
      for (let at = 0; at < some.length; at += MAX_FRAME) await credit.send(some.subarray(at, at + MAX_FRAME))
      sent += some.length
      if (sent >= limit) break
    }
  } catch (error) {
    if (signal.aborted) return
    return fail(socket, error instanceof Error ? error.message : String(error))
  } finally {
    reading.abort()
  }
  socket.close(1000)
}

function sinceOf(query: ReadonlyMap<string, string>): number | undefined {
  const time = query.get('sinceTime')
  if (time !== undefined) return Date.parse(time)
  const seconds = query.get('sinceSeconds')
  return seconds === undefined ? undefined : Date.now() - Number(seconds) * 1000
}

function fail(socket: WebSocket, text: string): void {
  socket.send(`error ${text}`)
  socket.close(1000)
}

class Credit {
  readonly #socket: WebSocket
  readonly #signal: AbortSignal
  #sent = 0
  #taken = 0
  #wake: () => void = () => {}

  constructor(socket: WebSocket, signal: AbortSignal) {
    this.#socket = socket
    this.#signal = signal
    signal.addEventListener('abort', () => this.#wake(), { once: true })
    socket.on('message', (data: Buffer, binary) => {
      const told = binary ? null : /^ack (\d+)$/.exec(data.toString('utf8'))
      if (told === null) return
      this.#taken = Math.max(this.#taken, Number(told[1]))
      this.#wake()
    })
    socket.resume()
  }

  async send(bytes: Uint8Array): Promise<void> {
    while (this.#sent + bytes.length - this.#taken > LOG_CREDIT) {
      this.#signal.throwIfAborted()
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    this.#signal.throwIfAborted()
    this.#sent += bytes.length
    this.#socket.send(bytes, { binary: true })
  }
}
