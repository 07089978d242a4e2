// The second translation: our description of a container becomes Docker's create request. Pure, so that
// test/golden/pod-to-docker can show it.
import type { ContainerDescription, MountDescription } from '../plan/description.ts'

const CPU_PERIOD_US = 100_000

/** The JSON body of `POST /containers/create`. */
export function dockerCreate(from: ContainerDescription): { readonly [field: string]: unknown } {
  const pod = from.network !== 'none' && from.network !== 'host'
  return {
    Image: from.image,
    ...(from.hostname === undefined || pod ? {} : { Hostname: from.hostname }),
    ...(from.command === undefined ? {} : { Entrypoint: from.command }),
    // An image's own arguments do not belong to another command.
    ...(from.args === undefined ? (from.command === undefined ? {} : { Cmd: [] }) : { Cmd: from.args }),
    Env: from.env,
    ...(from.workingDir === undefined ? {} : { WorkingDir: from.workingDir }),
    Tty: from.tty,
    OpenStdin: from.stdin,
    StdinOnce: from.stdinOnce,
    ...(from.user === undefined ? {} : { User: from.user }),
    ...(from.stopSignal === undefined ? {} : { StopSignal: from.stopSignal }),
    Labels: from.labels,
    // An image's health check is not the pod's.
    Healthcheck: { Test: ['NONE'] },
    HostConfig: hostConfig(from),
  }
}

function hostConfig(from: ContainerDescription): { readonly [field: string]: unknown } {
  const security = [
    ...(from.noNewPrivileges ? ['no-new-privileges'] : []),
    ...(from.seccomp === 'default' ? [] : [`seccomp=${from.seccomp}`]),
  ]
  const plain = from.mounts.filter((mount) => mount.createMissing)
  const checked = from.mounts.filter((mount) => !mount.createMissing)
  return {
    NetworkMode: namespace(from.network),
    IpcMode: namespace(from.ipc),
    ...(from.pidNamespace === 'own' ? {} : { PidMode: namespace(from.pidNamespace) }),
    RestartPolicy: { Name: 'no' },
    ...(plain.length > 0 ? { Binds: plain.map(bind) } : {}),
    ...(checked.length > 0 ? { Mounts: checked.map(mountOf) } : {}),
    ...(Object.keys(from.sysctls).length > 0 ? { Sysctls: from.sysctls } : {}),
    ...(from.groups.length > 0 ? { GroupAdd: from.groups } : {}),
    ...(from.capAdd.length > 0 ? { CapAdd: from.capAdd } : {}),
    ...(from.capDrop.length > 0 ? { CapDrop: from.capDrop } : {}),
    Privileged: from.privileged,
    ReadonlyRootfs: from.readOnlyRoot,
    ...(security.length > 0 ? { SecurityOpt: security } : {}),
    ...(from.unmaskedProc ? { MaskedPaths: [], ReadonlyPaths: [] } : {}),
    CpuShares: from.cpuShares,
    ...(from.cpuQuota > 0 ? { CpuPeriod: CPU_PERIOD_US, CpuQuota: from.cpuQuota } : {}),
    // Without swap on top of it: the limit is the limit.
    ...(from.memoryBytes > 0 ? { Memory: from.memoryBytes, MemorySwap: from.memoryBytes } : {}),
    OomScoreAdj: from.oomScoreAdj,
    CgroupParent: from.cgroupParent,
    LogConfig: {
      Type: 'json-file',
      Config: { 'max-size': String(from.logMaxBytes), 'max-file': String(from.logMaxFiles) },
    },
  }
}

function namespace(from: 'none' | 'host' | 'shareable' | { readonly pod: string }): string {
  return typeof from === 'string' ? from : `container:${from.pod}`
}

function bind(mount: MountDescription): string {
  const options = [mount.readOnly ? 'ro' : 'rw', ...(mount.propagation === 'private' ? [] : [mount.propagation])]
  return `${mount.source}:${mount.target}:${options.join(',')}`
}

function mountOf(mount: MountDescription): { readonly [field: string]: unknown } {
  return {
    Type: 'bind',
    Source: mount.source,
    Target: mount.target,
    ReadOnly: mount.readOnly,
    BindOptions: { Propagation: mount.propagation === 'private' ? 'rprivate' : mount.propagation },
  }
}
