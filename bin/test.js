// `npm test`: everything that can be tested on this machine, from a clean checkout. It installs what it needs, starts
// a Docker engine when none runs, and ends with one line: N passed, N failed, N skipped.
//
//   npm test                     all parts
//   npm test -- unit nodejs      these parts only: unit, nodejs, workerd, e2e, simulate
//   npm test -- e2e exec         the files of a part whose path contains `exec`
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from './build.js'
import { built } from './built.js'
import { ensureGo } from './go.js'
import { ensureInstalled } from './install.js'
import { ensureMachine } from './machine.js'
import { pinnedNode, root, run } from './node.js'

/** @typedef {{ passed: number, failed: number, skipped: number }} Sum */

const parts = ['unit', 'nodejs', 'workerd', 'e2e', 'simulate']
const simulatedSeeds = 50
// No test has such a name: all are counted as skipped and none runs.
const noTest = '(?!)'
/** What needs Go. */
const upstream = 'schema/k8s/generate/upstream.test.ts'

const words = process.argv.slice(2)
const chosen = words.some((word) => parts.includes(word)) ? words.filter((word) => parts.includes(word)) : parts
const filters = words.filter((word) => !parts.includes(word))

/** @type {Sum} */
const total = { passed: 0, failed: 0, skipped: 0 }
/** @type {string[]} */
const notes = []
/** @type {NodeJS.Signals | undefined} */
let interrupted
for (const signal of /** @type {NodeJS.Signals[]} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => (interrupted = signal))
}

ensureInstalled({ dev: true })
// Once, and not by each of the processes that the tests start.
try {
  if (built(root) === undefined) await build(root)
} catch (error) {
  notes.push(`the command was tested from its sources, because it cannot be bundled: ${String(error)}`)
}
const results = mkdtempSync(join(tmpdir(), 'kedge-results-'))
const machine = await ensureMachine({ docker: chosen.includes('e2e') || chosen.includes('nodejs') })
if (machine.missing !== undefined) notes.push(`tests with kubectl or pods are skipped: ${machine.missing}`)
const { environment } = machine

try {
  if (chosen.includes('unit') && (filters.length === 0 || filters.some((filter) => upstream.includes(filter)))) {
    const go = ensureGo()
    if (go.ok) Object.assign(environment, go.environment)
    else notes.push(`tests against upstream's own code are skipped: ${go.reason}`)
  }
  const together = chosen.filter((part) => part === 'unit' || part === 'nodejs')
  const workerd = chosen.filter((part) => part === 'workerd')
  await Promise.all([vitest(together), vitest(workerd)])
  if (chosen.includes('simulate') && filters.length === 0) await simulate()
  if (chosen.includes('e2e')) await vitest(['e2e'], machine.missing === undefined ? [] : ['--testNamePattern', noTest])
} finally {
  await machine.stop()
  rmSync(results, { recursive: true, force: true })
}

for (const note of notes) console.log(note)
if (interrupted !== undefined) {
  console.log(`interrupted by ${interrupted}`)
  total.failed++
}
if (total.passed + total.failed === 0) console.log('no test ran')
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
if (interrupted !== undefined) process.exitCode = 128 + constants.signals[interrupted]
else process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1

/** Runs vitest projects and adds what happened to the total. */
async function vitest(/** @type {string[]} */ projects, /** @type {string[]} */ more = []) {
  if (projects.length === 0 || interrupted !== undefined) return
  const name = projects.join('-')
  const report = join(results, `${name}.json`)
  const vitestArgs = ['run', ...filters, ...projects.flatMap((project) => ['--project', project]), ...more]
  const reportArgs = ['--reporter=dot', '--reporter=json', `--outputFile.json=${report}`]
  const args = ['node_modules/vitest/vitest.mjs', ...vitestArgs, ...reportArgs]
  const code = await run(pinnedNode(), args, { env: environment, stdio: ['ignore', 'inherit', 'inherit'] })
  const said = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : undefined
  const sum = said === undefined ? none() : sumOf(said)
  // What a whole project misses is said by whoever leaves it out.
  if (said !== undefined && more.length === 0) notes.push(...skippedIn(said))
  if (code !== 0 && sum.failed === 0) {
    notes.push(`${name}: vitest ended with code ${code}`)
    sum.failed++
  }
  add(sum)
}

/** Seeded stories of a whole cluster under a virtual clock; the last line of the command counts them. */
async function simulate() {
  if (interrupted !== undefined) return
  const args = ['bin/start.js', 'simulate', '--seeds', String(simulatedSeeds), '--first', '1']
  const child = spawn(pinnedNode(), args, { cwd: root, env: environment, stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
    output += text
    process.stdout.write(text)
  })
  const code = await new Promise((resolve) => child.once('close', resolve))
  const [, passed, failed] = /(\d+) passed, (\d+) failed\s*$/.exec(output) ?? []
  const sum = passed === undefined ? none() : { passed: Number(passed), failed: Number(failed), skipped: 0 }
  const ran = sum.passed + sum.failed
  if ((code !== 0 && sum.failed === 0) || ran !== simulatedSeeds) {
    notes.push(`simulate: ended with code ${code} after ${ran} of ${simulatedSeeds} seeds`)
    sum.failed++
  }
  add(sum)
}

/**
 * What was skipped: the titles say why.
 *
 * @param {{ testResults: { assertionResults: { status: string, title: string, ancestorTitles: string[] }[] }[] }} report
 * @returns {string[]}
 */
function skippedIn(report) {
  const tests = report.testResults.flatMap((file) => file.assertionResults)
  const skipped = tests.filter(({ status }) => status === 'skipped' || status === 'pending')
  return [
    ...new Set(
      skipped.map(({ title, ancestorTitles }) => `skipped: ${ancestorTitles.find((name) => name !== '') ?? title}`),
    ),
  ]
}

/**
 * The sums of a report of vitest. A file that does not load has no tests, and counts as one that failed.
 *
 * @param {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number,
 *   testResults: { status: string, assertionResults: { status: string }[] }[] }} report
 * @returns {Sum}
 */
function sumOf(report) {
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  )
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + report.numTodoTests,
  }
}

/** @returns {Sum} */
function none() {
  return { passed: 0, failed: 0, skipped: 0 }
}

function add(/** @type {Sum} */ sum) {
  total.passed += sum.passed
  total.failed += sum.failed
  total.skipped += sum.skipped
}
