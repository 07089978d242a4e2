/**
 * 5,000 simulated agents over the real protocol, and bursts of 10,000 pods for their nodes, the control plane on one
 * core. The first burst is what a cluster does: pods are made, bound, fetched by their agents, and reported Running.
 * Before the second the agents are killed, which leaves what a scheduler's benchmark measures: made and bound.
 */
import { clientOf, inParallel } from './client.ts'
import { cpuSeconds, LOAD_CORE, pssMb, SERVER_CORE, startPinned } from './pinned.ts'
import { startServer } from './server.ts'

const NODES = Number(process.env['KEDGE_BENCH_NODES'] ?? '5000')
const PODS = Number(process.env['KEDGE_BENCH_PODS'] ?? '10000')

export async function nodes(): Promise<readonly string[]> {
  const server = await startServer(SERVER_CORE)
  const client = clientOf(server, 64)
  const parameters = [
    'bin/start.js',
    'simulate',
    '--nodes',
    String(NODES),
    '--server',
    server.url,
    '--data',
    server.dataDir,
  ]
  const began = performance.now()
  const agents = startPinned(LOAD_CORE, process.execPath, parameters)
  agents.stderr?.on('data', (chunk: Buffer) => process.stderr.write(chunk))
  // Asked of the agents first: lists of all nodes, again and again, would be part of what is measured.
  const registered = new Promise((resolve) => agents.stdout?.once('data', resolve))
  try {
    await registered
    await until(async () => {
      const { items } = JSON.parse((await client.get('/api/v1/nodes')).text()) as {
        items: { status?: { conditions?: { type: string; status: string }[] } }[]
      }
      return (
        items.filter(({ status }) =>
          status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
        ).length >= NODES
      )
    }, 300_000)
    const joined = (performance.now() - began) / 1000
    const none = (selector: string): Promise<void> =>
      until(
        async () => (await client.get(`/api/v1/pods?fieldSelector=${selector}&limit=1`)).text().includes('"items":[]'),
        300_000,
      )
    const rows = [
      `| ${NODES} simulated nodes joined and Ready | ${joined.toFixed(1)} s (${(NODES / joined).toFixed(0)}/s) |`,
    ]
    const bound = async (what: string, prefix: string): Promise<number> => {
      const burst = performance.now()
      const cpu = cpuSeconds(server.pid)
      await inParallel(PODS, 64, (index) => client.post('/api/v1/namespaces/default/pods', aPod(`${prefix}-${index}`)))
      await none('spec.nodeName=')
      const seconds = (performance.now() - burst) / 1000
      const each = ((cpuSeconds(server.pid) - cpu) / PODS) * 1000
      rows.push(
        `| ${PODS} pods made and bound, ${what} | ${seconds.toFixed(1)} s (${(PODS / seconds).toFixed(0)} pods/s), ${each.toFixed(2)} ms of CPU each |`,
      )
      return burst
    }
    const burst = await bound('agents at work', 'p')
    await none('status.phase!=Running')
    const running = (performance.now() - burst) / 1000
    rows.push(
      `| the same pods reported Running | ${running.toFixed(1)} s (${(PODS / running).toFixed(0)} pods/s) |`,
      `| control plane with ${NODES} nodes and ${PODS} pods | ${(await pssMb(server.pid)).toFixed(0)} MB PSS |`,
    )
    // The polls that were held end with their connections. A poll is held for 25 seconds and a node is taken for Ready
    // 40 seconds after it began: the first nodes fall silent 15 seconds from here.
    agents.kill('SIGKILL')
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    await bound('without agents', 'q')
    return rows
  } finally {
    agents.kill('SIGKILL')
    await client.close()
    await server.stop()
  }
}

const aPod = (name: string): unknown => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { containers: [{ name: 'main', image: 'example/app:1', resources: { requests: { cpu: '100m' } } }] },
})

async function until(holds: () => Promise<boolean>, deadlineMs: number): Promise<void> {
  const deadline = performance.now() + deadlineMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${deadlineMs / 1000} s`)
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
}
