/**
 * A container's log, from the agent's WebSocket to a stream of bytes. The agent has credit: it is told what the client
 * took and sends at most `LOG_CREDIT` beyond that; one that sends more is cut off.
 */
import type { RawData, WebSocket } from 'ws'
import { LOG_CREDIT } from '../../../schema/wire/stream.ts'
import { keepAlive } from './splice.ts'

/** A failure comes within moments; a log that is silent for longer has begun. */
const FAILS_WITHIN_MS = 2_000

export async function logStream(
  socket: WebSocket,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array> | { readonly error: string }> {
  const queue: Uint8Array[] = []
  let queued = 0
  let taken = 0
  let acknowledged = 0
  let ended: { readonly error?: Error } | undefined
  let wake: (() => void) | undefined
  let began: (error: string | undefined) => void = () => undefined
  const first = new Promise<string | undefined>((resolve) => {
    began = resolve
  })
  const stopPings = keepAlive([socket])
  const stop = (): void => socket.terminate()
  const patience = setTimeout(() => began(undefined), FAILS_WITHIN_MS)
  const finish = (error?: Error): void => {
    ended ??= error === undefined ? {} : { error }
    clearTimeout(patience)
    stopPings()
    signal.removeEventListener('abort', stop)
    began(undefined)
    wake?.()
  }

  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  socket.on('message', (data: RawData, isBinary: boolean) => {
    if (!isBinary) return began((data as Buffer).toString().replace(/^error /, ''))
    const bytes = data as Buffer
    queue.push(bytes)
    queued += bytes.length
    if (queued > 2 * LOG_CREDIT) return socket.terminate()
    began(undefined)
    wake?.()
  })
  socket.on('error', () => socket.terminate())
  socket.on('close', (code) => finish(code === 1000 ? undefined : new Error('the agent went away')))
  socket.resume()

  const error = await first
  if (error !== undefined) {
    socket.close(1000)
    finish()
    return { error }
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        while (queue.length === 0 && ended === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
        const bytes = queue.shift()
        if (bytes === undefined) {
          if (ended?.error === undefined) controller.close()
          else controller.error(ended.error)
          return
        }
        queued -= bytes.length
        taken += bytes.length
        if (taken - acknowledged >= LOG_CREDIT / 4 && socket.readyState === socket.OPEN) {
          acknowledged = taken
          socket.send(`ack ${taken}`)
        }
        if (bytes.length > 0) controller.enqueue(bytes)
        else controller.enqueue(new Uint8Array())
      },
      cancel: stop,
    },
    { highWaterMark: 0 },
  )
}
