/** `npm run long -- clusters-edge [requests] [seed]`: two clusters in one workerd, swapped tokens; ends with 1 if anything crossed. */
import { crossingsAtEdge } from '../e2e/edge-crossing.ts'
import { edgeRig } from '../e2e/edge-rig.ts'

const requests = Number(process.argv[2] ?? 2_000)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31)
process.stdout.write(`seed ${seed}, ${requests} requests\n`)
await using rig = await edgeRig(['default', 'team-1'])
const wrong = await crossingsAtEdge(rig, await rig.start(), { requests, seed })
for (const line of wrong) process.stdout.write(`${line}\n`)
process.stdout.write(`${wrong.length} crossed\n`)
process.exitCode = wrong.length === 0 ? 0 : 1
