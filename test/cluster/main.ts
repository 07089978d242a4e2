/**
 * `node test/cluster/main.ts <count> <first>`: tells that many stories and prints the seeds that failed, with what had
 * happened. `npm run simulate -- --seeds N` starts it.
 */
import { StoryFailed, tell } from './story.ts'

const [count = 1, first = 1] = process.argv.slice(2).map(Number)
let failed = 0
const began = performance.now()
let virtualMs = 0
for (let seed = first; seed < first + count; seed++) {
  try {
    virtualMs += (await tell(seed)).virtualMs
  } catch (error) {
    failed++
    console.log(error instanceof Error ? error.message : String(error))
    if (error instanceof StoryFailed) {
      if (!(error.cause instanceof Error) || error.cause.constructor.name !== 'Violation') console.log(error.cause)
      for (const line of error.log.slice(-(Number(process.env['KEDGE_STORY'] ?? 0) || 12))) console.log(`  ${line}`)
    }
    console.log(`  again: npm run simulate -- --seeds 1 --first ${seed}`)
  }
}
const seconds = (performance.now() - began) / 1000
console.log(`${count} stories, ${Math.round(virtualMs / 3_600_000)} hours of a cluster in ${seconds.toFixed(1)} s`)
console.log(`${count - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
