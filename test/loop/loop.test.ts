/** What the loop makes of what clients write: real registry, store in memory, a clock that stands still. */
import { describe, expect, test } from 'vitest'
import { configMap } from '../http/door.ts'
import {
  addNode,
  aDeployment,
  aPod,
  aService,
  DEPLOYMENTS,
  MERGE,
  NODES,
  openWorld,
  PODS,
  REPLICA_SETS,
  sent,
  SERVICES,
  setRunning,
  SLICES,
} from './world.ts'

const NAMESPACES = '/api/v1/namespaces'

test('what every cluster has is made again when somebody deletes it', async () => {
  await using world = await openWorld()
  const before = (await world.door.send('GET', `${SERVICES}/kubernetes`)).body
  await sent(world.door.send('DELETE', `${SERVICES}/kubernetes`))
  await sent(world.door.send('DELETE', '/api/v1/namespaces/kube-node-lease'))
  await world.loop.settled()
  const after = (await world.door.send('GET', `${SERVICES}/kubernetes`)).body
  expect(after.spec).toEqual(before.spec)
  expect(after.metadata.uid).not.toBe(before.metadata.uid)
  expect((await world.door.send('GET', '/api/v1/namespaces/kube-node-lease')).body.status.phase).toBe('Active')
})

describe('a cluster starts', () => {
  test('with its namespaces, the Service of the API, and what every namespace has', async () => {
    await using world = await openWorld()
    expect(await world.names(NAMESPACES)).toEqual(['default', 'kube-node-lease', 'kube-public', 'kube-system'])
    const service = await sent(world.door.send('GET', `${SERVICES}/kubernetes`))
    expect(service.spec).toMatchObject({
      clusterIP: '10.96.0.1',
      type: 'ClusterIP',
      ports: [{ name: 'https', port: 443 }],
    })
    for (const name of ['default', 'kube-system']) {
      expect(await world.names(`${NAMESPACES}/${name}/serviceaccounts`)).toEqual(['default'])
      const root = await sent(world.door.send('GET', `${NAMESPACES}/${name}/configmaps/kube-root-ca.crt`))
      expect(root.data['ca.crt']).toBe(world.door.cluster.keys.caPem)
    }
  })

  test('what somebody removes of it comes back', async () => {
    await using world = await openWorld()
    await sent(world.door.send('DELETE', `${NAMESPACES}/default/configmaps/kube-root-ca.crt`))
    await sent(world.door.send('DELETE', `${NAMESPACES}/default/serviceaccounts/default`))
    await world.loop.settled()
    expect(await world.names(`${NAMESPACES}/default/configmaps`)).toEqual(['kube-root-ca.crt'])
    expect(await world.names(`${NAMESPACES}/default/serviceaccounts`)).toEqual(['default'])
  })
})

describe('a namespace ends', () => {
  test('with everything inside, Events too', async () => {
    await using world = await openWorld()
    const made = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } }
    await sent(world.door.send('POST', NAMESPACES, made))
    await sent(world.door.send('POST', '/apis/apps/v1/namespaces/team/deployments', aDeployment('web', 2)))
    await sent(world.door.send('POST', '/api/v1/namespaces/team/configmaps', configMap('settings')))
    await world.loop.settled()
    expect(await world.names('/api/v1/namespaces/team/pods')).toHaveLength(2)
    expect((await world.names('/api/v1/namespaces/team/events')).length).toBeGreaterThan(0)

    const ended = await sent(world.door.send('DELETE', `${NAMESPACES}/team`))
    expect(ended.status.phase).toBe('Terminating')
    await passing(world)
    expect((await world.door.send('GET', `${NAMESPACES}/team`)).status).toBe(404)
    expect(await world.names('/api/v1/events?fieldSelector=metadata.namespace=team')).toEqual([])
  })

  test('only when its pods have stopped, and says what it waits for', async () => {
    await using world = await openWorld()
    await addNode(world, 'n1')
    await sent(world.door.send('POST', NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } }))
    await sent(world.door.send('POST', '/api/v1/namespaces/team/pods', aPod('one')))
    await sent(world.door.send('POST', '/api/v1/namespaces/team/configmaps', configMap('settings')))
    await world.loop.settled()
    await sent(world.door.send('DELETE', `${NAMESPACES}/team`))
    await world.loop.settled()

    const waiting = await sent(world.door.send('GET', `${NAMESPACES}/team`))
    const remaining = waiting.status.conditions.find(
      (one: { type: string }) => one.type === 'NamespaceContentRemaining',
    )
    expect(remaining).toMatchObject({ status: 'True', reason: 'SomeResourcesRemain' })
    expect(remaining.message).toContain('pods. has 1 resource instances')
    expect(await world.names('/api/v1/namespaces/team/configmaps')).toContain('settings')

    await sent(world.door.send('DELETE', '/api/v1/namespaces/team/pods/one?gracePeriodSeconds=0'))
    await passing(world)
    expect((await world.door.send('GET', `${NAMESPACES}/team`)).status).toBe(404)
  })
})

