// The agent on a real host: what it needs is checked, its parts are put together, and it runs until it is stopped.
// Containers never end with it.
import { readFile, stat } from 'node:fs/promises'
import { runNode } from './agent.ts'
import { Disk } from './disk.ts'
import { removePodCgroups } from './driver/cgroups.ts'
import { DockerDriver } from './driver/docker.ts'
import type { EngineFacts } from './driver/driver.ts'
import { PAUSE_CHANGES, PAUSE_IMAGE, pauseTar } from './driver/pause.ts'
import type { Log } from './ground.ts'
import { realClock } from './ground.ts'
import { Link } from './link/client.ts'
import { vethNetwork } from './net/veth.ts'
import { nodeAddress, nodeView } from './node-status.ts'
import { runProbe } from './probe/probe.ts'
import { serveStream } from './stream/stream.ts'
import { diskVolumes } from './volume/disk.ts'

export interface AgentConfig {
  /** URL of the control plane, with the path of the cluster if it has one */
  readonly server: string
  /** CA of the control plane; absent: the system's */
  readonly caPem?: string
  readonly node: string
  readonly dataDir: string
  /** path of the engine's socket */
  readonly docker: string
  /** keep Secrets, sealed, for a boot without the control plane */
  readonly offlineSecrets: boolean
  /** asked only when the stored credential is missing or refused */
  readonly token: () => Promise<string | undefined>
  /** address pods and others reach this node by; absent: the one on the way to the control plane */
  readonly ip?: string
  /** all pods of the cluster */
  readonly clusterCIDR?: string
  readonly log?: Log
  readonly registered?: () => void
}

/** The agent cannot run here; the message is one line that says what to do. */
class Unfit extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'Unfit'
  }
}

const DEFAULT_CLUSTER_CIDR = '10.244.0.0/16'
const POD_MTU = 1500
const ENGINE_ANSWER_MS = 15_000
const CAP_SYS_RESOURCE = 24n

export async function runAgent(config: AgentConfig, signal: AbortSignal): Promise<void> {
  await checkHost(config.docker)
  const driver = new DockerDriver(config.docker)
  const link = new Link({ server: config.server, ...(config.caPem === undefined ? {} : { caPem: config.caPem }) })
  const log = config.log ?? logLine
  try {
    const engine = await checkEngine(driver, config.docker, signal)
    await ensurePause(driver, signal)
    const disk = await Disk.open(config.dataDir, config.offlineSecrets)
    const ip = config.ip ?? (await nodeAddress(config.server))
    const clusterCIDR = config.clusterCIDR ?? DEFAULT_CLUSTER_CIDR
    await runNode(
      {
        node: config.node,
        server: config.server,
        link,
        driver,
        engine,
        pauseImage: PAUSE_IMAGE,
        network: ({ podCIDR }, { gateway }, prefix) =>
          vethNetwork({ gateway, podCIDR, clusterCIDR, prefix, mtu: POD_MTU }),
        volumes: diskVolumes(disk.podsDir),
        podsDir: disk.podsDir,
        probe: (probe, target, until) => runProbe(driver, probe, target, until),
        removeCgroups: (uid) => removePodCgroups(engine.cgroups, uid),
        disk,
        ip,
        view: async (problems) =>
          nodeView({
            name: config.node,
            ip,
            engine,
            images: await driver.images(signal).catch(() => []),
            diskDir: config.dataDir,
            nowMs: Date.now(),
            problems,
          }),
        hostResolvConf: await readFile('/etc/resolv.conf', 'utf8').catch(() => ''),
        canLowerOomScore: await hasCapability(CAP_SYS_RESOURCE),
        token: config.token,
        stream: (order, bearer, ground, until) => serveStream({ order, link, bearer, ground }, until),
        clock: realClock,
        random: Math.random,
        log,
        ...(config.registered === undefined ? {} : { registered: config.registered }),
      },
      signal,
    )
  } finally {
    link.close()
    driver.close()
  }
}

async function checkHost(socket: string): Promise<void> {
  if (process.platform !== 'linux') {
    throw new Unfit(
      `an agent needs Linux, this is ${process.platform}: run it on a Linux host, or in a Linux VM on this one`,
    )
  }
  if (process.getuid?.() !== 0) throw new Unfit('an agent needs root for networks and mounts: start it with sudo')
  const found = await stat(socket).catch(() => undefined)
  if (found === undefined)
    throw new Unfit(`no container engine at ${socket}: install and start Docker, or name its socket with --docker`)
  if (!found.isSocket()) throw new Unfit(`${socket} is not a socket: name the engine's socket with --docker`)
}

async function checkEngine(driver: DockerDriver, socket: string, signal: AbortSignal): Promise<EngineFacts> {
  let engine: EngineFacts
  try {
    engine = await driver.facts(AbortSignal.any([signal, AbortSignal.timeout(ENGINE_ANSWER_MS)]))
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Unfit(`the container engine at ${socket} does not answer (${why}): start it and try again`)
  }
  if (engine.rootless) throw new Unfit(`the engine at ${socket} is rootless: an agent needs a Docker that runs as root`)
  if (/docker desktop/i.test(engine.operatingSystem)) {
    throw new Unfit('Docker Desktop runs containers in a VM the agent cannot reach: use Docker Engine on a Linux host')
  }
  // Networks and mounts are this kernel's: the engine must be on it.
  const release = (await readFile('/proc/sys/kernel/osrelease', 'utf8')).trim()
  if (engine.kernelVersion !== release) {
    throw new Unfit(
      `the engine at ${socket} runs on another kernel (${engine.kernelVersion}, here ${release}): run the agent beside it`,
    )
  }
  return engine
}

async function ensurePause(driver: DockerDriver, signal: AbortSignal): Promise<void> {
  if ((await driver.image(PAUSE_IMAGE, signal)) !== undefined) return
  const tar = pauseTar()
  if (tar === undefined)
    throw new Unfit(
      `kedge has no pause program for ${process.arch}: build agent/driver/pause/pause.c as image ${PAUSE_IMAGE}`,
    )
  await driver.load(tar, PAUSE_IMAGE, PAUSE_CHANGES, signal)
}

async function hasCapability(bit: bigint): Promise<boolean> {
  const text = await readFile('/proc/self/status', 'utf8').catch(() => '')
  const bounding = /^CapBnd:\s*([0-9a-f]+)$/m.exec(text)?.[1]
  return bounding !== undefined && ((BigInt(`0x${bounding}`) >> bit) & 1n) === 1n
}

/** One JSON object a line on stderr; debug lines only with KEDGE_LOG=debug. */
const logLine: Log = (level, message, fields) => {
  if (level === 'debug' && process.env['KEDGE_LOG'] !== 'debug') return
  process.stderr.write(
    `${JSON.stringify({ time: new Date().toISOString(), level, at: 'agent', message, ...fields })}\n`,
  )
}
