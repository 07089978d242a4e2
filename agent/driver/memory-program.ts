// What the in-memory engine can run: a few words of sh, enough for pods that sleep, speak, crash or wait to be asked.
// `sh -c` with echo, cat, sleep, exit, env, true, false, trap '...' TERM, and `while true` for ever; the same words
// as a plain command. A program of an image that names none runs until it is asked to end.
import { setTimeout as sleep } from 'node:timers/promises'

export interface Terminal {
  readonly env: readonly string[]
  readonly out: (stream: 'stdout' | 'stderr', text: string) => void
  /** ends with the program's stdin */
  readonly input: AsyncIterable<Uint8Array>
  /** aborted with the name of the signal it got */
  readonly signal: AbortSignal
}

const WORDS = new Set([
  'sh',
  '/bin/sh',
  'echo',
  'cat',
  'sleep',
  'exit',
  'env',
  'true',
  'false',
  'trap',
  'while',
  'nginx',
  'pause',
])

export function known(command: readonly string[]): boolean {
  const [first] = command
  return first === undefined || WORDS.has(first)
}

/** The exit code. Killed: 137. Asked to end: what its trap says, else 143, or 137 later when it ignores it. */
export async function execute(command: readonly string[], terminal: Terminal): Promise<number> {
  const script = command[0]?.endsWith('sh') === true && command[1] === '-c' ? (command[2] ?? '') : command.join(' ')
  const statements = script.split(/[;\n]/).map((statement) => statement.trim())
  let onTerm: string | undefined
  for (let at = 0; at < Math.max(statements.length, 1); at++) {
    const statement = statements[at] ?? ''
    const trap = /^trap\s+(?:"([^"]*)"|'([^']*)')\s+TERM$/.exec(statement)
    if (trap !== null) {
      onTerm = trap[1] ?? trap[2] ?? ''
      continue
    }
    const code = await one(statement, terminal, script === '')
    if (code === 'asked') return asked(onTerm, terminal)
    if (code !== undefined) return code
  }
  return 0
}

type Outcome = number | 'asked' | undefined

async function one(statement: string, terminal: Terminal, empty: boolean): Promise<Outcome> {
  const [word = '', ...rest] = statement.split(/\s+/)
  switch (word) {
    case 'echo': {
      const wrong = rest.at(-1) === '>&2'
      terminal.out(wrong ? 'stderr' : 'stdout', `${(wrong ? rest.slice(0, -1) : rest).join(' ')}\n`)
      return undefined
    }
    case 'env':
      terminal.out('stdout', terminal.env.map((line) => `${line}\n`).join(''))
      return undefined
    case 'exit':
      return Number(rest[0] ?? 0)
    case 'false':
      return 1
    case 'cat':
      for await (const bytes of terminal.input) terminal.out('stdout', Buffer.from(bytes).toString('utf8'))
      return undefined
    case 'sleep':
      return pause(Number(rest[0] ?? 0) * 1000, terminal.signal)
    case 'true':
    case 'done':
      return undefined
    default:
      // A loop for ever, or a server: it runs until something ends it.
      return word === '' && !empty ? undefined : pause(2 ** 31 - 1, terminal.signal)
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<Outcome> {
  try {
    // What runs on when its agent ends must not keep the process, as real containers do not.
    await sleep(ms, undefined, { signal, ref: false })
    return undefined
  } catch {
    return signal.reason === 'SIGKILL' ? 137 : 'asked'
  }
}

function asked(trap: string | undefined, terminal: Terminal): number {
  if (trap === undefined) return 143
  const exit = /exit\s+(\d+)/.exec(trap)
  for (const part of trap.split(';')) {
    const said = /^\s*echo\s+(.*)$/.exec(part)
    if (said !== null) terminal.out('stdout', `${said[1] ?? ''}\n`)
  }
  return Number(exit?.[1] ?? 0)
}
