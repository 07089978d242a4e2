// `npm run check`, the one gate before a commit: format, lint, types, unit tests with the import law, unused code.
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { ensureInstalled } from './install.js'
import { pinnedNode, root, toolEnvironment } from './node.js'

ensureInstalled({ dev: true })

// The longest come first.
const checks = [
  { name: 'unit tests', tool: 'vitest', args: ['run', '--project', 'unit', '--reporter=default'] },
  { name: 'lint', tool: 'oxlint', args: ['--format=unix'] },
  { name: 'unused code', tool: 'knip', args: [] },
  ...['pure', 'nodejs', 'workerd', 'test'].map((project) => ({
    name: `types: ${project}`,
    tool: 'tsc',
    args: ['-p', `tsconfig.${project}.json`],
  })),
  { name: 'format', tool: 'oxfmt', args: ['--check'] },
]

/** @typedef {{ ok: boolean, output: string, seconds: number }} Outcome */

/** @returns {Promise<Outcome>} */
function outcomeOf(/** @type {{ tool: string, args: string[] }} */ { tool, args }) {
  return new Promise((resolve, reject) => {
    const started = performance.now()
    const child = spawn(pinnedNode(), [`node_modules/.bin/${tool}`, ...args], {
      cwd: root,
      env: { ...toolEnvironment(), CI: '1', NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (/** @type {string} */ text) => (output += text))
    }
    child.once('error', reject)
    child.once('close', (code) => resolve({ ok: code === 0, output, seconds: (performance.now() - started) / 1000 }))
  })
}

const started = performance.now()
const waiting = [...checks]
/** @type {string[]} */
const failed = []

async function work() {
  for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
    const { ok, output, seconds } = await outcomeOf(check)
    if (!ok) {
      failed.push(check.name)
      console.log(output.trimEnd())
    }
    console.log(`${ok ? 'ok    ' : 'FAILED'} ${check.name} (${seconds.toFixed(1)} s)`)
  }
}

await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, work))
const total = ((performance.now() - started) / 1000).toFixed(1)
console.log(failed.length === 0 ? `check passed in ${total} s` : `check failed in ${total} s: ${failed.join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1
