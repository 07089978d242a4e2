/** kubectl and Helm, unmodified, as `npm test` fetched them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Answer, command, type CommandOptions } from './command.ts'

const cached = fileURLToPath(new URL('../../node_modules/.cache/kedge/clients', import.meta.url))
const folder = process.env['KEDGE_TEST_CLIENTS'] ?? cached

export const kubectlPath = join(folder, 'kubectl')
const helmPath = join(folder, 'helm')
/** Use it as `describe.runIf(hasClients)`. */
export const hasClients = existsSync(kubectlPath) && existsSync(helmPath)

/** One program with one kubeconfig. */
export interface Kubectl {
  /** Answers with stdout; throws what was said when it fails. */
  run(...args: readonly string[]): Promise<string>
  /** The same with something to read. */
  pipe(stdin: string | Uint8Array, ...args: readonly string[]): Promise<string>
  /** Answers with the exit code too, and never throws. */
  try(...args: readonly string[]): Promise<Answer>
  /** Starts it and goes on: for `-w`, `-f` and `port-forward`. */
  watch(...args: readonly string[]): Watched
}

export interface Watched extends AsyncDisposable {
  /** stdout, then stderr, so far */
  text(): string
  /** It ended, by itself or stopped. */
  readonly ended: Promise<unknown>
  stop(): Promise<void>
}

export const kubectl = (kubeconfig: string): Kubectl => clientOf(kubectlPath, kubeconfig)

/** A client with nothing of the user's: its caches lie beside the kubeconfig, and go with it. */
function clientOf(program: string, kubeconfig: string): Kubectl {
  const home = `${kubeconfig}.home`
  const env = { PATH: process.env['PATH'], HOME: home, KUBECACHEDIR: join(home, 'cache'), KUBECONFIG: kubeconfig }
  const attempt = (args: readonly string[], options: CommandOptions = {}): Promise<Answer> =>
    command(program, args, { deadlineMs: 180_000, ...options, env })
  const must = async (args: readonly string[], options?: CommandOptions): Promise<string> => {
    const { code, stdout, stderr } = await attempt(args, options)
    if (code !== 0) throw new Error(`${args.join(' ')}: exit code ${code}\n${stdout}${stderr}`)
    return stdout
  }
  return {
    run: (...args) => must(args),
    pipe: (stdin, ...args) => must(args, { stdin }),
    try: (...args) => attempt(args),
    watch: (...args) => watched(program, args, env),
  }
}

function watched(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Watched {
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => (said[stream] += text))
  }
  const exited = once(child, 'close')
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited
  }
  return { text: () => said.stdout + said.stderr, ended: exited, stop, [Symbol.asyncDispose]: stop }
}
