/**
 * `npm run long -- away [seconds]`: the control plane is killed and stays away for ten minutes. Pods run on, one whose
 * container is killed meanwhile is started again, and on return nothing else is; ends with 1 otherwise.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { docker, dockerHost, image, removePodContainers } from '../tools/docker.ts'
import { eventually } from '../tools/eventually.ts'
import { kedge, startCluster, startProcess } from '../tools/kedge.ts'
import { tempFolder } from '../tools/temp.ts'

const NODE = 'long-away-1'
const PODS = 3
/** after its return: longer than a node's reports and polls may take to find it */
const BACK_MS = 45_000
const awayMs = Number(process.argv[2] ?? 600) * 1000

await using folder = await tempFolder()
const dataDir = `${folder.path}/server`
const first = await startCluster({ dataDir })
const { port, url } = first
const token = (await kedge(['token', 'create', '--data', dataDir])).stdout.trim()
const flags = `agent --server ${url} --node ${NODE} --docker ${dockerHost ?? ''} --data ${folder.path}/agent`
const agent = startProcess([...flags.split(' '), '--token', token])
await first.kubectl.run(
  'create',
  'deployment',
  'still',
  `--image=${image}`,
  `--replicas=${PODS}`,
  '--',
  'sleep',
  '86400',
)
await first.kubectl.run('rollout', 'status', 'deployment/still', '--timeout=120s')

const before = await containers()
await first.stop('SIGKILL')
say(`${before.length} containers run, the control plane is killed`)
await sleep(awayMs / 10)
const victim = before.find((line) => !line.includes(' k8s_POD_'))?.split(' ')[0] ?? ''
await docker(['kill', victim])
const killed = performance.now()
await eventually(async () => (await containers()).length === before.length, { deadlineMs: 60_000 })
say(`one container killed, another in its place after ${((performance.now() - killed) / 1000).toFixed(1)} s`)
await sleep((awayMs * 9) / 10)

const during = await containers()
const lost = before.filter((line) => !during.includes(line))
say(`after ${awayMs / 1000} s: ${during.length} run, ${lost.length} of the first are gone`)
await using second = await startCluster({ dataDir, port })
const pods = ['get', 'pods', '--no-headers'] as const
const restarts = async (): Promise<string> =>
  [...(await second.kubectl.run(...pods)).matchAll(/\s1\/1\s+Running\s+(\d+)/g)]
    .map(([, count]) => Number(count))
    .toSorted((one, other) => one - other)
    .join(' ')
await eventually(async () => (await restarts()) === '0 0 1', { deadlineMs: 60_000, everyMs: 250 })
await sleep(BACK_MS)
const after = await containers()
const kept = JSON.stringify(after) === JSON.stringify(during)
say(
  `${BACK_MS / 1000} s after its return: restarts ${await restarts()}, ${kept ? 'nothing was restarted' : 'others were restarted'}`,
)
await agent.stop()
await second.stop()
await removePodContainers(NODE)
process.exitCode = kept && lost.length === 1 && before.length === 2 * PODS ? 0 : 1

/** `id name` of running containers, the pause containers among them. */
async function containers(): Promise<readonly string[]> {
  const mine = ['--filter', `label=io.kedge.node=${NODE}`, '--format', '{{.ID}} {{.Names}}']
  const { stdout } = await docker(['ps', '--no-trunc', ...mine])
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .toSorted()
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
