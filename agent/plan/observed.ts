// What the agent knows about one container of an engine, in its own words. Drivers produce it, planners read it.

/** Labels every container of ours carries; together they are enough to adopt it after a restart of the agent. */
export const LABEL = {
  podName: 'io.kubernetes.pod.name',
  podNamespace: 'io.kubernetes.pod.namespace',
  podUid: 'io.kubernetes.pod.uid',
  container: 'io.kubernetes.container.name',
  type: 'io.kubernetes.docker.type',
  /** the cluster a container belongs to; the agent touches no other */
  cluster: 'io.kedge.cluster',
  node: 'io.kedge.node',
  /** hash of the part of the spec that would need another container */
  specHash: 'io.kedge.spec-hash',
  attempt: 'io.kedge.attempt',
  /** which pause container's namespaces it lives in */
  sandbox: 'io.kedge.sandbox',
  /** the back-off that had been waited for before this attempt, in milliseconds */
  backoffMs: 'io.kedge.backoff-ms',
  /** seconds between SIGTERM and SIGKILL, for a container whose pod is no longer known */
  graceSeconds: 'io.kedge.grace-seconds',
  ip: 'io.kedge.ip',
  veth: 'io.kedge.veth',
  terminationMessagePath: 'io.kedge.termination-message-path',
} as const

/** the name of the pause container in `LABEL.container` */
export const SANDBOX = 'POD'

export interface ObservedContainer {
  readonly id: string
  readonly labels: { readonly [key: string]: string }
  /** as the engine was asked for it, e.g. `nginx:1` */
  readonly image: string
  /** the engine's name for the exact bytes, e.g. `sha256:…` */
  readonly imageId: string
  readonly state: 'created' | 'running' | 'exited'
  /** of its first process in the host's numbering; 0 unless running */
  readonly pid: number
  readonly createdAtMs: number
  readonly startedAtMs: number
  readonly finishedAtMs: number
  readonly exitCode: number
  readonly oomKilled: boolean
  /** why the engine could not start it; empty when it could */
  readonly error: string
  /** what asks it to end, from its image or spec, e.g. `SIGTERM` */
  readonly stopSignal: string
}

export function attemptOf(container: ObservedContainer): number {
  return Number(container.labels[LABEL.attempt] ?? 0)
}

/** Newest first: by attempt, then by creation. */
export function newestFirst(containers: readonly ObservedContainer[]): ObservedContainer[] {
  return containers.toSorted((a, b) => attemptOf(b) - attemptOf(a) || b.createdAtMs - a.createdAtMs)
}
