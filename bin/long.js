// `npm run long -- <name> [arguments]`: one of the long tests in test/long, with what it needs from the machine.
import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { ensureInstalled } from './install.js'
import { ensureMachine } from './machine.js'
import { pinnedNode, root, run } from './node.js'

const names = readdirSync(join(root, 'test', 'long')).map((file) => basename(file, '.ts'))
const [name = '', ...rest] = process.argv.slice(2)
if (names.includes(name)) process.exitCode = await long()
else {
  console.error(`npm run long -- <name> [arguments]: name "${name}" must be one of ${names.sort().join(', ')}`)
  process.exitCode = 1
}

async function long() {
  ensureInstalled({ dev: true })
  const machine = await ensureMachine({ docker: true })
  if (machine.missing !== undefined) console.log(`no pods can be run here: ${machine.missing}`)
  try {
    const args = ['--expose-gc', join('test', 'long', `${name}.ts`), ...rest]
    return await run(pinnedNode(), args, { env: machine.environment })
  } finally {
    await machine.stop()
  }
}
