/** The walk on Node: `kedge up` as a user starts it, one process, an embedded file, the local Docker engine. */
import { afterAll, beforeAll, describe } from 'vitest'
import { image, newerImage, removePodContainers } from '../tools/docker.ts'
import { type RunningCluster, startCluster } from '../tools/kedge.ts'
import { streamsWalk } from './streams-walk.ts'
import { walk } from './walk.ts'

let cluster: RunningCluster

describe('a cluster on Node', () => {
  beforeAll(async () => {
    cluster = await startCluster({ agent: true, node: 'walk-1' })
  })
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]()
    await removePodContainers('walk-1')
  })

  walk({ kubectl: () => cluster.kubectl, image, newImage: newerImage })
  streamsWalk({ kubectl: () => cluster.kubectl, kubeconfig: () => cluster.kubeconfig, image })
})
