/**
 * `npm run bench [-- name ...]`: the benchmarks, one after another, as rows of Markdown. What was measured on which machine
 * and day is kept in README.md beside this file. Needs Debian's `etcd-server` for `creates`, and a Docker engine for `pods`.
 */
import { cpus, totalmem } from 'node:os'
import { onLoadCore } from './pinned.ts'

const benches: Readonly<Record<string, () => Promise<readonly string[]>>> = {
  start: async () => (await import('./start.ts')).start(),
  idle: async () => (await import('./idle.ts')).idle(),
  creates: async () => (await import('./creates.ts')).creates({ rounds: 5, seconds: 5 }),
  list: () => onLoadCore(async () => (await import('./list.ts')).list()),
  watch: () => onLoadCore(async () => (await import('./watch.ts')).watch()),
  nodes: () => onLoadCore(async () => (await import('./nodes.ts')).nodes()),
  pods: async () => (await import('./pods.ts')).pods(),
}

const asked = process.argv.slice(2)
const unknown = asked.filter((name) => benches[name] === undefined)
if (unknown.length > 0) throw new Error(`no benchmark ${unknown.join(', ')}: ${Object.keys(benches).join(', ')}`)

const say = (line: string): void => void process.stdout.write(`${line}\n`)
say(
  `${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'processor'}, ${(totalmem() / 2 ** 30).toFixed(0)} GB`,
)
for (const [name, bench] of Object.entries(benches)) {
  if (asked.length > 0 && !asked.includes(name)) continue
  say(`\n## ${name}\n`)
  for (const row of await bench()) say(row)
}
