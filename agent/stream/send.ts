// Sending that waits: a producer goes on when the socket has room again.
import { setTimeout as sleep } from 'node:timers/promises'
import type { WebSocket } from 'ws'

const HIGH_BYTES = 1 << 20
const LOW_BYTES = 1 << 18
const LOOK_MS = 5

/** Resolves when less than 1 MiB waits in the socket; throws when it closed. */
export async function sendFrame(socket: WebSocket, frame: Uint8Array): Promise<void> {
  if (socket.readyState !== socket.OPEN) throw new Error('the other side closed the stream')
  socket.send(frame, { binary: true })
  if (socket.bufferedAmount < HIGH_BYTES) return
  while (socket.readyState === socket.OPEN && socket.bufferedAmount > LOW_BYTES) await sleep(LOOK_MS)
}
