// Runs one of the host's network tools. Arguments never pass a shell.
import { spawn } from 'node:child_process'

const MAX_OUTPUT = 1 << 20
const TIMEOUT_MS = 10_000

export class ToolError extends Error {
  readonly stderr: string
  constructor(command: string, stderr: string) {
    super(`${command}: ${stderr.trim()}`)
    this.name = 'ToolError'
    this.stderr = stderr
  }
}

/** Standard output; ToolError when it ends with anything but 0. */
export function run(
  command: string,
  args: readonly string[],
  options: { readonly input?: string; readonly signal: AbortSignal },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], signal: options.signal, timeout: TIMEOUT_MS })
    let out = ''
    let err = ''
    child.stdout.on('data', (part: Buffer) => {
      if (out.length < MAX_OUTPUT) out += part.toString()
    })
    child.stderr.on('data', (part: Buffer) => {
      if (err.length < MAX_OUTPUT) err += part.toString()
    })
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? new ToolError(command, 'is not installed') : error),
    )
    child.on('close', (code) => {
      if (code === 0) resolve(out)
      else reject(new ToolError(`${command} ${args.join(' ')}`, err === '' ? `ended with ${code}` : err))
    })
    child.stdin.on('error', () => {})
    child.stdin.end(options.input ?? '')
  })
}