describe('a Deployment', () => {
  test('becomes a ReplicaSet and pods, which are placed on nodes, and says so in Events', async () => {
    await using world = await openWorld()
    await addNode(world, 'n1')
    await addNode(world, 'n2')
    await sent(world.door.send('POST', DEPLOYMENTS, aDeployment('web', 4)))
    await world.loop.settled()
    const pods = await world.list(PODS)
    expect(pods.filter((pod) => pod.spec.nodeName === 'n1')).toHaveLength(2)
    expect(pods.filter((pod) => pod.spec.nodeName === 'n2')).toHaveLength(2)
    expect(await world.names(REPLICA_SETS)).toHaveLength(1)
    const events = await world.list('/api/v1/namespaces/default/events')
    const said = (reason: string): readonly unknown[] => events.filter((event) => event.reason === reason)
    expect(said('ScalingReplicaSet')).toHaveLength(1)
    expect(said('SuccessfulCreate')).toHaveLength(4)
    expect(said('Scheduled')).toHaveLength(4)
    expect(said('Scheduled')[0]).toMatchObject({
      type: 'Normal',
      count: 1,
      source: { component: 'default-scheduler' },
      reportingComponent: 'default-scheduler',
      involvedObject: { kind: 'Pod', apiVersion: 'v1', namespace: 'default' },
    })
  })

  test('is scaled, loses a pod and gets another', async () => {
    await using world = await openWorld()
    await sent(world.door.send('POST', DEPLOYMENTS, aDeployment('web', 1)))
    await world.loop.settled()
    await sent(world.door.send('PATCH', `${DEPLOYMENTS}/web`, { spec: { replicas: 3 } }, MERGE))
    await world.loop.settled()
    const [first = ''] = await world.names(PODS)
    await sent(world.door.send('DELETE', `${PODS}/${first}`))
    await world.loop.settled()
    const pods = await world.names(PODS)
    expect(pods).toHaveLength(3)
    expect(pods).not.toContain(first)
  })

  test('gets pods for a pending pod when a node appears', async () => {
    await using world = await openWorld()
    await sent(world.door.send('POST', PODS, aPod('one')))
    await world.loop.settled()
    const [pending] = await world.list(PODS)
    expect(pending.status.conditions).toMatchObject([
      {
        type: 'PodScheduled',
        status: 'False',
        reason: 'Unschedulable',
        message: 'no nodes available to schedule pods',
      },
    ])
    await addNode(world, 'n1')
    await world.loop.settled()
    expect((await world.list(PODS))[0].spec.nodeName).toBe('n1')
  })
})

