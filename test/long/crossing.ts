/** `npm run long -- crossing [requests] [seed]`: two clusters in one process, swapped tokens; ends with 1 if anything crossed. */
import { startServer } from '../../api/nodejs.ts'
import { crossings } from '../platform/crossing.ts'
import { tempFolder } from '../tools/temp.ts'

const requests = Number(process.argv[2] ?? 2_000)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31)
process.stdout.write(`seed ${seed}, ${requests} requests\n`)
await using folder = await tempFolder()
const server = await startServer({ dataDir: folder.path, host: '127.0.0.1', port: 0 })
const wrong = await crossings(server, { requests, seed })
for (const line of wrong) process.stdout.write(`${line}\n`)
process.stdout.write(`${wrong.length} crossed\n`)
await server.close()
process.exitCode = wrong.length === 0 ? 0 : 1
