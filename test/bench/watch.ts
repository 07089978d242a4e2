/** From a commit to its event, with 100 watchers and 100 writes/s: the same clock on both ends. */
import { eventually } from '../tools/eventually.ts'
import { clientOf } from './client.ts'
import { SERVER_CORE } from './pinned.ts'
import { startServer } from './server.ts'

const WATCHERS = 100
const WRITES = 1_000
const EVERY_MS = 10
const WATCH =
  'watch=true&timeoutSeconds=300&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'

export async function watch(): Promise<readonly string[]> {
  const server = await startServer(SERVER_CORE)
  const client = clientOf(server, WATCHERS + 8)
  const stop = new AbortController()
  const sent = new Map<string, number>()
  const latencies: number[] = []
  let following = 0
  const heard = (line: string): void => {
    // The bookmark after what there was at the begin: from here on the watcher hears what happens.
    if (line.includes('"k8s.io/initial-events-end":"true"')) following += 1
    const name = /"name":"(w-\d+)"/.exec(line)?.[1]
    if (name === undefined) return
    const at = performance.now()
    const began = sent.get(name)
    if (began !== undefined) latencies.push(at - began)
  }
  const watchers = Array.from({ length: WATCHERS }, () =>
    client.lines(`/api/v1/namespaces/default/configmaps?${WATCH}`, stop.signal, heard),
  )
  try {
    await eventually(() => following === WATCHERS)
    const began = performance.now()
    for (let index = 0; index < WRITES; index += 1) {
      const due = began + index * EVERY_MS
      if (due > performance.now()) await new Promise((resolve) => setTimeout(resolve, due - performance.now()))
      const name = `w-${index}`
      sent.set(name, performance.now())
      void client.post('/api/v1/namespaces/default/configmaps', {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name },
        data: { a: 'b' },
      })
    }
    // What is missing after the deadline is shown as missing.
    await eventually(() => latencies.length >= WATCHERS * WRITES, { everyMs: 20 }).catch(() => undefined)
    latencies.sort((one, other) => one - other)
    const at = (share: number): string =>
      (latencies[Math.floor((latencies.length - 1) * share)] ?? Number.NaN).toFixed(1)
    return [
      `| ${WATCHERS} watchers, ${1000 / EVERY_MS} writes/s: write sent to event received | p50 ${at(0.5)} ms, p99 ${at(0.99)} ms; ${latencies.length} of ${WATCHERS * WRITES} events |`,
    ]
  } finally {
    stop.abort()
    await Promise.allSettled(watchers)
    await client.close()
    await server.stop()
  }
}
