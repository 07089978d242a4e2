/** `npm run long -- store-cut [cuts] [seed]`: the write-ahead log cut at many random bytes; prints what it saw. */
import { cutEverywhere, randomOf } from '../suites/store-cut.ts'

const [cuts = '200', seed = String(Math.floor(Math.random() * 2 ** 31))] = process.argv.slice(2)

console.log(`seed ${seed}`)
console.log(await cutEverywhere(Number(cuts), randomOf(Number(seed))))