describe('what an owner leaves behind', () => {
  const tree = async (world: Awaited<ReturnType<typeof openWorld>>): Promise<void> => {
    await sent(world.door.send('POST', DEPLOYMENTS, aDeployment('web', 2)))
    await world.loop.settled()
  }

  test('goes with it in the background', async () => {
    await using world = await openWorld()
    await tree(world)
    await sent(world.door.send('DELETE', `${DEPLOYMENTS}/web`, { propagationPolicy: 'Background' }))
    expect((await world.door.send('GET', `${DEPLOYMENTS}/web`)).status).toBe(404)
    await world.loop.settled()
    expect(await world.names(REPLICA_SETS)).toEqual([])
    expect(await world.names(PODS)).toEqual([])
  })

  test('goes before it in the foreground, and it waits for pods that stop slowly', async () => {
    await using world = await openWorld()
    await addNode(world, 'n1')
    await tree(world)
    await sent(world.door.send('DELETE', `${DEPLOYMENTS}/web`, { propagationPolicy: 'Foreground' }))
    await world.loop.settled()
    const waiting = await sent(world.door.send('GET', `${DEPLOYMENTS}/web`))
    expect(waiting.metadata.finalizers).toEqual(['foregroundDeletion'])
    const pods = await world.list(PODS)
    expect(pods).toHaveLength(2)
    for (const pod of pods) {
      expect(pod.metadata.deletionTimestamp).toBeDefined()
      await sent(world.door.send('DELETE', `${PODS}/${pod.metadata.name}?gracePeriodSeconds=0`))
    }
    await world.loop.settled()
    expect(await world.names(REPLICA_SETS)).toEqual([])
    expect((await world.door.send('GET', `${DEPLOYMENTS}/web`)).status).toBe(404)
  })

  test('stays as orphans, and is taken in again', async () => {
    await using world = await openWorld()
    await tree(world)
    const before = await world.names(PODS)
    await sent(world.door.send('DELETE', `${DEPLOYMENTS}/web`, { propagationPolicy: 'Orphan' }))
    await world.loop.settled()
    expect((await world.door.send('GET', `${DEPLOYMENTS}/web`)).status).toBe(404)
    const [set] = await world.list(REPLICA_SETS)
    expect(set.metadata.ownerReferences).toBeUndefined()
    expect(await world.names(PODS)).toEqual(before)

    await sent(world.door.send('POST', DEPLOYMENTS, aDeployment('web', 2)))
    await world.loop.settled()
    const [adopted] = await world.list(REPLICA_SETS)
    expect(adopted.metadata).toMatchObject({
      uid: set.metadata.uid,
      ownerReferences: [{ kind: 'Deployment', name: 'web' }],
    })
    expect(await world.names(PODS)).toEqual(before)
  })

  test('is deleted when the owner it names never was', async () => {
    await using world = await openWorld()
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'nobody', uid: '00000000-0000-0000-0000-000000000000' }
    await sent(world.door.send('POST', PODS, aPod('child', {}, { ownerReferences: [owner] })))
    await world.loop.settled()
    expect(await world.names(PODS)).toEqual([])
  })

  test('stays with a second owner and loses the reference to the first', async () => {
    await using world = await openWorld()
    const path = '/api/v1/namespaces/default/configmaps'
    const owners = []
    for (const name of ['one', 'two']) {
      const { metadata } = await sent(world.door.send('POST', path, configMap(name)))
      owners.push({ apiVersion: 'v1', kind: 'ConfigMap', name, uid: metadata.uid })
    }
    await sent(world.door.send('POST', PODS, aPod('child', {}, { ownerReferences: owners })))
    const reversed = owners.toReversed()
    await sent(world.door.send('POST', PODS, aPod('sibling', {}, { ownerReferences: reversed })))
    await world.loop.settled()
    await sent(world.door.send('DELETE', `${path}/one`))
    await world.loop.settled()
    for (const pod of await world.list(PODS)) expect(pod.metadata.ownerReferences).toMatchObject([{ name: 'two' }])
    await sent(world.door.send('DELETE', `${path}/two`))
    await world.loop.settled()
    expect(await world.names(PODS)).toEqual([])
  })

  test('goes also when owners wait for each other in a circle', async () => {
    await using world = await openWorld()
    const pods = []
    for (const name of ['a', 'b', 'c']) pods.push(await sent(world.door.send('POST', PODS, aPod(name))))
    for (const [at, pod] of pods.entries()) {
      const owner = pods[(at + 2) % 3]
      const { name, uid } = owner.metadata
      const ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name, uid, controller: true, blockOwnerDeletion: true }]
      await sent(world.door.send('PATCH', `${PODS}/${pod.metadata.name}`, { metadata: { ownerReferences } }, MERGE))
    }
    await world.loop.settled()
    await sent(world.door.send('DELETE', `${PODS}/a`, { propagationPolicy: 'Foreground' }))
    await world.loop.settled()
    expect(await world.names(PODS)).toEqual([])
  })
})

