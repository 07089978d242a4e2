/** A list of 10,000 pods: time to the last byte and what the server's memory peaks at over its idle, one client and sixteen. */
import { clientOf, inParallel, aPod } from './client.ts'
import { forgetPeak, median, peakMb, pssMb, SERVER_CORE, settled } from './pinned.ts'
import { startServer } from './server.ts'

const PODS = 10_000
const ROUNDS = 5
const AT_ONCE = 16

export async function list(): Promise<readonly string[]> {
  const first = await startServer(SERVER_CORE)
  const writer = clientOf(first, 64)
  await inParallel(PODS, 64, (index) => writer.post('/api/v1/namespaces/default/pods', aPod(index)))
  await writer.close()
  await first.stop({ keep: true })
  // A fresh process that has looked at its pods: what follows is of the lists.
  const server = await startServer(SERVER_CORE, first.dataDir)
  const client = clientOf(server, AT_ONCE)
  try {
    await settled(server.pid)
    await forgetPeak(server.pid)
    const idle = await peakMb(server.pid)
    const count = JSON.parse((await client.get('/api/v1/pods')).text()) as { items: unknown[] }
    if (count.items.length !== PODS) throw new Error(`the list has ${count.items.length} pods`)
    const times: number[] = []
    let bytes = 0
    for (let round = 0; round < ROUNDS; round += 1) {
      const began = performance.now()
      bytes = (await client.get('/api/v1/pods')).bytes
      times.push(performance.now() - began)
    }
    const one = await peakMb(server.pid)
    const began = performance.now()
    await Promise.all(Array.from({ length: AT_ONCE }, () => client.get('/api/v1/pods')))
    const together = performance.now() - began
    const all = await peakMb(server.pid)
    return [
      `| list of ${PODS} pods (${(bytes / 1e6).toFixed(1)} MB) | median ${median(times).toFixed(0)} ms, ${(one - idle).toFixed(1)} MB over idle |`,
      `| ${AT_ONCE} such lists at once | ${together.toFixed(0)} ms, ${(all - idle).toFixed(1)} MB over idle; PSS now ${(await pssMb(server.pid)).toFixed(0)} MB |`,
    ]
  } finally {
    await client.close()
    await server.stop()
  }
}
