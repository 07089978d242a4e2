/**
 * The long form of the random requests, on the embedded file: `node --expose-gc test/long/fuzz.ts [requests] [seed]`.
 * Prints the seed first, so that a failure can be run again, and memory before and after; ends with 1 when the property
 * is broken.
 */
import { memoryCluster } from '../build/cluster.ts'
import { fuzz } from '../http/fuzz.ts'
import { openOnFile } from '../suites/store-build.ts'

const requests = Number(process.argv[2] ?? 10_000)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31)
process.stdout.write(`seed ${seed}, ${requests} requests\n`)
const base = await memoryCluster({ seed })
await using opened = await openOnFile({
  now: () => base.clock.now(),
  onCommit: (touched) => base.bell.ring(touched),
})
const cluster = { ...base, store: opened.store }
const memory = (): string => {
  globalThis.gc?.()
  const { rss, heapUsed } = process.memoryUsage()
  return `RSS ${(rss / 2 ** 20).toFixed(0)} MB, heap ${(heapUsed / 2 ** 20).toFixed(0)} MB`
}
// A tenth first: what is loaded and compiled once is there before memory is looked at.
const warm = await fuzz(seed + 1, Math.ceil(requests / 10), cluster)
process.stdout.write(`before: ${memory()}\n`)
const report = await fuzz(seed, requests, cluster)
process.stdout.write(`after:  ${memory()}\n`)
process.stdout.write(`${JSON.stringify({ accepted: report.accepted, statuses: report.statuses })}\n`)
const violations = [...warm.violations, ...report.violations]
for (const violation of violations) process.stdout.write(`${violation}\n`)
process.exitCode = violations.length === 0 ? 0 : 1
