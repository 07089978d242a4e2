/**
 * The long form of the random requests, on the embedded file, with one app for all rounds:
 *
 *     npm run long -- fuzz [requests] [rounds] [seed]
 *
 * Prints the seed first, so that a failure can be run again, and memory after each round, when every object was removed
 * and garbage collected: what is held then is what the process keeps for good. Ends with 1 when the property is broken
 * or when memory is not flat.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { memoryCluster } from '../build/cluster.ts'
import { openDoor } from '../http/door.ts'
import { fuzz, removeEverything } from '../http/fuzz.ts'
import { openOnFile } from '../suites/store-build-file.ts'

/** The last rounds are compared: the first ones load, compile and fill what is bounded. */
const COMPARED = 4
const HEAP_SPREAD = 3 * 2 ** 20
/** The process as a whole has the writer's thread, SQLite's caches and what the allocator keeps in it. */
const RSS_GROWTH = 16 * 2 ** 20
const ACCEPTED_SHARE = 0.3

interface Held {
  readonly heapUsed: number
  readonly external: number
  readonly arrayBuffers: number
  readonly rss: number
  readonly handles: number
}

const [requests = 30_000, rounds = 6, seed = Date.now() % 2 ** 31] = process.argv.slice(2).map(Number)
const collect = globalThis.gc
if (collect === undefined) throw new Error('memory can only be compared after garbage collection: run with --expose-gc')
if (!(rounds >= COMPARED)) throw new Error(`rounds: ${rounds}: at least ${COMPARED} are compared`)

/** A collection may free what only a finalizer or the next turn lets go of, hence twice with turns between. */
async function held(): Promise<Held> {
  for (let time = 0; time < 2; time++) {
    collect?.()
    await sleep(10)
  }
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage()
  return { heapUsed, external, arrayBuffers, rss, handles: process.getActiveResourcesInfo().length }
}

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const mb = (bytes: number): string => (bytes / 2 ** 20).toFixed(1).padStart(6)

say(`seed ${seed}, ${rounds} rounds of ${Math.ceil(requests / rounds)} requests`)
const base = await memoryCluster({ seed })
await using opened = await openOnFile({
  now: () => base.clock.now(),
  onCommit: (touched) => base.bell.ring(touched),
})
const door = await openDoor({ cluster: { ...base, store: opened.store } })
const failures: string[] = []
const seen: Held[] = []
const statuses: Record<string, number> = {}
let accepted = 0
let sent = 0
for (let round = 1; round <= rounds; round++) {
  const report = await fuzz(seed + round, Math.ceil(requests / rounds), door)
  failures.push(...report.violations.map((violation) => `seed ${seed + round}: ${violation}`))
  accepted += report.accepted
  sent += report.requests
  for (const [status, count] of Object.entries(report.statuses)) statuses[status] = (statuses[status] ?? 0) + count
  await removeEverything(opened.store)
  const now = await held()
  seen.push(now)
  say(
    `round ${round}: heap ${mb(now.heapUsed)}, external ${mb(now.external)}, array buffers ${mb(now.arrayBuffers)}, RSS ${mb(now.rss)} MB, ${now.handles} handles`,
  )
}
say(JSON.stringify({ requests: sent, accepted, statuses }))

if (accepted < sent * ACCEPTED_SHARE) failures.push(`only ${accepted} of ${sent} requests were accepted`)
const last = seen.slice(-COMPARED)
const spread = (what: keyof Held): number =>
  Math.max(...last.map((one) => one[what])) - Math.min(...last.map((one) => one[what]))
if (spread('heapUsed') > HEAP_SPREAD)
  failures.push(`heapUsed is not flat: ${mb(spread('heapUsed'))} MB apart in the last ${COMPARED} rounds`)
const grown = (last.at(-1)?.rss ?? 0) - (last[0]?.rss ?? 0)
if (grown > RSS_GROWTH) failures.push(`RSS does not level off: ${mb(grown)} MB more in the last ${COMPARED} rounds`)
if (spread('handles') > 0)
  failures.push(`handles are not flat: ${spread('handles')} apart in the last ${COMPARED} rounds`)
for (const failure of failures) say(failure)
process.exitCode = failures.length === 0 ? 0 : 1
