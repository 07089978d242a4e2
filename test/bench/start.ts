/** From the start of the process to its first answer, on an empty directory and on existing data. */
import { median, SERVER_CORE } from './pinned.ts'
import { startServer } from './server.ts'

const ROUNDS = 10

export async function start(): Promise<readonly string[]> {
  const fresh: number[] = []
  const again: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const first = await startServer(SERVER_CORE)
    fresh.push(first.startedInMs)
    await first.stop({ keep: true })
    const second = await startServer(SERVER_CORE, first.dataDir)
    again.push(second.startedInMs)
    await second.stop()
  }
  const row = (what: string, values: readonly number[]): string =>
    `| ${what} | median ${median(values).toFixed(0)} ms, worst ${Math.max(...values).toFixed(0)} ms of ${ROUNDS} |`
  return [row('empty directory to first answer', fresh), row('existing data to first answer', again)]
}
