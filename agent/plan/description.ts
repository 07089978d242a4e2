// Our own description of a container: what `container.ts` translates a Kubernetes container into and what a
// driver translates into its engine's words. Every value is final: no names to look up, no defaults to fill.

export interface MountDescription {
  readonly source: string
  readonly target: string
  readonly readOnly: boolean
  readonly propagation: 'private' | 'rslave' | 'rshared'
  /** create `source` as a directory when it is missing (hostPath without a type) */
  readonly createMissing: boolean
  /** a path inside `source`; resolved, with a check that it does not lead out, before a driver sees the mount */
  readonly subPath?: string
}

export interface ContainerDescription {
  readonly name: string
  readonly image: string
  readonly labels: { readonly [key: string]: string }
  /** absent: the image's own */
  readonly command?: readonly string[]
  readonly args?: readonly string[]
  readonly env: readonly string[]
  readonly workingDir?: string
  readonly tty: boolean
  readonly stdin: boolean
  readonly stdinOnce: boolean
  /** `uid` or `uid:gid`; absent: the image's own */
  readonly user?: string
  readonly groups: readonly string[]
  readonly mounts: readonly MountDescription[]
  /** `pod`: the namespaces of the container with that id */
  readonly network: 'none' | 'host' | { readonly pod: string }
  readonly ipc: 'shareable' | 'host' | { readonly pod: string }
  readonly pidNamespace: 'own' | 'host' | { readonly pod: string }
  readonly hostname?: string
  readonly sysctls: { readonly [name: string]: string }
  readonly cpuShares: number
  /** microseconds per period of 100 ms; 0: no limit */
  readonly cpuQuota: number
  /** 0: no limit */
  readonly memoryBytes: number
  readonly oomScoreAdj: number
  readonly cgroupParent: string
  readonly privileged: boolean
  readonly readOnlyRoot: boolean
  readonly noNewPrivileges: boolean
  readonly capAdd: readonly string[]
  readonly capDrop: readonly string[]
  /** `default`: the engine's profile; else `unconfined` or the profile's JSON text */
  readonly seccomp: string
  /** /proc without the engine's masks */
  readonly unmaskedProc: boolean
  readonly stopSignal?: string
  /** rotation of the log the engine keeps */
  readonly logMaxBytes: number
  readonly logMaxFiles: number
}
