/**
 * A watch as bytes: one JSON object a line, sent as it happens. The bytes of an event are made once and shared
 * by all watchers that show it the same way.
 */
import type { Refusal } from '../../schema/k8s/status.ts'
import type { Watch, WatchEvent, WatchSink } from '../registry/watch.ts'
import type { Reply } from './respond.ts'

/** How an event is shown. `first`: nothing was sent on this watch yet (a Table then carries its columns). */
export interface EventView {
  /** names the view: equal names mean equal bytes for the same event */
  name(first: boolean): string
  /** JSON text of `object` in the event */
  object(event: WatchEvent, first: boolean): string
  bookmark(revision: number, initialEnd: boolean, first: boolean): string
}

/** Bytes that may wait before a stream that has a choice (initial state, backlog) pauses. */
const ROOM_BYTES = 65_536
const encoder = new TextEncoder()

export function watchResponse(
  watch: Watch,
  view: EventView,
  options: { readonly refuse: (error: unknown) => Refusal; readonly reply?: Reply; readonly client: AbortSignal },
): Response {
  const over = new AbortController()
  const stop = (): void => over.abort()
  options.client.addEventListener('abort', stop, { once: true })
  let wake: (() => void) | undefined
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const sink = sinkFor(controller, view, options.refuse, () => new Promise<void>((done) => (wake = done)))
        void watch
          .run(sink, over.signal)
          .catch((error: unknown) => sink.error(error))
          .finally(() => {
            options.client.removeEventListener('abort', stop)
            if (!over.signal.aborted) close(controller)
            over.abort()
          })
      },
      pull() {
        wake?.()
      },
      cancel() {
        over.abort()
        wake?.()
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: ROOM_BYTES }),
  )
  over.signal.addEventListener('abort', () => wake?.(), { once: true })
  return new Response(body, {
    status: 200,
    headers: {
      'content-type': 'application/json',
      'content-encoding': 'identity',
      'cache-control': 'no-cache, no-transform',
      'x-content-type-options': 'nosniff',
      ...options.reply?.headers,
    },
  })
}

function close(controller: ReadableStreamDefaultController<Uint8Array>): void {
  try {
    controller.close()
  } catch {
    // The client was faster.
  }
}

function sinkFor(
  controller: ReadableStreamDefaultController<Uint8Array>,
  view: EventView,
  refuse: (error: unknown) => Refusal,
  drained: () => Promise<void>,
): WatchSink {
  let first = true
  const push = (bytes: Uint8Array): void => {
    first = false
    try {
      controller.enqueue(bytes)
    } catch {
      // The client is gone; the watch ends by its signal.
    }
  }
  return {
    send(event) {
      const make = (): Uint8Array => encoder.encode(`{"type":"${event.type}","object":${view.object(event, first)}}\n`)
      push(event.shared === undefined ? make() : event.shared.shared(`${view.name(first)} ${event.type}`, make))
    },
    bookmark(revision, initialEnd) {
      push(encoder.encode(`{"type":"BOOKMARK","object":${view.bookmark(revision, initialEnd, first)}}\n`))
    },
    error(error) {
      push(encoder.encode(`{"type":"ERROR","object":${JSON.stringify(refuse(error).status())}}\n`))
    },
    room() {
      return (controller.desiredSize ?? 0) > 0 ? undefined : drained()
    },
    get pending() {
      return ROOM_BYTES - (controller.desiredSize ?? ROOM_BYTES)
    },
  }
}
