// Runs mount and umount. Arguments never pass a shell.
import { execFile } from 'node:child_process'

const TIMEOUT_MS = 10_000

export function runTool(command: string, args: readonly string[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { signal, timeout: TIMEOUT_MS }, (error, _out, stderr) => {
      if (error === null) resolve()
      else reject(new Error(`${command} ${args.join(' ')}: ${stderr.trim() || error.message}`, { cause: error }))
    })
  })
}
