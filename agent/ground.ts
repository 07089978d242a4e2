// What a pod's worker stands on: the ports of this node and the ways to tell the rest of the agent.
import type { PodStatus, Probe } from '../schema/k8s/generated/types.ts'
import type { Driver } from './driver/driver.ts'
import type { Images } from './driver/images.ts'
import type { HealthRecord } from './health.ts'
import type { Addresses } from './net/addresses.ts'
import type { PodNetwork } from './net/network.ts'
import type { NodeFacts, Sources } from './plan/sources.ts'
import type { ProbeResult, ProbeTarget } from './probe/probe.ts'
import type { PodVolumes } from './volume/volumes.ts'

export interface PodEvent {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
  /** name of the container it is about, if any; `init` when among the init containers */
  readonly container?: { readonly name: string; readonly init: boolean }
}

export interface PodIdentity {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

export interface Clock {
  now(): number
  /** runs `then` once, not before `atMs`; the answer cancels it */
  at(atMs: number, then: () => void): () => void
}

export interface Log {
  (level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: { readonly [name: string]: unknown }): void
}

export interface Ground {
  readonly driver: Driver
  readonly images: Images
  readonly network: PodNetwork
  /** why pods get no address now, in upstream's words; undefined: they do */
  readonly networkProblem: () => string | undefined
  readonly volumes: PodVolumes
  readonly addresses: Addresses
  readonly health: HealthRecord
  readonly node: NodeFacts
  readonly sources: Sources
  readonly clock: Clock
  readonly log: Log
  /** name of the interface of a pod's sandbox; the same for the same pod and attempt */
  vethName(uid: string, attempt: number): string
  probe(probe: Probe, target: ProbeTarget, signal: AbortSignal): Promise<ProbeResult>
  /** cgroups the engine leaves behind of a pod that is gone */
  removeCgroups(uid: string): Promise<void>
  /** runs when fewer than the bound of engine-heavy steps run */
  limited<T>(work: () => Promise<T>): Promise<T>
  event(pod: PodIdentity, event: PodEvent): void
  status(pod: PodIdentity, status: PodStatus): void
  /** every container of the pod is gone; `known`: the control plane waits to hear it */
  stopped(pod: PodIdentity, known: boolean): void
  /** the engine is down, in upstream's words, or is back */
  runtimeChanged(problem: string | undefined): void
}

export const realClock: Clock = {
  now: () => Date.now(),
  at: (atMs, then) => {
    // Timers hold 2^31 ms at most; woken early, a worker just plans again.
    const timer = setTimeout(then, Math.min(Math.max(atMs - Date.now(), 0), 2 ** 31 - 1))
    return () => clearTimeout(timer)
  },
}

/** At most `width` at once, first come first served. */
export function limiter(width: number): Ground['limited'] {
  let busy = 0
  const queue: (() => void)[] = []
  return async (work) => {
    if (busy >= width) await new Promise<void>((resolve) => queue.push(resolve))
    else busy++
    try {
      return await work()
    } finally {
      // The place is handed on, not given back, so a newcomer cannot overtake.
      const next = queue.shift()
      if (next === undefined) busy--
      else next()
    }
  }
}
