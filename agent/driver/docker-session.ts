// Streams into a container on Docker: a program started beside its own, or its own first one.
import type { InspectAnswer } from './docker-read.ts'
import { chunks } from './docker-stream.ts'
import type { ExecRequest, Session } from './driver.ts'
import { EngineError } from './driver.ts'
import type { EngineHttp } from './engine-http.ts'

const KILL_TIMEOUT_MS = 5000

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
  const query = { stream: true, stdin: request.stdin, stdout: true, stderr: true }
  const socket = await http.hijack({ method: 'POST', path: `/containers/${id}/attach`, query, signal })
  const exitCode = async (): Promise<number> => {
    try {
      const path = `/containers/${id}/json`
      return ((await http.call({ method: 'GET', path, signal })) as InspectAnswer).State.ExitCode
    } catch (error) {
      // Removed as soon as it ended.
      if (error instanceof EngineError && error.fault === 'not-found') return 0
      throw error
    }
  }
  return {
    input: socket,
    output: chunks(socket as AsyncIterable<Buffer>, request.tty),
    resize: async (columns, rows) => {
      await http.call({ method: 'POST', path: `/containers/${id}/resize`, query: { w: columns, h: rows }, signal })
    },
    exitCode,
    kill: async () => {
      socket.destroy()
    },
  }
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
