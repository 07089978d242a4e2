/**
 * Children that outlive a parent that was killed: they still hold its port or its data, and two over one database would
 * ruin it. Each child's pid is kept in a file; whoever starts next over the same data ends what is left of it.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** How long a child may take to finish what it is doing. */
export const STOP_MS = 5_000

export const keepPid = (file: string, pid: number): void => writeFileSync(file, String(pid), { mode: 0o600 })
export const forgetPid = (file: string): void => rmSync(file, { force: true })

/** Ends the process named in `file`, when its arguments say that it is still the one that was meant. */
export async function endOrphan(file: string, isMeant: (args: readonly string[]) => boolean): Promise<void> {
  const pid = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0
  if (!Number.isInteger(pid) || pid <= 1) return
  const isAlive = (): boolean => isMeant(argumentsOf(pid))
  if (!isAlive()) return forgetPid(file)
  const deadline = performance.now() + STOP_MS
  for (let signal: NodeJS.Signals = 'SIGTERM'; isAlive(); await sleep(20)) {
    if (performance.now() > deadline) signal = 'SIGKILL'
    process.kill(pid, signal)
  }
  forgetPid(file)
}

/** Pids of this process's children; none where there is no /proc. */
export function children(): readonly number[] {
  try {
    return readdirSync('/proc/self/task').flatMap((task) =>
      readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    )
  } catch {
    return []
  }
}

/** [] when there is no such process. */
export function argumentsOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean)
  } catch {
    return []
  }
}
