/** 5,000 simulated agents over the real protocol, and 10,000 pods bound to their nodes: the control plane on one core. */
import { clientOf, inParallel } from './client.ts'
import { LOAD_CORE, pssMb, SERVER_CORE, startPinned } from './pinned.ts'
import { startServer } from './server.ts'

const NODES = Number(process.env['KEDGE_BENCH_NODES'] ?? '5000')
const PODS = Number(process.env['KEDGE_BENCH_PODS'] ?? '10000')

export async function nodes(): Promise<readonly string[]> {
  const server = await startServer(SERVER_CORE)
  const client = clientOf(server, 64)
  const parameters = [
    'cli/main.ts',
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
    const beganPods = performance.now()
    await inParallel(PODS, 64, (index) =>
      client.post('/api/v1/namespaces/default/pods', {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: `p-${index}` },
        spec: { containers: [{ name: 'main', image: 'example/app:1', resources: { requests: { cpu: '100m' } } }] },
      }),
    )
    const created = (performance.now() - beganPods) / 1000
    await until(
      async () => (await client.get('/api/v1/pods?fieldSelector=spec.nodeName=&limit=1')).text().includes('"items":[]'),
      300_000,
    )
    const bound = (performance.now() - beganPods) / 1000
    return [
      `| ${NODES} simulated nodes joined and Ready | ${joined.toFixed(1)} s (${(NODES / joined).toFixed(0)}/s) |`,
      `| ${PODS} pods created | ${created.toFixed(1)} s (${(PODS / created).toFixed(0)}/s) |`,
      `| ${PODS} pods bound, from the first create | ${bound.toFixed(1)} s (${(PODS / bound).toFixed(0)} pods/s) |`,
      `| control plane with ${NODES} nodes and ${PODS} pods | ${(await pssMb(server.pid)).toFixed(0)} MB PSS |`,
    ]
  } finally {
    agents.kill('SIGKILL')
    await client.close()
    await server.stop()
  }
}

async function until(holds: () => Promise<boolean>, deadlineMs: number): Promise<void> {
  const deadline = performance.now() + deadlineMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${deadlineMs / 1000} s`)
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
}
