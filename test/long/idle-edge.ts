/**
 * `npm run long -- idle-edge [seconds] [settle]`: an idle cluster on workerd with simulated agents connected and cron firing.
 * Its database is asked one row a minute, nothing is written there, and the Durable Object's storage does not change.
 */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { simulate } from '../../agent/simulate.ts'
import { makeToken } from '../../cli/token.ts'
import { edgeRig, pod, PODS } from '../e2e/edge-rig.ts'

const seconds = Number(process.argv[2] ?? 300)
// What follows a write, compaction and expiry, is over within ten minutes of it; the wait is said, not hidden.
const settle = Number(process.argv[3] ?? 660)
const NODES = 3
await using rig = await edgeRig()
const edge = await rig.start()
const api = rig.api(edge)
const { database, adminToken } = rig.cluster('default')
const access = { server: edge.url, ca: rig.caPem, token: adminToken }
const stop = new AbortController()
const joined = Promise.withResolvers<void>()
let registered = 0
const agents = simulate(
  {
    server: edge.url,
    caPem: rig.caPem,
    nodes: NODES,
    token: () => makeToken(access, 600),
    registered: () => void (++registered === NODES && joined.resolve()),
  },
  stop.signal,
)
await Promise.race([joined.promise, agents])
for (let at = 0; at < 3; at++) await api.send('POST', PODS, pod(`p${at}`))
let fired = Promise.resolve<unknown>(undefined)
const fire = setInterval(() => void (fired = edge.scheduled()), 60_000)
await sleep(settle * 1_000)
database.take()
const before = storage()
await sleep(seconds * 1_000)
const asked = database.asked.flatMap(({ statements }) => statements)
const counted = database.take()
const changed = [...storage()].filter(([file, state]) => before.get(file) !== state).map(([file]) => file)
for (const text of asked) process.stdout.write(`${text.slice(0, 160)}\n`)
process.stdout.write(
  `settled ${settle} s, then ${seconds} s: ${JSON.stringify(counted)}, storage changed ${changed.length}\n`,
)
const { body } = await api.send('GET', PODS)
process.stdout.write(`${body.items.map((one: { status: { phase: string } }) => one.status.phase).join(' ')}\n`)
clearInterval(fire)
await fired
stop.abort()
await agents
const ticks = Math.ceil(seconds / 60)
process.exitCode = counted.writes === 0 && counted.reads <= ticks && changed.length === 0 ? 0 : 1

/** Files of the Durable Objects: size and time of change. */
function storage(): ReadonlyMap<string, string> {
  const files = readdirSync(rig.folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.includes('.sqlite'),
  )
  return new Map(
    files.map((file) => {
      const { size, mtimeMs } = statSync(join(rig.folder, file))
      return [file, `${size} ${mtimeMs}`]
    }),
  )
}
