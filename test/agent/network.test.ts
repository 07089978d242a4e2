// A host whose network is not as the pods' network expects it: what works all the same, and what is said when it
// does not.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { PodNetwork } from '../../agent/net/network.ts'
import { memoryNetwork } from '../../agent/net/memory.ts'
import { simulate } from '../../agent/simulate.ts'
import { TestControlPlane } from './control-plane.ts'
import { aContainer, aPod, SLEEP, uidOf } from './pods.ts'

const run = promisify(execFile)
const bare = process.platform === 'linux' && process.getuid?.() === 0
const because = bare ? '' : ', skipped because it needs Linux and root'

/** Prepares a pod network twice in a network namespace of its own, after `before`; what `after` prints. */
async function prepared(before: string, after: string): Promise<string> {
  const veth = new URL('../../agent/net/veth.ts', import.meta.url).href
  const script = `
    import { vethNetwork } from ${JSON.stringify(veth)}
    const options = { gateway: '10.250.9.1', podCIDR: '10.250.9.0/24', clusterCIDR: '10.250.0.0/16', prefix: 'kgtest', mtu: 1500 }
    const network = vethNetwork(options)
    await network.prepare(AbortSignal.timeout(5000))
    await network.prepare(AbortSignal.timeout(5000))
  `
  const shell = `ip link set lo up; ${before}; ${JSON.stringify(process.execPath)} --input-type=module -e "$SCRIPT" && ${after}`
  const { stdout } = await run('unshare', ['--net', 'sh', '-c', shell], { env: { ...process.env, SCRIPT: script } })
  return stdout
}

describe.skipIf(!bare)(`the pod network of a host${because}`, { timeout: 30_000 }, () => {
  it('works without a chain of Docker', async () => {
    expect(await prepared('true', 'nft list tables')).toContain('table ip kedge-kgtest')
  })

  it('is let through the chain of Docker, by two rules', async () => {
    const rules = await prepared('iptables -N DOCKER-USER', 'iptables -S DOCKER-USER')
    expect(
      rules
        .split('\n')
        .filter((line) => line.startsWith('-A'))
        .toSorted(),
    ).toEqual(['-A DOCKER-USER -i kg+ -j ACCEPT', '-A DOCKER-USER -o kg+ -j ACCEPT'])
  })
})

it('a node whose network cannot be prepared says so, and runs its pods once it can', { timeout: 30_000 }, async () => {
  const plane = new TestControlPlane()
  const server = await plane.listen()
  const stop = new AbortController()
  let broken = true
  const prepare = async (): Promise<void> => {
    if (broken) throw new Error('iptables: no such luck')
  }
  const network = (): PodNetwork => ({ ...memoryNetwork(), prepare })
  const logged: string[] = []
  const running = simulate(
    {
      server,
      nodes: 1,
      token: async () => plane.token,
      network,
      log: (level, message) => logged.push(`${level} ${message}`),
    },
    stop.signal,
  )
  const waiting = aPod({ containers: [aContainer(SLEEP)] }, 'waiting')
  const onHost = aPod({ hostNetwork: true, containers: [aContainer(SLEEP)] }, 'on-host')
  plane.put(waiting)
  plane.put(onHost)

  await plane.until('not ready', () => readyOf(plane)?.['status'] === 'False')
  expect(readyOf(plane)).toMatchObject({
    reason: 'KubeletNotReady',
    message:
      'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady ' +
      'message:Network plugin returns error: iptables: no such luck',
  })
  await plane.until('running on the network of the host', () => plane.status(uidOf(onHost))?.phase === 'Running')
  const event = await plane.until('the event', () => plane.events(uidOf(waiting))[0])
  expect(event).toMatch(
    /^NetworkNotReady: network is not ready: container runtime network not ready: NetworkReady=false/,
  )
  expect(plane.status(uidOf(waiting))?.phase).toBe('Pending')
  expect(plane.registrations).toHaveLength(1)
  expect(logged.filter((line) => line.startsWith('error'))).toEqual([
    'error the network of this host cannot be prepared',
  ])

  // A control plane that missed it for a while takes it for a ready one.
  const said = plane.reports.length
  plane.refuse = 503
  plane.put(aPod({ hostNetwork: true, containers: [aContainer(SLEEP)] }, 'another'))
  await plane.until('refused', () => logged.includes('warn refused'))
  plane.refuse = undefined
  await plane.until('said again', () => plane.reports.slice(said).some(({ node }) => node !== undefined))
  expect(readyOf(plane)?.['status']).toBe('False')

  broken = false
  await plane.until('ready', () => readyOf(plane)?.['status'] === 'True')
  await plane.until('running', () => plane.status(uidOf(waiting))?.phase === 'Running')
  stop.abort()
  await running
  await plane.close()
})

/** The Ready condition of the node as last reported. */
function readyOf(plane: TestControlPlane): { readonly [field: string]: unknown } | undefined {
  const node = plane.reports.findLast((report) => report.node !== undefined)?.node
  const conditions = (node?.['conditions'] ?? []) as { readonly [field: string]: unknown }[]
  return conditions.find((one) => one['type'] === 'Ready')
}
