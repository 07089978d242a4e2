// The port to a pod's directories and files on this node: disk.ts on a real host, memory.ts in simulations.
import type { MountDescription } from '../plan/description.ts'
import type { VolumeDescription } from '../plan/volumes.ts'

export interface PodFiles {
  readonly hosts: string | undefined
  readonly resolvConf: string
}

export interface PodVolumes {
  /** all volumes and shared files of a pod are there with these contents; safe to repeat, contents change atomically */
  prepare(uid: string, volumes: readonly VolumeDescription[], files: PodFiles, signal: AbortSignal): Promise<void>
  /** the mounts as the engine gets them: subPaths resolved and checked, the termination file made */
  mounts(uid: string, mounts: readonly MountDescription[], signal: AbortSignal): Promise<MountDescription[]>
  /** what a container left at its termination path; at most 4096 bytes */
  lastWords(file: string, signal: AbortSignal): Promise<string>
  /** everything of the pod is gone; nothing when it is already */
  remove(uid: string, signal: AbortSignal): Promise<void>
  /** uids that have anything here */
  pods(): Promise<string[]>
}
