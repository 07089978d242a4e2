/** The real thing as a process: `kedge up`, `kedge server`, `kedge agent`, started from a test and stopped with it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pinnedNode } from '../../bin/node.js'
import { type Answer, command, type CommandOptions } from './command.ts'
import { dockerHost, removePodContainers } from './docker.ts'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'
import { type Kubectl, kubectl } from './kubectl.ts'
import { tempFolder } from './temp.ts'

const main = fileURLToPath(new URL('../../bin/start.js', import.meta.url))

export interface KedgeProcess extends AsyncDisposable {
  readonly pid: number
  /** everything it said so far, stdout and stderr in the order they came */
  output(): string
  /** Ends it and answers with its exit code; null when a signal killed it. A second call answers the same. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** Starts `kedge <args>`. It is killed when it does not end within ten seconds of being asked. */
export function startProcess(args: readonly string[], env: NodeJS.ProcessEnv = {}): KedgeProcess {
  const child = spawn(pinnedNode(), [main, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  }
  const exited = once(child, 'close').then(() => child.exitCode)
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> => {
    if (isRunning(child)) child.kill(signal)
    const kill = setTimeout(() => child.kill('SIGKILL'), 10_000)
    try {
      return await exited
    } finally {
      clearTimeout(kill)
    }
  }
  if (child.pid === undefined) throw new Error(`cannot start ${pinnedNode()}`)
  return { pid: child.pid, output: () => output, stop, [Symbol.asyncDispose]: async () => void (await stop('SIGKILL')) }
}

const isRunning = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null

/** `kedge <args>` to its end, for commands that answer: `token create`, `simulate`. */
export function kedge(args: readonly string[], options: CommandOptions = {}): Promise<Answer> {
  return command(pinnedNode(), [main, ...args], options)
}

export interface ClusterOptions {
  /** with an agent on the Docker engine of the tests, as `kedge up`; otherwise the control plane alone */
  readonly agent?: boolean
  /** name of the node, with an agent */
  readonly node?: string
  /** a folder that outlives the process; otherwise one that goes with it */
  readonly dataDir?: string
  readonly port?: number
  readonly env?: NodeJS.ProcessEnv
}

export interface RunningCluster extends KedgeProcess {
  readonly url: string
  readonly port: number
  readonly dataDir: string
  readonly kubeconfig: string
  /** milliseconds from the start of the process to its first line, which it says once it answers */
  readonly startedInMs: number
  readonly kubectl: Kubectl
}

/** A cluster that answers: `await using cluster = await startCluster({ agent: true })`. */
export async function startCluster(options: ClusterOptions = {}): Promise<RunningCluster> {
  const temporary = options.dataDir === undefined ? await tempFolder() : undefined
  const dataDir = options.dataDir ?? join(temporary?.path ?? '', 'data')
  const port = options.port ?? (await freePort())
  const common = ['--port', String(port), '--data', dataDir]
  const started = performance.now()
  const process = startProcess(
    options.agent === true ? ['up', ...common, ...agentFlags(options)] : ['server', ...common],
    options.env,
  )
  try {
    const { url, kubeconfig } = await eventually(() => whereabouts(process.output()), {
      deadlineMs: 20_000,
      everyMs: 5,
    })
    const startedInMs = performance.now() - started
    return {
      ...process,
      url,
      port,
      dataDir,
      kubeconfig,
      startedInMs,
      kubectl: kubectl(kubeconfig),
      [Symbol.asyncDispose]: async () => {
        await process.stop()
        if (temporary === undefined) return
        // The pods outlive the process, and nobody would find them without its data.
        if (options.node !== undefined) await removePodContainers(options.node)
        await temporary[Symbol.asyncDispose]()
      },
    }
  } catch (error) {
    await process.stop('SIGKILL')
    await temporary?.[Symbol.asyncDispose]()
    throw new Error(`kedge does not start, it said:\n${process.output()}`, { cause: error })
  }
}

function agentFlags({ node }: ClusterOptions): string[] {
  if (dockerHost === undefined) throw new Error('there is no Docker engine for tests: start them with npm test')
  return ['--docker', dockerHost, ...(node === undefined ? [] : ['--node', node])]
}

/** What the first lines say, once they are there. */
function whereabouts(output: string): { readonly url: string; readonly kubeconfig: string } | false {
  const url = /Kubernetes API on (https:\/\/\S+?),? /.exec(output)?.[1]
  const kubeconfig = /^ +kubeconfig +(\S+)$/m.exec(output)?.[1]
  return url !== undefined && kubeconfig !== undefined && { url, kubeconfig }
}
