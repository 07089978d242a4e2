// The commands of a developer that are more than one program: `npm run fix`, `generate`, `migrate`, `bench`.
import { ensureInstalled } from './install.js'
import { pinnedNode, root, run, toolEnvironment } from './node.js'

const bin = (/** @type {string} */ name) => [pinnedNode(), `node_modules/.bin/${name}`]

/** @type {Record<string, () => string[][]>} */
const tasks = {
  fix: () => [[...bin('oxlint'), '--fix'], [...bin('oxfmt')]],
  generate: () => [['go', '-C', 'schema/k8s/generate', 'run', '.']],
  migrate: () => [[...bin('drizzle-kit'), 'generate']],
  bench: () => [[pinnedNode(), 'test/bench/main.ts']],
}

const [name = '', ...rest] = process.argv.slice(2)
const task = tasks[name]
if (task === undefined) throw new Error(`no task "${name}": ${Object.keys(tasks).join(', ')}`)
ensureInstalled({ dev: true })
for (const [command = '', ...args] of task()) {
  const code = await run(command, [...args, ...rest], { cwd: root, env: toolEnvironment() })
  if (code !== 0) process.exit(code)
}
