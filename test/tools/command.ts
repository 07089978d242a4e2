/** Runs a program to its end, with a deadline, and keeps what it said. */
import { spawn } from 'node:child_process'

export interface Answer {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface CommandOptions {
  readonly env?: NodeJS.ProcessEnv
  readonly stdin?: string | Uint8Array
  readonly cwd?: string
  readonly deadlineMs?: number
  /** whose rights it has; only root may give its own away */
  readonly uid?: number
}

/** A program that is killed, at the deadline or by a signal, answers with code 128 + 9 and says so in stderr. */
export function command(program: string, args: readonly string[], options: CommandOptions = {}): Promise<Answer> {
  const { env = process.env, stdin = '', cwd, uid, deadlineMs = 60_000 } = options
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, cwd, uid, stdio: 'pipe', timeout: deadlineMs, killSignal: 'SIGKILL' })
    const said = { stdout: '', stderr: '' }
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => (said[stream] += text))
    }
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (signal !== null) said.stderr += `\n${program} was killed by ${signal}, its deadline is ${deadlineMs} ms`
      resolve({ code: code ?? 137, ...said })
    })
    // A program may end without reading all it is given.
    child.stdin.on('error', () => {})
    child.stdin.end(stdin)
  })
}
