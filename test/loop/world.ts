/** A cluster in memory with its loop, and the API's door to look at it: what most tests of the loop begin with. */
import type { ManualClock } from '../../api/platform/memory.ts'
import { manualClock } from '../../api/platform/memory.ts'
import { type Loop, type LoopOptions, startLoop } from '../../api/loop/runner.ts'
import type { Store } from '../../api/store/store.ts'
import { START } from '../build/cluster.ts'
import { type Door, openDoor } from '../http/door.ts'

export interface World {
  readonly door: Door
  readonly clock: ManualClock
  readonly loop: Loop
  /** what the API answers as a list */
  list(path: string): Promise<readonly Answered[]>
  names(path: string): Promise<readonly string[]>
  [Symbol.asyncDispose](): Promise<void>
}

// oxlint-disable-next-line typescript/no-explicit-any -- a test reads what it expects
export type Answered = any

export interface WorldParts extends Omit<LoopOptions, 'signal'> {
  readonly store?: (store: Store) => Store
}

export async function openWorld(parts: WorldParts = {}): Promise<World> {
  const { store, ...options } = parts
  const clock = manualClock(START)
  const door = await openDoor({ clock, ...(store === undefined ? {} : { store }) })
  const stop = new AbortController()
  const loop = startLoop(door.cluster, { ...options, signal: stop.signal })
  await loop.settled()
  const list = async (path: string): Promise<readonly Answered[]> => (await door.send('GET', path)).body.items
  return {
    door,
    clock,
    loop,
    list,
    names: async (path) => (await list(path)).map((object) => object.metadata.name),
    async [Symbol.asyncDispose]() {
      stop.abort()
      await loop.ended
    },
  }
}

export const PODS = '/api/v1/namespaces/default/pods'
export const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments'
export const REPLICA_SETS = '/apis/apps/v1/namespaces/default/replicasets'
export const SERVICES = '/api/v1/namespaces/default/services'
export const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'
export const NODES = '/api/v1/nodes'

export function aPod(name: string, labels: Readonly<Record<string, string>> = {}, metadata: object = {}): unknown {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels, ...metadata },
    spec: { containers: [{ name: 'main', image: 'busybox', ports: [{ name: 'http', containerPort: 8080 }] }] },
  }
}

export function aDeployment(name: string, replicas: number): unknown {
  const labels = { app: name }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'busybox' }] } },
    },
  }
}

export function aService(name: string, selector: Readonly<Record<string, string>>): unknown {
  const ports = [{ name: 'web', port: 80, targetPort: 'http' }]
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { selector, ports } }
}

/** A node whose agent says it is ready. */
export async function addNode(world: World, name: string): Promise<void> {
  const { door } = world
  const amounts = { cpu: '4', memory: '8Gi', pods: '110' }
  await sent(door.send('POST', NODES, { apiVersion: 'v1', kind: 'Node', metadata: { name } }))
  const conditions = [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'ready' }]
  const body = { status: { capacity: amounts, allocatable: amounts, conditions } }
  await sent(door.send('PATCH', `${NODES}/${name}/status`, body, MERGE))
  door.cluster.live.seen(name, door.cluster.clock.now())
}

/** What the node's agent would report of a pod. */
export async function setRunning(world: World, name: string, ip: string, ready = true): Promise<void> {
  const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False' }]
  const status = { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions }
  await sent(world.door.send('PATCH', `${PODS}/${name}/status`, { status }, MERGE))
}

export const MERGE = { 'content-type': 'application/merge-patch+json' }

/** The answer's body; an error when the API refused. */
export async function sent(answer: Promise<{ status: number; text: string; body: Answered }>): Promise<Answered> {
  const { status, text, body } = await answer
  if (status >= 300) throw new Error(`${status}: ${text}`)
  return body
}

/** Time passes in steps, and whatever is due happens. */
export async function advance(world: World, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10_000) {
    await world.clock.advance(10_000)
    await turns()
  }
}

/** Lets everything that is ready to go on do so: the store is in memory. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}
