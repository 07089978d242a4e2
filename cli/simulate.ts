/**
 * `kedge simulate`: `--nodes N` joins that many agents, on engines in memory, to a running control plane over the real
 * protocol, until it is stopped. `--seeds N` runs seeded stories of a whole cluster under a virtual clock.
 */
import { join } from 'node:path'
import { simulate as simulateNodes } from '../agent/simulate.ts'
import { dataDirectory, SettingError } from './settings.ts'
import { untilSignal } from './signals.ts'
import { clusterOf, makeToken } from './token.ts'

export interface SimulateFlags {
  readonly nodes?: string
  readonly server?: string
  readonly data?: string
  readonly kubeconfig?: string
  readonly seeds?: string
  readonly first: string
}

const MOST_NODES = 10_000
const MOST_SEEDS = 1_000_000

export async function simulate(flags: SimulateFlags): Promise<void> {
  if (flags.seeds !== undefined) {
    const { simulateSeeds } = await import('./simulate-seeds.ts')
    return simulateSeeds(
      count('--seeds', flags.seeds, MOST_SEEDS),
      count('--first', flags.first, Number.MAX_SAFE_INTEGER),
    )
  }
  if (flags.nodes === undefined) throw new SettingError('--nodes or --seeds: one of them is required')
  const nodes = count('--nodes', flags.nodes, MOST_NODES)
  const access = await clusterOf(flags.kubeconfig ?? join(dataDirectory(flags.data, process.env), 'kubeconfig'))
  const stop = new AbortController()
  let registered = 0
  const running = simulateNodes(
    {
      server: flags.server ?? access.server,
      ...(access.ca === undefined ? {} : { caPem: access.ca }),
      nodes,
      token: () => makeToken(access, 600),
      registered: () => {
        registered += 1
        if (registered === nodes) process.stdout.write(`${nodes} simulated nodes registered\n`)
      },
    },
    stop.signal,
  )
  await untilSignal(running.then(() => new Promise<never>(() => undefined)))
  stop.abort()
  await running
}

function count(flag: string, value: string, most: number): number {
  const number = Number(value)
  if (Number.isInteger(number) && number >= 1 && number <= most) return number
  throw new SettingError(`${flag} ${value}: must be a whole number from 1 to ${most}`)
}
