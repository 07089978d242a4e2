/**
 * The control plane killed without warning under a hundred writes a second, again and again: what it acknowledged is
 * there, revisions rise through every death, and no container of the node is another one than before.
 */
import { eventually } from './eventually.ts'
import { podContainers } from './docker.ts'
import { type RunningCluster, startCluster } from './kedge.ts'
import { writeSteadily } from './steady-writes.ts'

export interface Killed {
  readonly kills: number
  readonly acknowledged: number
  /** acknowledged, and not there */
  readonly lost: readonly string[]
  /** acknowledged revisions that somebody else got too, or that are not greater than all before the last death */
  readonly fallen: number
  readonly containersKept: boolean
  readonly longestAwayMs: number
}

/** The cluster it leaves running is the second answer: the first one is dead. */
export async function killUnderWrites(
  first: RunningCluster,
  { kills, node, everyMs = 1_000 }: { readonly kills: number; readonly node: string; readonly everyMs?: number },
): Promise<readonly [Killed, RunningCluster]> {
  let cluster = first
  const { dataDir, port } = first
  const before = (await podContainers(node)).toSorted()
  const all: { name: string; revision: number }[] = []
  let fallen = 0
  let longestAwayMs = 0
  for (let round = 0; round < kills; round++) {
    const last = all.reduce((most, { revision }) => Math.max(most, revision), 0)
    const writes = await writeSteadily(cluster.kubeconfig, `kept-${round}`, 100)
    await eventually(() => writes.acknowledged.length > 20, { deadlineMs: 30_000, everyMs: 5 })
    await new Promise((resolve) => setTimeout(resolve, everyMs * (0.5 + Math.random() / 2)))
    await cluster.stop('SIGKILL')
    const died = performance.now()
    await writes.stop()
    cluster = await startCluster({ agent: true, node, dataDir, port })
    longestAwayMs = Math.max(longestAwayMs, performance.now() - died)
    fallen += writes.acknowledged.filter(({ revision }) => revision <= last).length
    all.push(...writes.acknowledged)
  }
  fallen += all.length - new Set(all.map(({ revision }) => revision)).size
  const { stdout } = await cluster.kubectl.try(
    'get',
    'configmaps',
    '-o',
    'jsonpath={range .items[*]}{.metadata.name}={.metadata.resourceVersion}{"\\n"}{end}',
  )
  const stored = new Set(stdout.split('\n'))
  const lost = all.filter(({ name, revision }) => !stored.has(`${name}=${revision}`)).map(({ name }) => name)
  await eventually(async () => /\sReady\s/.test(await cluster.kubectl.run('get', 'node', node, '--no-headers')), {
    deadlineMs: 60_000,
  })
  const after = (await podContainers(node)).toSorted()
  const containersKept = before.length > 0 && after.join() === before.join()
  return [{ kills, acknowledged: all.length, lost, fallen, containersKept, longestAwayMs }, cluster]
}
