/** `npm run long -- kills [kills]`: `kill -9` of the control plane under 100 writes/s; ends with 1 when anything is lost. */
import { image, removePodContainers } from '../tools/docker.ts'
import { killUnderWrites } from '../tools/kill-under-writes.ts'
import { startCluster } from '../tools/kedge.ts'
import { tempFolder } from '../tools/temp.ts'

const node = 'long-kills-1'
await using folder = await tempFolder()
const first = await startCluster({ agent: true, node, dataDir: `${folder.path}/data` })
await first.kubectl.run('create', 'deployment', 'still', `--image=${image}`, '--replicas=3', '--', 'sleep', '86400')
await first.kubectl.run('rollout', 'status', 'deployment/still', '--timeout=120s')
const [seen, cluster] = await killUnderWrites(first, { kills: Number(process.argv[2] ?? 20), node })
process.stdout.write(`${JSON.stringify(seen)}\n`)
await cluster.stop()
await removePodContainers(node)
process.exitCode = seen.lost.length === 0 && seen.fallen === 0 && seen.containersKept ? 0 : 1
