// A pod's sandbox: the pause container that holds its namespaces, its address and interface, and its volumes, which are
// made at the same time.
import { EngineError } from '../driver/driver.ts'
import { describeSandbox } from '../plan/container.ts'
import { hostsFile, resolvConf } from '../plan/files.ts'
import { hostPorts } from '../plan/host-ports.ts'
import type { ObservedContainer } from '../plan/observed.ts'
import { LABEL } from '../plan/observed.ts'
import { Unmet } from '../plan/sources.ts'
import type { VolumeDescription } from '../plan/volumes.ts'
import { describeVolumes, VolumeUnmet } from '../plan/volumes.ts'
import type { PodRecord } from './record.ts'
import { messageOf } from './record.ts'

/** to give back what a step that failed had taken */
const TIDY_MS = 10_000
const SANDBOX_CHANGED = 'Pod sandbox changed, it will be killed and re-created.'

export async function startSandbox(record: PodRecord, attempt: number, signal: AbortSignal): Promise<void> {
  const { driver, network, addresses, node, vethName } = record.ground
  const { pod } = record
  const host = pod.spec?.hostNetwork === true
  if (!host) checkNetwork(record)
  const ip = host ? '' : addresses.take()
  const veth = host ? '' : vethName(record.id.uid, attempt)
  let id = ''
  // When all of its containers are gone, only the address it once had says that there was a sandbox.
  const changed = attempt > 0 || record.ip !== ''
  if (changed) record.event({ type: 'Normal', reason: 'SandboxChanged', message: SANDBOX_CHANGED })
  try {
    // Asked before anything is made: a pod that waits for a Secret holds no sandbox.
    record.volumes = describe(record, ip)
    const start = async (): Promise<ObservedContainer> => {
      id = await driver.create(describeSandbox({ pod, node, attempt, ip, veth }), signal)
      await driver.start(id, signal)
      const sandbox = await driver.inspect(id, signal)
      if (sandbox === undefined) throw new EngineError('not-found', 'the sandbox is gone')
      if (!host) await network.attach({ veth, pid: sandbox.pid, ip, ports: hostPorts(pod) }, signal)
      return sandbox
    }
    const [sandbox] = await Promise.all([start(), prepareVolumes(record, ip, signal)])
    record.ip = ip
    record.holds.delete('')
    record.seen.set(sandbox.id, sandbox)
  } catch (error) {
    if (!host) addresses.free(ip)
    const quick = AbortSignal.timeout(TIDY_MS)
    if (id !== '') await driver.remove(id, quick).catch(() => {})
    if (veth !== '') await network.detach(veth, quick).catch(() => {})
    if (!(error instanceof Unmet) && !signal.aborted) {
      const message = `Failed to create pod sandbox: ${messageOf(error)}`
      record.event({ type: 'Warning', reason: 'FailedCreatePodSandBox', message })
    }
    throw error
  }
}

/** A pod that needs an address holds nothing while there are none to be had. */
function checkNetwork(record: PodRecord): void {
  const problem = record.ground.networkProblem()
  if (problem === undefined) return
  const message = `network is not ready: ${problem}`
  record.eventOnce({ type: 'Warning', reason: 'NetworkNotReady', message })
  throw new Unmet(message)
}

export async function prepareVolumes(record: PodRecord, ip: string, signal: AbortSignal): Promise<void> {
  const { node, volumes } = record.ground
  const { pod } = record
  if (ip !== '') record.ip = ip
  record.volumes = describe(record, ip)
  // Before it is waited for: what changes meanwhile says that it is not so any more, and is not to be overruled.
  record.volumesReady = true
  const hosts = pod.spec?.hostNetwork === true ? undefined : hostsFile(pod, ip, node.clusterDomain)
  try {
    await volumes.prepare(record.id.uid, record.volumes, { hosts, resolvConf: resolvConf(pod, node) }, signal)
  } catch (error) {
    record.volumesReady = false
    failedMount(record, `MountVolume.SetUp failed : ${messageOf(error)}`)
    throw error
  }
}

export async function dropSandboxes(
  record: PodRecord,
  sandboxes: readonly ObservedContainer[],
  signal: AbortSignal,
): Promise<void> {
  for (const one of sandboxes) {
    await record.ground.driver.remove(one.id, signal)
    record.seen.delete(one.id)
    await release(record, one, signal)
  }
  record.volumesReady = false
}

/** What sandboxes that somebody else removed had. */
export async function releaseLost(record: PodRecord): Promise<void> {
  for (let one = record.lost.shift(); one !== undefined; one = record.lost.shift()) {
    record.volumesReady = false
    await release(record, one, AbortSignal.timeout(TIDY_MS)).catch(() => {})
  }
}

async function release(record: PodRecord, sandbox: ObservedContainer, signal: AbortSignal): Promise<void> {
  const veth = sandbox.labels[LABEL.veth]
  if (veth !== undefined) await record.ground.network.detach(veth, signal)
  const ip = sandbox.labels[LABEL.ip]
  if (ip !== undefined) record.ground.addresses.free(ip)
}

function describe(record: PodRecord, ip: string): VolumeDescription[] {
  const { node, sources } = record.ground
  try {
    return describeVolumes({ pod: record.pod, node, sources, address: { podIP: ip === '' ? node.ip : ip } })
  } catch (error) {
    if (error instanceof VolumeUnmet)
      failedMount(record, `MountVolume.SetUp failed for volume "${error.volume}" : ${error.message}`)
    throw error
  }
}

function failedMount(record: PodRecord, message: string): void {
  record.eventOnce({ type: 'Warning', reason: 'FailedMount', message })
}
