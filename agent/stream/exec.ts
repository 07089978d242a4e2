// exec and attach in v5.channel.k8s.io: the first byte of a message is the channel, `FF 00` closes stdin. The end is
// a Status on channel 3. Output waits for the socket and stdin for the process, so neither side can fill memory.
import type { WebSocket } from 'ws'
import type { WireStreamOrder } from '../../schema/wire/poll.ts'
import { MAX_FRAME } from '../../schema/wire/stream.ts'
import type { Driver, Session } from '../driver/driver.ts'
import { EngineError } from '../driver/driver.ts'
import { sendFrame } from './send.ts'
import type { StreamPod } from './stream.ts'

const STDIN = 0
const STDOUT = 1
const STDERR = 2
const STATUS = 3
const RESIZE = 4
const CLOSE = 255

export async function serveExec(
  socket: WebSocket,
  order: WireStreamOrder,
  pod: StreamPod | undefined,
  driver: Driver,
  signal: AbortSignal,
): Promise<void> {
  const flag = (name: string): boolean =>
    order.query.some(([key, value]) => key === name && (value === 'true' || value === '1'))
  const command = order.query.filter(([key]) => key === 'command').map(([, value]) => value)
  const request = { command, tty: flag('tty'), stdin: flag('stdin') }
  let status: object
  try {
    const container = pod?.container(order.container)
    if (container === undefined || container.state !== 'running') {
      throw new EngineError('not-found', `container not found ("${order.container}")`)
    }
    const session =
      order.kind === 'exec'
        ? await driver.exec(container.id, request, signal)
        : await driver.attach(container.id, request, signal)
    status = await pump(socket, session, order.kind, signal)
  } catch (error) {
    if (signal.aborted) return
    const doing = order.kind === 'exec' ? 'executing command in' : 'attaching to'
    status = failure(`error ${doing} container: ${error instanceof Error ? error.message : String(error)}`)
  }
  await sendFrame(socket, channel(STATUS, Buffer.from(JSON.stringify(status))))
  socket.close(1000)
}

async function pump(
  socket: WebSocket,
  session: Session,
  kind: WireStreamOrder['kind'],
  signal: AbortSignal,
): Promise<object> {
  // The process ends with its client, and so does everything it started.
  signal.addEventListener('abort', () => void session.kill().catch(() => {}), { once: true })
  session.input.on('error', () => {})
  socket.on('message', (data: Buffer, binary) => {
    if (binary) receive(data, session, socket)
  })
  socket.resume()
  for await (const { stream, bytes } of session.output) {
    const number = stream === 'stdout' ? STDOUT : STDERR
    for (let at = 0; at < bytes.length; at += MAX_FRAME - 1) {
      await sendFrame(socket, channel(number, bytes.subarray(at, at + MAX_FRAME - 1)))
    }
  }
  if (kind === 'attach') return { metadata: {}, status: 'Success' }
  const code = await session.exitCode()
  return code === 0 ? { metadata: {}, status: 'Success' } : nonZero(code)
}

function receive(data: Buffer, session: Session, socket: WebSocket): void {
  const body = data.subarray(1)
  switch (data[0]) {
    case STDIN:
      if (body.length > 0 && !session.input.writableEnded && !session.input.write(body)) {
        socket.pause()
        session.input.once('drain', () => socket.resume())
      }
      return
    case CLOSE:
      if (body[0] === STDIN) session.input.end()
      return
    case RESIZE:
      resize(body, session)
      return
    default:
    // a channel nobody has: nothing of ours
  }
}

function resize(body: Buffer, session: Session): void {
  try {
    const { Width: columns, Height: rows } = JSON.parse(body.toString('utf8')) as { Width?: unknown; Height?: unknown }
    if (typeof columns !== 'number' || typeof rows !== 'number') return
    // Too early or too late for the engine: the next one will do.
    session.resize(columns, rows).catch(() => {})
  } catch {
    // not JSON: a client's mistake that costs it a resize
  }
}

function channel(number: number, body: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(body.length + 1)
  frame[0] = number
  frame.set(body, 1)
  return frame
}

function nonZero(code: number): object {
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${code}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  }
}

function failure(message: string): object {
  return { metadata: {}, status: 'Failure', message, reason: 'InternalError', code: 500 }
}
