/**
 * The clusters of a deployment, as one request of a Worker sees them. Nothing that does I/O is kept between requests:
 * the runtime forbids it. Agents' polls and reports go to the cluster's Durable Object, everything else is served here.
 */
import type { Cluster, Platform, StreamOrder } from '../port.ts'
import { remoteBell } from './bell.ts'
import { log, openCluster } from './cluster.ts'
import { clusterSettings, type Environment } from './environment.ts'
import { remoteStreams } from './streams.ts'

export interface WorkerPlatform extends Platform {
  /** Serves a request in the Durable Object of this cluster; undefined: no such cluster. */
  serveInObject(name: string, request: Request): Promise<Response> | undefined
  /** Cron: wakes the object of every cluster. */
  tick(): Promise<void>
}

export function workerPlatform(environment: Environment, defer: (work: Promise<unknown>) => void): WorkerPlatform {
  const settings = clusterSettings(environment)
  const object = (uid: string) => environment.CLUSTER.get(environment.CLUSTER.idFromName(uid))
  return {
    async open(name): Promise<Cluster | undefined> {
      const one = settings.get(name)
      if (one === undefined) return undefined
      const stub = object(one.uid)
      const bell = remoteBell(() => object(one.uid), defer)
      return openCluster(name, one, {
        bell,
        live: { seen: () => undefined, snapshot: () => stub.liveness() },
        streams: remoteStreams(environment, {
          order: (order, timeoutMs) => stub.order(order, timeoutMs),
          take: async (node) => (await stub.take(node)) as unknown as readonly StreamOrder[],
        }),
        defer,
        onCommit: (touched) => bell.ring(touched),
        // A write whose ring was lost is found by the next isolate, at the latest by cron.
        opened: (head) => defer(stub.saw(head)),
      })
    },
    serveInObject(name, request) {
      const one = settings.get(name)
      return one === undefined ? undefined : object(one.uid).fetch(request)
    },
    async tick() {
      const ticks = await Promise.allSettled([...settings.values()].map((one) => object(one.uid).tick()))
      for (const [at, name] of [...settings.keys()].entries()) {
        const tick = ticks[at]
        if (tick?.status === 'rejected') log.error('the floor failed', { cluster: name, error: String(tick.reason) })
      }
    },
  }
}
