/**
 * `npm run long -- crash-loop [restarts]`: a container that ends at once, until its waits have reached the cap of
 * 300 s. Prints each wait, from the end of one container to the start of the next; ends with 1 when one is not 0, 10, 20,
 * 40 ... 300 s: never early, 3 s late at most.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { image, removePodContainers } from '../tools/docker.ts'
import { startCluster } from '../tools/kedge.ts'
import { watchRestarts } from '../tools/restarts.ts'

const expected = [0, 10, 20, 40, 80, 160, 300, 300].slice(0, Number(process.argv[2] ?? 8))
await using cluster = await startCluster({ agent: true, node: 'long-crash-1' })
await cluster.kubectl.run('run', 'crash', `--image=${image}`, '--', 'sh', '-c', 'exit 3')
await using restarts = watchRestarts(cluster.kubectl, 'crash')
const deadline = Date.now() + (60 + expected.reduce((sum, wait) => sum + wait + 3, 0)) * 1000
let shown = 0
while (shown < expected.length && Date.now() < deadline) {
  await sleep(1000)
  for (const wait of restarts.waits().slice(shown)) process.stdout.write(`restart ${++shown} after ${wait} s\n`)
}
const waits = restarts.waits()
process.stdout.write(`${JSON.stringify(waits)}\n${await cluster.kubectl.run('get', 'pod', 'crash')}`)
await cluster.stop()
await removePodContainers('long-crash-1')
const good = (wait: number, index: number): boolean => {
  const due = expected[index] ?? 300
  return wait >= due - 1 && wait <= due + 3
}
process.exitCode = waits.length >= expected.length && waits.every(good) ? 0 : 1
