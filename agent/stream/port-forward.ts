// port-forward: the WebSocket carries the bytes of one SPDY/3.1 connection whose server is here. For each of the
// client's connections two streams come, `error` and `data`, with the same requestid; `data` is joined to the port
// inside the pod's network namespace.
import { spawn } from 'node:child_process'
import type { Duplex } from 'node:stream'
import { connect } from 'node:net'
import type { WebSocket } from 'ws'
import { whyNoConnection } from '../plan/no-connection.ts'
import type { ObservedContainer } from '../plan/observed.ts'
import { LABEL } from '../plan/observed.ts'
import { sendFrame } from './send.ts'
import type { SpdyStream } from './spdy.ts'
import { SpdyServer } from './spdy.ts'
import type { StreamPod } from './stream.ts'

const MAX_STREAMS = 256

export async function servePortForward(
  socket: WebSocket,
  pod: StreamPod | undefined,
  signal: AbortSignal,
): Promise<void> {
  const sandbox = pod?.sandbox()
  if (sandbox === undefined) {
    socket.close(1011, 'the pod is not running')
    return
  }
  let sending = Promise.resolve()
  let feeding = Promise.resolve()
  const server = new SpdyServer({
    maxStreams: MAX_STREAMS,
    write: (bytes) => {
      sending = sending.then(() => sendFrame(socket, bytes)).catch(() => {})
      return sending
    },
    stream: (stream) => pairs.add(stream),
  })
  const pairs = new Pairs(sandbox)
  socket.on('message', (data: Buffer, binary) => {
    if (!binary) return
    // A paused socket still hands out what it has parsed: one after another, or frames would be mixed.
    socket.pause()
    feeding = feeding
      .then(() => server.feed(data))
      .then(() => socket.resume())
      .catch(() => socket.close(1011, 'not SPDY/3.1'))
  })
  socket.resume()
  await new Promise<void>((resolve) => {
    socket.on('close', () => resolve())
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  pairs.close()
}

class Pairs {
  readonly #sandbox: ObservedContainer
  readonly #errors = new Map<string, SpdyStream>()
  readonly #open = new Set<Duplex>()

  constructor(sandbox: ObservedContainer) {
    this.#sandbox = sandbox
  }

  add(stream: SpdyStream): void {
    const key = `${stream.headers.get('port')} ${stream.headers.get('requestid')}`
    if (stream.headers.get('streamtype') === 'error') {
      this.#errors.set(key, stream)
      return
    }
    const error = this.#errors.get(key)
    this.#errors.delete(key)
    void this.#forward(stream, error, Number(stream.headers.get('port')))
  }

  close(): void {
    for (const one of this.#open) one.destroy()
  }

  async #forward(data: SpdyStream, error: SpdyStream | undefined, port: number): Promise<void> {
    let target: Duplex | undefined
    try {
      target = await dial(this.#sandbox, port)
      this.#open.add(target)
      await join(data, target)
    } catch (failure) {
      const text = failure instanceof Error ? failure.message : String(failure)
      await error?.write(Buffer.from(`failed to connect to port ${port} inside pod: ${text}`))
    } finally {
      if (target !== undefined) {
        this.#open.delete(target)
        target.destroy()
      }
      // kubectl waits for both to end.
      await data.end()
      await error?.end()
    }
  }
}

async function join(data: SpdyStream, target: Duplex): Promise<void> {
  const outward = (async () => {
    for await (const bytes of target as AsyncIterable<Buffer>) await data.write(bytes)
    await data.end()
  })()
  const inward = (async () => {
    for await (const bytes of data) if (!target.write(bytes)) await drained(target)
    target.end()
  })()
  // A client that has all it will get need not end its side first.
  inward.catch(() => {})
  await outward
}

function drained(target: Duplex): Promise<void> {
  return new Promise((resolve) => {
    target.once('drain', resolve)
    target.once('close', resolve)
  })
}

/**
 * 127.0.0.1 in the pod's network, where servers may listen that its address does not reach. Node cannot change the
 * namespace of a thread, so a short-lived helper does the dialling and copies through its pipes.
 */
async function dial(sandbox: ObservedContainer, port: number): Promise<Duplex> {
  const ip = sandbox.labels[LABEL.ip]
  if (ip === undefined) return dialAddress('127.0.0.1', port)
  try {
    return await dialAddress(ip, port)
  } catch {
    return dialInside(sandbox.pid, port)
  }
}

function dialAddress(host: string, port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true, timeout: 5000 })
    socket.once('connect', () => {
      socket.setTimeout(0)
      socket.off('error', reject)
      socket.on('error', () => {})
      resolve(socket)
    })
    socket.once('timeout', () => socket.destroy(new Error(`dial tcp4 ${host}:${port}: i/o timeout`)))
    socket.once('error', reject)
  })
}

const HELPER = `
const s=require('net').connect({host:'127.0.0.1',port:Number(process.argv[1]),allowHalfOpen:true});
s.on('error',e=>{process.stderr.write(JSON.stringify({code:e.code,message:e.message}));process.exit(1)});
s.on('connect',()=>{process.stderr.write('ok');process.stdin.pipe(s);s.pipe(process.stdout)});
s.on('end',()=>process.stdout.write('',()=>process.exit(0)));
s.on('close',()=>process.exit(0))`

/** What the helper said of its error; anything else came from nsenter. */
function whyFrom(said: string): string {
  try {
    return whyNoConnection(JSON.parse(said) as { code?: string; message: string })
  } catch {
    return said === '' ? 'the helper ended' : said.trim()
  }
}

async function dialInside(pid: number, port: number): Promise<Duplex> {
  const { Duplex: Both } = await import('node:stream')
  const child = spawn('nsenter', [`--net=/proc/${pid}/ns/net`, process.execPath, '-e', HELPER, String(port)], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  await new Promise<void>((resolve, reject) => {
    let said = ''
    child.stderr.on('data', (part: Buffer) => {
      said += part.toString('utf8')
      if (said === 'ok') resolve()
    })
    child.on('error', reject)
    child.on('close', () => reject(new Error(`dial tcp4 127.0.0.1:${port}: ${whyFrom(said)}`)))
  })
  const both = Both.from({ readable: child.stdout, writable: child.stdin })
  both.on('close', () => child.kill('SIGKILL'))
  both.on('error', () => {})
  return both
}
