// Many nodes in one process, on engines in memory, over the real protocol: what a control plane sees of them is what
// it would see of as many machines.
import { runNode } from './agent.ts'
import { MemoryDriver } from './driver/memory.ts'
import { PAUSE_IMAGE } from './driver/pause.ts'
import type { Log } from './ground.ts'
import { realClock } from './ground.ts'
import { Link } from './link/client.ts'
import { memoryNetwork } from './net/memory.ts'
import type { PodNetwork } from './net/network.ts'
import { nodeView } from './node-status.ts'
import { serveStream } from './stream/stream.ts'
import { memoryVolumes } from './volume/memory.ts'

export interface SimulateOptions {
  readonly server: string
  readonly caPem?: string
  readonly nodes: number
  /** nodes are called `<prefix>-0001` and so on */
  readonly prefix?: string
  /** one join token per node */
  readonly token: (node: string) => Promise<string | undefined>
  readonly log?: Log
  readonly registered?: (node: string) => void
  /** of each node; absent: one that always works */
  readonly network?: () => PodNetwork
}

/** registrations at once: each is a write, and tokens have to be made */
const REGISTER_WIDTH = 32

/** Runs until aborted; throws when a node cannot be one. */
export async function simulate(options: SimulateOptions, signal: AbortSignal): Promise<void> {
  const failed = new AbortController()
  const until = AbortSignal.any([signal, failed.signal])
  const names = Array.from(
    { length: options.nodes },
    (_, n) => `${options.prefix ?? 'sim'}-${String(n + 1).padStart(4, '0')}`,
  )
  const running: Promise<void>[] = []
  const coming = names.entries()
  const joinOneAfterAnother = async (): Promise<void> => {
    for (const [number, name] of coming) {
      if (until.aborted) return
      const { promise, resolve } = Promise.withResolvers<void>()
      const node = runOne(name, number, options, resolve, until)
      node.catch(() => failed.abort())
      running.push(node)
      await Promise.race([promise, node])
    }
  }
  try {
    await Promise.all(Array.from({ length: REGISTER_WIDTH }, joinOneAfterAnother))
    await Promise.all(running)
  } finally {
    failed.abort()
    await Promise.allSettled(running)
  }
}

async function runOne(
  name: string,
  number: number,
  options: SimulateOptions,
  ready: () => void,
  signal: AbortSignal,
): Promise<void> {
  // Connections of its own, as a machine has them.
  const link = new Link({
    server: options.server,
    ...(options.caPem === undefined ? {} : { caPem: options.caPem }),
  })
  const driver = new MemoryDriver({ images: [PAUSE_IMAGE], anyImage: true })
  const engine = await driver.facts()
  const ip = `10.${192 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`
  try {
    await runNode(
      {
        node: name,
        server: options.server,
        link,
        driver,
        engine,
        pauseImage: PAUSE_IMAGE,
        network: options.network ?? memoryNetwork,
        volumes: memoryVolumes(),
        podsDir: '/simulated',
        removeCgroups: async () => {},
        // Nobody listens on a simulated address.
        probe: async () => ({ ok: true, message: '' }),
        disk: undefined,
        ip,
        view: (problems) => nodeView({ name, ip, engine, images: [], diskDir: '/', nowMs: Date.now(), problems }),
        hostResolvConf: '',
        canLowerOomScore: false,
        token: () => options.token(name),
        stream: (order, bearer, ground, until) => serveStream({ order, link, bearer, ground }, until),
        clock: realClock,
        random: Math.random,
        log: options.log ?? (() => {}),
        registered: () => {
          options.registered?.(name)
          ready()
        },
      },
      signal,
    )
  } finally {
    link.close()
  }
}
