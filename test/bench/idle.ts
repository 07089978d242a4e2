/** Memory and CPU of an idle control plane and of its agent, over ten minutes (`KEDGE_BENCH_IDLE_S` shortens it). */
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../tools/free-port.ts'
import { cpuSeconds, pssMb } from './pinned.ts'

const SECONDS = Number(process.env['KEDGE_BENCH_IDLE_S'] ?? '600')

export async function idle(): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'kedge-bench-idle-'))
  const port = await freePort()
  const parameters = ['bin/kedge', 'up', '--port', String(port), '--data', join(folder, 'data'), '--node', 'idle-1']
  const child = spawn('sh', parameters, { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    await new Promise((resolve) => setTimeout(resolve, 30_000))
    const agent = childOf(child.pid ?? 0)
    const rows: string[] = []
    const before = [child.pid, agent].map((pid) => (pid === undefined ? 0 : cpuSeconds(pid)))
    await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000))
    for (const [index, pid] of [child.pid, agent].entries()) {
      if (pid === undefined) continue
      const share = ((cpuSeconds(pid) - (before[index] ?? 0)) / SECONDS) * 100
      rows.push(
        `| ${index === 0 ? 'control plane' : 'agent'}, idle ${SECONDS} s | ${(await pssMb(pid)).toFixed(1)} MB PSS, ${share.toFixed(2)} % of a core |`,
      )
    }
    return rows
  } finally {
    child.kill('SIGTERM')
    await new Promise((resolve) => child.once('close', resolve))
    await rm(folder, { recursive: true, force: true })
  }
}

function childOf(parent: number): number | undefined {
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8').split(') ')[1] ?? ''
      if (Number(stat.split(' ')[1]) === parent) return Number(entry)
    } catch {
      continue
    }
  }
  return undefined
}
