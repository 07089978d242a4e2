import { env } from 'cloudflare:workers'
import { remoteBell } from '../../api/platform/workerd/bell.ts'
import type { ClusterStub } from '../../api/platform/workerd/calls.ts'
import { bellSuite } from '../suites/bell.ts'

interface TestEnvironment {
  readonly BELL: DurableObjectNamespace
}

let count = 0
const rings: Promise<unknown>[] = []

bellSuite(
  'a Worker and its Durable Object',
  () => {
    const { BELL } = env as unknown as TestEnvironment
    const id = BELL.idFromName(`bell-${++count}`)
    const stub = (): ClusterStub => BELL.get(id) as unknown as ClusterStub
    return remoteBell(stub, (work) => void rings.push(work))
  },
  () => Promise.all(rings),
)
