/** `npm run long -- removals [pods]`: `docker rm -f` of the containers of many pods at once; prints when all are back. */
import { docker, image, removePodContainers } from '../tools/docker.ts'
import { eventually } from '../tools/eventually.ts'
import { startCluster } from '../tools/kedge.ts'

const node = 'long-removals-1'
const pods = Number(process.argv[2] ?? 20)
await using cluster = await startCluster({ agent: true, node })
await cluster.kubectl.run(
  'create',
  'deployment',
  'crowd',
  `--image=${image}`,
  `--replicas=${pods}`,
  '--',
  'sleep',
  '86400',
)
await cluster.kubectl.run('rollout', 'status', 'deployment/crowd', '--timeout=170s')
const running = async (): Promise<readonly string[]> => {
  const filters = ['--filter', `label=io.kedge.node=${node}`, '--filter', 'label=io.kubernetes.docker.type=container']
  return (await docker(['ps', '--quiet', '--no-trunc', ...filters])).stdout.split('\n').filter((id) => id !== '')
}
const before = await running()
const removing = performance.now()
await docker(['rm', '--force', ...before])
const removed = performance.now()
await eventually(async () => (await running()).length === pods, { deadlineMs: 60_000 })
const back = performance.now()
await eventually(
  async () =>
    new RegExp(`\\s${pods}/${pods}\\s`).test(await cluster.kubectl.run('get', 'deployment', 'crowd', '--no-headers')),
  { deadlineMs: 60_000 },
)
const ready = performance.now()
const s = (from: number, to: number): string => `${((to - from) / 1000).toFixed(1)} s`
process.stdout.write(
  `${before.length} removed in ${s(removing, removed)}; all running ${s(removed, back)} later, ready ${s(removed, ready)} later\n`,
)
await cluster.stop()
await removePodContainers(node)
process.exitCode = before.length === pods && ready - removed <= 15_000 ? 0 : 1
