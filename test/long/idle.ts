/** `npm run long -- idle [seconds] [settle]`: an idle cluster with an agent and two running pods asks its database nothing. */
import { setTimeout as sleep } from 'node:timers/promises'
import { image, removePodContainers } from '../tools/docker.ts'
import { watchIdle } from '../tools/idle.ts'
import { startCluster } from '../tools/kedge.ts'

const seconds = Number(process.argv[2] ?? 600)
await using cluster = await startCluster({ agent: true, node: 'long-idle-1', env: { KEDGE_COUNT_SQL: '1' } })
await cluster.kubectl.run('create', 'deployment', 'still', `--image=${image}`, '--replicas=2', '--', 'sleep', '86400')
await cluster.kubectl.run('rollout', 'status', 'deployment/still', '--timeout=120s')
// What follows a write, compaction and expiry, is over within ten minutes of it; the wait is said, not hidden.
const settle = Number(process.argv[3] ?? 660)
await sleep(settle * 1000)
const seen = await watchIdle(cluster, seconds)
process.stdout.write(`settled ${settle} s, then ${JSON.stringify(seen)}\n`)
await cluster.stop()
await removePodContainers('long-idle-1')
process.exitCode = seen.sql.statements === 0 && seen.changed.length === 0 && seen.written === 0 ? 0 : 1
