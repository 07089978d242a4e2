/**
 * The long form of the random requests: `node test/long/fuzz.ts [requests] [seed]`. Prints the seed first, so that
 * a failure can be run again, and ends with 1 when the property is broken.
 */
import { fuzz } from '../http/fuzz.ts'

const requests = Number(process.argv[2] ?? 10_000)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31)
process.stdout.write(`seed ${seed}, ${requests} requests\n`)
const report = await fuzz(seed, requests)
process.stdout.write(`${JSON.stringify({ accepted: report.accepted, statuses: report.statuses })}\n`)
for (const violation of report.violations) process.stdout.write(`${violation}\n`)
process.exitCode = report.violations.length === 0 ? 0 : 1
