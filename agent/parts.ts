// What an agent is put together from: main.ts brings a real host's parts, simulate.ts those in memory.
import type { PollResponse } from '../schema/wire/poll.ts'
import type { Disk, Identity } from './disk.ts'
import type { Driver, EngineFacts } from './driver/driver.ts'
import type { Clock, Ground, Log } from './ground.ts'
import type { Link } from './link/client.ts'
import type { Addresses } from './net/addresses.ts'
import type { PodNetwork } from './net/network.ts'
import type { NodeView } from './node-status.ts'
import type { StreamGround } from './stream/stream.ts'
import type { PodVolumes } from './volume/volumes.ts'

export interface AgentParts {
  readonly node: string
  readonly server: string
  readonly link: Link
  readonly driver: Driver
  readonly engine: EngineFacts
  readonly pauseImage: string
  readonly network: (identity: Identity, addresses: Addresses, prefix: string) => PodNetwork
  readonly volumes: PodVolumes
  readonly podsDir: string
  readonly removeCgroups: (uid: string) => Promise<void>
  readonly probe: Ground['probe']
  readonly disk: Disk | undefined
  readonly ip: string
  readonly view: (problems: readonly string[]) => Promise<NodeView>
  readonly hostResolvConf: string
  readonly canLowerOomScore: boolean
  readonly token: () => Promise<string | undefined>
  readonly stream: (
    order: PollResponse['streams'][number],
    bearer: string,
    ground: StreamGround,
    signal: AbortSignal,
  ) => Promise<void>
  readonly clock: Clock
  readonly random: () => number
  readonly log: Log
  /** once, when the node is registered for the first time in this process */
  readonly registered?: (identity: Identity) => void
}
