/**
 * Structured lines on stderr, one JSON object each. `KEDGE_LOG` is `debug`, `info`, `warn` (the default) or `error`:
 * quiet unless something is wrong. Values are written as they are given; callers give no secrets.
 */
import type { Log } from '../port.ts'

const LEVELS = ['debug', 'info', 'warn', 'error']

export function nodeLog(level: string | undefined, write: (line: string) => void = toStderr): Log {
  const least = Math.max(LEVELS.indexOf(level ?? 'warn'), 0)
  const at = (name: string) => (message: string, fields?: Readonly<Record<string, unknown>>) => {
    if (LEVELS.indexOf(name) >= least) write(lineOf(name, message, fields))
  }
  return { info: at('info'), warn: at('warn'), error: at('error') }
}

function lineOf(level: string, message: string, fields?: Readonly<Record<string, unknown>>): string {
  const plain = Object.entries(fields ?? {}).map(([name, value]) => [
    name,
    value instanceof Error ? (value.stack ?? value.message) : value,
  ])
  return `${JSON.stringify({ at: new Date().toISOString(), level, message, ...Object.fromEntries(plain) })}\n`
}

function toStderr(line: string): void {
  process.stderr.write(line)
}