describe('a Service', () => {
  test('has slices that follow the pods it selects', async () => {
    await using world = await openWorld()
    await addNode(world, 'n1')
    await sent(world.door.send('POST', SERVICES, aService('web', { app: 'web' })))
    await world.loop.settled()
    const [empty] = await world.list(SLICES)
    expect(empty.endpoints ?? []).toEqual([])
    for (const name of ['one', 'two', 'other']) {
      await sent(world.door.send('POST', PODS, aPod(name, { app: name === 'other' ? 'other' : 'web' })))
    }
    await world.loop.settled()
    await setRunning(world, 'one', '10.1.0.1')
    await setRunning(world, 'two', '10.1.0.2', false)
    await setRunning(world, 'other', '10.1.0.3')
    await world.loop.settled()
    expect(await endpointsOf(world)).toEqual(['10.1.0.1 ready', '10.1.0.2 not ready'])
    const [slice] = await world.list(SLICES)
    expect(slice).toMatchObject({
      addressType: 'IPv4',
      ports: [{ name: 'web', port: 8080, protocol: 'TCP' }],
      metadata: {
        labels: {
          'kubernetes.io/service-name': 'web',
          'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
        },
      },
    })
    expect(slice.endpoints[0]).toMatchObject({ nodeName: 'n1', targetRef: { kind: 'Pod', name: 'one' } })

    await setRunning(world, 'two', '10.1.0.2')
    await sent(world.door.send('DELETE', `${PODS}/one`))
    await world.loop.settled()
    expect(await endpointsOf(world)).toEqual(['10.1.0.1 not ready', '10.1.0.2 ready'])

    await sent(world.door.send('PATCH', `${SERVICES}/web`, { spec: { selector: { app: 'other' } } }, MERGE))
    await world.loop.settled()
    expect(await endpointsOf(world)).toEqual(['10.1.0.3 ready'])
    await sent(world.door.send('DELETE', `${SERVICES}/web`))
    await world.loop.settled()
    expect(await world.list(SLICES)).toEqual([])
  })
})

describe('a node', () => {
  test('that falls silent is Unknown and tainted, and its pods go when their patience is over', async () => {
    await using world = await openWorld()
    await addNode(world, 'n1')
    await addNode(world, 'n2')
    await addNode(world, 'n3')
    await sent(world.door.send('POST', PODS, aPod('one')))
    await world.loop.settled()
    const { nodeName } = (await world.list(PODS))[0].spec
    const alive = ['n1', 'n2', 'n3'].filter((name) => name !== nodeName)
    const pass = async (seconds: number): Promise<void> => {
      for (let second = 0; second < seconds; second += 10) {
        for (const name of alive) world.door.cluster.live.seen(name, world.clock.now())
        await world.clock.advance(10_000)
        await world.loop.settled()
      }
    }
    await pass(60)
    const node = await sent(world.door.send('GET', `${NODES}/${nodeName}`))
    const ready = node.status.conditions.find((one: { type: string }) => one.type === 'Ready')
    expect(ready).toMatchObject({ status: 'Unknown', reason: 'NodeStatusUnknown' })
    expect(node.spec.taints).toContainEqual(
      expect.objectContaining({ key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }),
    )
    expect((await world.list(PODS))[0].metadata.deletionTimestamp).toBeUndefined()
    await pass(310)
    expect((await world.list(PODS))[0].metadata.deletionTimestamp).toBeDefined()
  })
})

/** Until nothing is due within a few seconds. */
async function passing(world: Awaited<ReturnType<typeof openWorld>>): Promise<void> {
  for (let turn = 0; turn < 20; turn++) {
    const next = await world.loop.settled()
    if (next === undefined || next > world.clock.now() + 20_000) return
    await world.clock.advance(Math.max(1, next - world.clock.now()))
  }
}

async function endpointsOf(world: Awaited<ReturnType<typeof openWorld>>): Promise<readonly string[]> {
  const slices = await world.list(SLICES)
  return slices
    .flatMap((slice) => slice.endpoints ?? [])
    .map(({ addresses, conditions }) => `${addresses[0]} ${conditions.ready === true ? 'ready' : 'not ready'}`)
    .toSorted()
}
