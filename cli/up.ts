/**
 * `kedge up` and `kedge server`: the control plane over the embedded file and, for `up`, an agent on the local engine.
 *
 * The agent is a process of its own, tied to this one by an IPC channel: it asks for a join token when it needs one, and
 * ends when the channel does. Containers never end with either.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import type { RunningServer, ServerOptions } from '../api/nodejs.ts'
import { startWriter } from '../api/platform/nodejs/writer.ts'
import { findEngine } from './engine.ts'
import { type Flags, type Settings, settings } from './settings.ts'
import { signalled } from './signals.ts'

/** An agent ends within five seconds of being asked. */
const AGENT_STOP_MS = 7_000

/** Restarts of an agent that died, spaced like a crash-looping container's. */
const AGENT_RESTART_MS = [1_000, 2_000, 5_000, 10_000, 30_000]

/**
 * An agent makes little garbage and shares its machine with the pods: a small young generation, one helper thread.
 * `bin/kedge` gives an agent started by hand the same.
 */
const SMALL = ['--max-semi-space-size=1', '--optimize-for-size', '--v8-pool-size=1']

export async function up(flags: Flags): Promise<void> {
  const chosen = settings(flags, process.env)
  const asked = signalled()
  const stop = new AbortController()
  const server = await start(chosen, stop.signal)
  say(`kedge: Kubernetes API on ${server.url}, ready in ${seconds()} s`)
  say(`  data        ${chosen.data}`)
  say(`  kubeconfig  ${server.kubeconfigPath}`)
  const agent = chosen.agent ? await startAgent(chosen, server, stop.signal) : undefined
  if (!chosen.agent)
    say('  node        none here (--no-agent); add machines with `kedge token create` and `kedge agent`')
  hint(server.kubeconfigPath, agent !== undefined)

  await Promise.race([asked, server.failed])
  say('kedge: stopping; containers keep running')
  stop.abort()
  await agent?.stopped
  await server.close()
}

/** The thread that writes starts while the rest is loaded: each takes a tenth of a second. */
async function start(chosen: Settings, signal: AbortSignal): Promise<RunningServer> {
  const { data: dataDir, host, port } = chosen
  const writer = startWriter()
  try {
    const counted = process.env['KEDGE_COUNT_SQL'] === '1' ? await countSql() : {}
    const { startServer } = await import('../api/nodejs.ts')
    return await startServer({ dataDir, host, port, writer, ...counted }, signal)
  } catch (error) {
    await writer.close()
    throw error
  }
}

/** `KEDGE_COUNT_SQL=1`: each SIGUSR2 says what the databases were asked since the last. An idle cluster asks nothing. */
async function countSql(): Promise<Pick<ServerOptions, 'throughSql'>> {
  const { countedSql } = await import('../api/platform/nodejs/counted.ts')
  const counted = countedSql()
  process.on('SIGUSR2', () => say(`kedge: sql ${JSON.stringify(counted.take())}`))
  return { throughSql: counted.throughSql }
}

interface LocalAgent {
  readonly stopped: Promise<void>
}

async function startAgent(
  chosen: Settings,
  server: RunningServer,
  signal: AbortSignal,
): Promise<LocalAgent | undefined> {
  const engine = await findEngine(chosen.docker, 2_000)
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    say('  node        none here: an agent needs Linux and root; the control plane runs alone')
    return undefined
  }
  if (!engine.found) {
    say(`  node        none here: ${engine.why}; the control plane runs alone`)
    say('              to run pods on this machine: apt-get install docker.io, start it, then start kedge again')
    return undefined
  }
  say(`  node        ${chosen.node} (Docker ${engine.version})`)
  return { stopped: keepAgent(chosen, server, signal) }
}

/** Starts the agent, and again when it dies; ends when `signal` aborts and the process is gone. */
async function keepAgent(chosen: Settings, server: RunningServer, signal: AbortSignal): Promise<void> {
  for (let failures = 0; !signal.aborted; failures += 1) {
    const began = performance.now()
    const code = await runAgentProcess(chosen, server, signal)
    if (signal.aborted) return
    if (performance.now() - began > 60_000) failures = 0
    const wait = AGENT_RESTART_MS[Math.min(failures, AGENT_RESTART_MS.length - 1)] ?? 30_000
    say(`kedge: the agent ended with code ${code}; starting it again in ${wait / 1000} s`)
    await pause(wait, signal)
  }
}

function runAgentProcess(chosen: Settings, server: RunningServer, signal: AbortSignal): Promise<number | null> {
  const parameters = ['agent', '--server', server.url, '--node', chosen.node, '--docker', chosen.docker]
  const child: ChildProcess = fork(
    process.argv[1] ?? '',
    [...parameters, '--data', join(chosen.data, 'agent'), '--ca', server.caPath],
    {
      env: { ...process.env, KEDGE_WITH_PARENT: '1' },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: SMALL,
    },
  )
  child.on('message', (message) => {
    if (message !== 'token') return
    server.createJoinToken({ ttlMs: 600_000, node: chosen.node }).then(
      (token) => child.connected && child.send({ token }),
      (error: unknown) => say(`kedge: no join token for the agent: ${String(error)}`),
    )
  })
  const end = (): void => {
    child.kill('SIGTERM')
    setTimeout(() => child.kill('SIGKILL'), AGENT_STOP_MS).unref()
  }
  signal.addEventListener('abort', end)
  return new Promise((resolve) => {
    child.on('exit', (code) => {
      signal.removeEventListener('abort', end)
      resolve(code)
    })
  })
}

function hint(kubeconfig: string, node: boolean): void {
  say('')
  say(`  export KUBECONFIG=${kubeconfig}`)
  say('  kubectl get nodes')
  if (node) say('  kubectl create deployment web --image=nginx --replicas=3')
  say('')
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}

const seconds = (): string => (performance.now() / 1000).toFixed(2)
const say = (line: string): void => void process.stdout.write(`${line}\n`)
