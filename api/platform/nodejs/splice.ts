/**
 * Two WebSockets as one: what comes in at either end goes out at the other, frame by frame and unread. A slow reader
 * holds its writer back, so a session never holds more than `HIGH` bytes for each direction.
 */
import type { RawData, WebSocket } from 'ws'

const HIGH = 1_048_576
const LOW = 262_144
const PING_MS = 30_000
/** CIS 4.2.5: a session in which nothing is said ends after four hours. */
const IDLE_MS = 4 * 3_600_000
const GOING_AWAY = 1011

export function splice(one: WebSocket, other: WebSocket): void {
  let heard = performance.now()
  const stop = keepAlive([one, other], () => {
    if (performance.now() - heard > IDLE_MS) end(one, other, GOING_AWAY, 'idle for four hours')
  })
  const moved = (): void => {
    heard = performance.now()
  }
  relay(one, other, moved, stop)
  relay(other, one, moved, stop)
}

function relay(from: WebSocket, to: WebSocket, moved: () => void, stop: () => void): void {
  from.on('message', (data: RawData, isBinary: boolean) => {
    moved()
    if (to.readyState !== to.OPEN) return
    to.send(data, { binary: isBinary }, () => {
      if (from.isPaused && to.bufferedAmount < LOW) from.resume()
    })
    if (to.bufferedAmount > HIGH) from.pause()
  })
  from.on('close', (code, reason) => {
    stop()
    // A peer that vanished is never reported as a good end.
    if (speakable(code)) close(to, code, reason.toString())
    else close(to, GOING_AWAY, 'the other side went away')
  })
  from.on('error', () => from.terminate())
  from.resume()
}

function end(one: WebSocket, other: WebSocket, code: number, reason: string): void {
  close(one, code, reason)
  close(other, code, reason)
}

function close(socket: WebSocket, code: number, reason: string): void {
  // A paused socket would never see the answer to its close frame.
  socket.resume()
  if (socket.readyState === socket.OPEN) socket.close(code, reason)
}

/** 1004 to 1006 are no codes a peer may be sent. */
const speakable = (code: number): boolean =>
  (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) || code >= 3000

/** Pings each peer; one that did not answer the last ping is gone. Answers how to stop. */
export function keepAlive(sockets: readonly WebSocket[], tick: () => void = () => undefined): () => void {
  const silent = new Set<WebSocket>()
  for (const socket of sockets) socket.on('pong', () => silent.delete(socket))
  const timer = setInterval(() => {
    for (const socket of sockets) {
      if (silent.has(socket) && !socket.isPaused) socket.terminate()
      else if (socket.readyState === socket.OPEN) {
        silent.add(socket)
        socket.ping()
      }
    }
    tick()
  }, PING_MS)
  timer.unref()
  return () => clearInterval(timer)
}
