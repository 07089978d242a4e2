// What Docker says of itself and of its images, in our words.
import type { Cgroups } from '../plan/cgroup.ts'
import type { EngineFacts, ImageFacts } from './driver.ts'

export interface InfoAnswer {
  readonly ServerVersion: string
  readonly CgroupDriver: string
  readonly CgroupVersion?: string
  readonly OperatingSystem: string
  readonly KernelVersion: string
  readonly Architecture: string
  readonly NCPU: number
  readonly MemTotal: number
  readonly DockerRootDir: string
  readonly SecurityOptions?: readonly string[]
}

export interface ImageAnswer {
  readonly Id: string
  readonly RepoTags?: readonly string[] | null
  readonly RepoDigests?: readonly string[] | null
  readonly Size: number
  readonly Config?: { readonly User?: string }
}

export function engineFacts(info: InfoAnswer): EngineFacts {
  return {
    name: 'docker',
    version: info.ServerVersion,
    cgroups: cgroupsOf(info),
    operatingSystem: info.OperatingSystem,
    kernelVersion: info.KernelVersion,
    architecture: ARCHITECTURE[info.Architecture] ?? info.Architecture,
    cpus: info.NCPU,
    memoryBytes: info.MemTotal,
    rootDir: info.DockerRootDir,
    rootless: (info.SecurityOptions ?? []).some((option) => option.includes('rootless')),
  }
}

/** the kernel's names as Go has them */
const ARCHITECTURE: { readonly [machine: string]: string } = { x86_64: 'amd64', aarch64: 'arm64' }

export function imageFacts(from: ImageAnswer, user: string): ImageFacts {
  const digests = from.RepoDigests ?? []
  return {
    id: from.Id,
    reference: digests[0] === undefined ? `docker://${from.Id}` : `docker-pullable://${digests[0]}`,
    sizeBytes: from.Size,
    user,
    names: [...digests, ...(from.RepoTags ?? [])].filter((name) => !name.includes('<none>')),
  }
}

function cgroupsOf(info: InfoAnswer): Cgroups {
  if (info.CgroupVersion !== '2') return 'v1-cgroupfs'
  return info.CgroupDriver === 'systemd' ? 'v2-systemd' : 'v2-cgroupfs'
}

/** An image without tag or digest is `latest`; asked without one, Docker would pull every tag. */
export function withTag(reference: string): string {
  const last = reference.slice(reference.lastIndexOf('/') + 1)
  return last.includes(':') || last.includes('@') ? reference : `${reference}:latest`
}
