// The ground under this node's pods, once the control plane has said which node this is and which addresses are its.
import { createHash } from 'node:crypto'
import type { Identity } from './disk.ts'
import { Images } from './driver/images.ts'
import type { Ground } from './ground.ts'
import { limiter } from './ground.ts'
import { type Health, HealthRecord } from './health.ts'
import { Addresses } from './net/addresses.ts'
import { PreparedNetwork } from './net/prepared.ts'
import type { AgentParts } from './parts.ts'
import type { NodeFacts } from './plan/sources.ts'

/** engine-heavy steps at once: more only makes each slower */
const ENGINE_WIDTH = 6

export async function groundOf(
  parts: AgentParts,
  identity: Identity,
  tell: Pick<Ground, 'sources' | 'event' | 'status' | 'stopped' | 'runtimeChanged'> & {
    readonly networkChanged: (problem: string | undefined) => void
  },
  signal: AbortSignal,
): Promise<Ground> {
  const { driver } = parts
  const addresses = new Addresses(identity.podCIDR)
  const prefix = vethPrefix(identity.clusterUid, identity.node)
  const network = parts.network(identity, addresses, prefix)
  const prepared = new PreparedNetwork(network, { clock: parts.clock, log: parts.log, changed: tell.networkChanged })
  await prepared.start(signal)
  return {
    ...tell,
    driver,
    images: new Images(driver),
    network,
    networkProblem: () => prepared.problem,
    volumes: parts.volumes,
    addresses,
    health: new HealthRecord(await savedHealth(parts), (all) => saveHealth(parts, all)),
    node: await nodeFacts(parts, identity),
    clock: parts.clock,
    log: parts.log,
    vethName: (uid, attempt) => prefix + hash(`${uid} ${attempt}`).slice(0, 15 - prefix.length),
    removeCgroups: parts.removeCgroups,
    probe: parts.probe,
    limited: limiter(ENGINE_WIDTH),
  }
}

async function savedHealth({ disk }: AgentParts): Promise<ReadonlyMap<string, Health>> {
  return disk === undefined ? new Map() : disk.health()
}

async function saveHealth({ disk, log }: AgentParts, all: ReadonlyMap<string, Health>): Promise<void> {
  try {
    await disk?.saveHealth(all)
  } catch (error) {
    log('warn', 'what probes found is not kept: after a restart they begin anew', { error: String(error) })
  }
}

async function nodeFacts(parts: AgentParts, identity: Identity): Promise<NodeFacts> {
  const view = await parts.view([])
  return {
    name: identity.node,
    ip: parts.ip,
    clusterUid: identity.clusterUid,
    clusterDomain: identity.clusterDomain,
    clusterDNS: identity.clusterDNS,
    pauseImage: parts.pauseImage,
    cgroups: parts.engine.cgroups,
    podsDir: parts.podsDir,
    allocatable: view.status.allocatable ?? {},
    hostResolvConf: parts.hostResolvConf,
    memoryBytes: parts.engine.memoryBytes,
    canLowerOomScore: parts.canLowerOomScore,
  }
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Same node of the same cluster: same start of all its interfaces' names. */
function vethPrefix(clusterUid: string, node: string): string {
  return `kg${hash(`${clusterUid} ${node}`).slice(0, 4)}`
}
