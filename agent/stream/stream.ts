// One stream the control plane ordered: dialled back as a WebSocket, then exec, attach, log or port-forward on it.
import type { WebSocket } from 'ws'
import type { WireStreamOrder } from '../../schema/wire/poll.ts'
import type { Driver } from '../driver/driver.ts'
import type { Link } from '../link/client.ts'
import type { ObservedContainer } from '../plan/observed.ts'
import { serveExec } from './exec.ts'
import { serveLog } from './log.ts'

/** What a stream finds its container with. */
export interface StreamPod {
  container(name: string, previous?: boolean): ObservedContainer | undefined
  sandbox(): ObservedContainer | undefined
}

export interface StreamGround {
  readonly driver: Driver
  worker(uid: string): StreamPod | undefined
}

const DIAL_TIMEOUT_MS = 10_000

export async function serveStream(
  options: {
    readonly order: WireStreamOrder
    readonly link: Link
    readonly bearer: string
    readonly ground: StreamGround
  },
  signal: AbortSignal,
): Promise<void> {
  const { order, ground } = options
  const socket = await dial(options.link, order.id, options.bearer)
  const ended = new AbortController()
  const both = AbortSignal.any([signal, ended.signal])
  socket.on('close', () => ended.abort())
  socket.on('error', () => ended.abort())
  both.addEventListener('abort', () => socket.terminate(), { once: true })
  const pod = ground.worker(order.podUid)
  try {
    switch (order.kind) {
      case 'exec':
      case 'attach':
        return await serveExec(socket, order, pod, ground.driver, both)
      case 'log':
        return await serveLog(socket, order, pod, ground.driver, both)
      case 'portforward': {
        const { servePortForward } = await import('./port-forward.ts')
        return await servePortForward(socket, pod, both)
      }
    }
  } finally {
    if (socket.readyState === socket.OPEN) socket.close(1011, 'the agent gave up')
    // Paused, it would not see the answer to its close.
    socket.resume()
  }
}

/** The library is loaded with the first stream: most nodes never see one, and it is a tenth of the process. */
async function dial(link: Link, id: string, bearer: string): Promise<WebSocket> {
  const { WebSocket: Socket } = await import('ws')
  const { url, caPem } = link.streamTarget(id)
  const socket = new Socket(url, {
    headers: { authorization: `Bearer ${bearer}` },
    perMessageDeflate: false,
    handshakeTimeout: DIAL_TIMEOUT_MS,
    ...(caPem === undefined ? {} : { ca: caPem }),
  })
  // Messages may come with the handshake's answer; nobody listens yet.
  socket.on('open', () => socket.pause())
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  return socket
}
