/** Servers on one core, load on the other, and what they cost: memory by `smaps_rollup`, CPU by `/proc/<pid>/stat`. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

export const SERVER_CORE = '0'
export const LOAD_CORE = '1'
const root = fileURLToPath(new URL('../..', import.meta.url))

export interface LoadResult {
  readonly ok: number
  readonly failed: number
  /** with the warm-up */
  readonly answered: number
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly firstFailure?: string
}

export function startPinned(
  core: string,
  program: string,
  parameters: readonly string[],
  env: NodeJS.ProcessEnv = {},
): ChildProcess {
  return spawn('taskset', ['-c', core, program, ...parameters], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** The work with this process on the load core: a client on the core of the server would slow it down. */
export async function onLoadCore<Result>(work: () => Promise<Result>): Promise<Result> {
  pinSelf(LOAD_CORE)
  try {
    return await work()
  } finally {
    pinSelf(`${SERVER_CORE},${LOAD_CORE}`)
  }
}

function pinSelf(cores: string): void {
  const { status, stderr } = spawnSync('taskset', ['-acp', cores, String(process.pid)], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`taskset: ${stderr}`)
}

/** Runs `test/bench/<script>` on the load core and parses its last line. */
export async function pinnedScript<Result>(script: string, parameters: readonly string[]): Promise<Result> {
  const child = startPinned(LOAD_CORE, process.execPath, [
    fileURLToPath(new URL(script, import.meta.url)),
    ...parameters,
  ])
  let output = ''
  let complaint = ''
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (complaint += chunk.toString()))
  const code = await new Promise((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`${script} ended with code ${String(code)}: ${complaint}`)
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as Result
}

/** Proportional set size in MB. */
export async function pssMb(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8')
  return Number(/^Pss: +(\d+) kB/m.exec(rollup)?.[1] ?? Number.NaN) / 1024
}

/** Waits until a process that just started has done what it does at its start: a second with 2 % of a core at most. */
export async function settled(pid: number): Promise<void> {
  for (let before = -1, now = cpuSeconds(pid); now - before > 0.02; now = cpuSeconds(pid)) {
    before = now
    await new Promise((resolve) => setTimeout(resolve, 1_000))
  }
}

/** From here on the peak is that of what follows. */
export async function forgetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5')
}

/** Peak resident memory in MB, since the start of the process or `forgetPeak`. */
export async function peakMb(pid: number): Promise<number> {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1024
}

/** CPU seconds of a process and its threads so far. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
