/** A list of 10,000 pods: time to the last byte and the server's extra peak memory, one client and sixteen at once. */
import { clientOf, inParallel, aPod } from './client.ts'
import { median, peakMb, pssMb, SERVER_CORE } from './pinned.ts'
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
  // A fresh process: its peak is that of the lists, not of the writes.
  const server = await startServer(SERVER_CORE, first.dataDir)
  const client = clientOf(server, AT_ONCE)
  try {
    const count = JSON.parse((await client.get('/api/v1/pods')).text()) as { items: unknown[] }
    if (count.items.length !== PODS) throw new Error(`the list has ${count.items.length} pods`)
    const times: number[] = []
    let bytes = 0
    const idle = await peakMb(server.pid)
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
      `| list of ${PODS} pods (${(bytes / 1e6).toFixed(1)} MB) | median ${median(times).toFixed(0)} ms, extra peak ${(one - idle).toFixed(1)} MB |`,
      `| ${AT_ONCE} such lists at once | ${together.toFixed(0)} ms, extra peak ${(all - one).toFixed(1)} MB over one; PSS now ${(await pssMb(server.pid)).toFixed(0)} MB |`,
    ]
  } finally {
    await client.close()
    await server.stop()
  }
}
