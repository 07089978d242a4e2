// Streams into a container on Docker: a program started beside its own, or its own first one.
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import type { InspectAnswer } from './docker-read.ts'
import { chunks } from './docker-stream.ts'
import type { Chunk, ExecRequest, Session } from './driver.ts'
import { EngineError } from './driver.ts'
import type { EngineHttp } from './engine-http.ts'

const KILL_TIMEOUT_MS = 5000
/** a container that is over has had its output passed on by then */
const SILENCE_MS = 1000

export async function execSession(
  http: EngineHttp,
  id: string,
  request: ExecRequest,
  signal: AbortSignal,
): Promise<Session> {
  const body = {
    Cmd: request.command,
    Tty: request.tty,
    AttachStdin: request.stdin,
    AttachStdout: true,
    AttachStderr: !request.tty,
  }
  const made = (await http.call({ method: 'POST', path: `/containers/${id}/exec`, body, signal })) as { Id: string }
  const path = `/exec/${made.Id}`
  const socket = await http.hijack({
    method: 'POST',
    path: `${path}/start`,
    body: { Detach: false, Tty: request.tty },
    signal,
  })
  const look = async (until: AbortSignal): Promise<{ Running: boolean; ExitCode: number | null; Pid: number }> =>
    (await http.call({ method: 'GET', path: `${path}/json`, signal: until })) as {
      Running: boolean
      ExitCode: number | null
      Pid: number
    }
  return {
    input: socket,
    output: chunks(socket as AsyncIterable<Buffer>, request.tty),
    resize: async (columns, rows) => {
      await http.call({ method: 'POST', path: `${path}/resize`, query: { w: columns, h: rows }, signal })
    },
    exitCode: async () => (await look(signal)).ExitCode ?? 0,
    // The API has no way to end an exec. Pid 0 means not started yet, and kill(0) would be the agent itself.
    kill: async () => {
      // Asked for when the caller's own signal has been given.
      const { Pid: pid, Running: alive } = await look(AbortSignal.timeout(KILL_TIMEOUT_MS))
      if (alive && pid > 1) killQuietly(pid)
      socket.destroy()
    },
  }
}

export async function attachSession(
  http: EngineHttp,
  id: string,
  request: Omit<ExecRequest, 'command'>,
  signal: AbortSignal,
): Promise<Session> {
  const path = `/containers/${id}`
  const look = async (): Promise<InspectAnswer['State']> =>
    ((await http.call({ method: 'GET', path: `${path}/json`, signal })) as InspectAnswer).State
  // Docker would take it, and never end it. Refused, a client reads the log instead.
  if (!(await look()).Running) throw notRunning(id)
  const query = { stream: true, stdin: request.stdin, stdout: true, stderr: true }
  const socket = (await http.hijack({ method: 'POST', path: `${path}/attach`, query, signal })) as Socket
  const closed = new AbortController()
  socket.once('close', () => closed.abort())
  const late = cutWhenOver(http, id, socket, AbortSignal.any([signal, closed.signal]))
  return {
    input: socket,
    output: untilCut(id, chunks(socket as AsyncIterable<Buffer>, request.tty), late),
    resize: async (columns, rows) => {
      await http.call({ method: 'POST', path: `${path}/resize`, query: { w: columns, h: rows }, signal })
    },
    exitCode: async () => {
      try {
        return (await look()).ExitCode
      } catch (error) {
        // Removed as soon as it ended.
        if (error instanceof EngineError && error.fault === 'not-found') return 0
        throw error
      }
    },
    kill: async () => {
      socket.destroy()
    },
  }
}

/**
 * Docker ends the streams of a container that exits, but not one that was attached just after. Such a one is cut
 * when the container is over and nothing comes any more. Answers whether it was; never throws.
 */
async function cutWhenOver(http: EngineHttp, id: string, socket: Socket, signal: AbortSignal): Promise<boolean> {
  try {
    await over(http, id, signal)
    // A reader that is slow leaves bytes waiting, here or in the engine: they are its still.
    for (let seen = -1; seen !== socket.bytesRead || socket.readableLength > 0;) {
      seen = socket.bytesRead
      await sleep(SILENCE_MS, undefined, { signal })
    }
  } catch {
    // It closed by itself, or the engine does not answer, and then it closes as well.
    return false
  }
  socket.destroy()
  return true
}

/** Answers when the container does not run any more, or is gone. */
async function over(http: EngineHttp, id: string, signal: AbortSignal): Promise<void> {
  try {
    const query = { condition: 'not-running' }
    // On a connection of its own: it lasts as long as the container.
    await text(await http.stream({ method: 'POST', path: `/containers/${id}/wait`, query, signal }))
  } catch (error) {
    if (!(error instanceof EngineError && error.fault === 'not-found')) throw error
  }
}

async function* untilCut(id: string, source: AsyncIterable<Chunk>, cut: Promise<boolean>): AsyncGenerator<Chunk> {
  let any = false
  try {
    for await (const chunk of source) {
      any = true
      yield chunk
    }
  } catch (error) {
    if (!(await cut)) throw error
    // All it ever said was said before.
    if (!any) throw notRunning(id)
  }
}

function notRunning(id: string): EngineError {
  return new EngineError('conflict', `container ${id} is not running`)
}

/** With its group, when it leads one: what it started would hold the output open. */
function killQuietly(pid: number): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, 'SIGKILL')
    } catch {
      // not a leader, or it ended by itself
    }
  }
}
