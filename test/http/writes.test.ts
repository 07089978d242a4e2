import { describe, expect, test } from 'vitest'
import { CONFIG_MAPS, configMap, doors } from './door.ts'

const MERGE = { 'content-type': 'application/merge-patch+json' }
const PODS = '/api/v1/namespaces/default/pods'
const SERVICES = '/api/v1/namespaces/default/services'
const pod = (name: string, spec: object = {}): unknown => ({
  metadata: { name, labels: { app: name } },
  spec: { containers: [{ name: 'a', image: 'b' }], ...spec },
})

describe.each(doors)('%s', (_, openDoor) => {
  test('a generated name is upstream-shaped and tried again when it is taken', async () => {
    const door = await openDoor()
    const made = await door.send('POST', CONFIG_MAPS, { metadata: { generateName: 'web-' } })
    expect(made.body.metadata.name).toMatch(/^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/)
    const suffixes = ['aaaaa', 'aaaaa', 'bbbbb', ...Array.from({ length: 8 }, () => 'aaaaa')]
    const cluster = { ...door.cluster, random: { ...door.cluster.random, suffix: () => suffixes.shift() ?? 'ccccc' } }
    const again = await openDoor({ cluster })
    expect((await again.send('POST', CONFIG_MAPS, { metadata: { generateName: 'web-' } })).body.metadata.name).toBe(
      'web-aaaaa',
    )
    expect((await again.send('POST', CONFIG_MAPS, { metadata: { generateName: 'web-' } })).body.metadata.name).toBe(
      'web-bbbbb',
    )
    const never = await again.send('POST', CONFIG_MAPS, { metadata: { generateName: 'web-' } })
    expect(never.body).toMatchObject({ code: 409, reason: 'AlreadyExists', details: { retryAfterSeconds: 1 } })
    expect(never.headers.get('retry-after')).toBe('1')
  })

  test('what only the server may set is set by the server', async () => {
    const door = await openDoor()
    const made = await door.send('POST', CONFIG_MAPS, {
      metadata: {
        name: 'a',
        uid: 'mine',
        creationTimestamp: '2001-01-01T00:00:00Z',
        deletionTimestamp: '2001-01-01T00:00:00Z',
        generation: 7,
        selfLink: 'x',
      },
    })
    expect(made.status).toBe(201)
    expect(made.body.metadata).toEqual({
      name: 'a',
      namespace: 'default',
      uid: expect.not.stringMatching('mine'),
      creationTimestamp: '2026-01-01T00:00:00Z',
      resourceVersion: expect.any(String),
    })
  })

  test('a dry run answers like the real thing and leaves nothing', async () => {
    const door = await openDoor()
    expect((await door.send('POST', `${CONFIG_MAPS}?dryRun=All`, configMap('a'))).status).toBe(201)
    expect((await door.send('GET', `${CONFIG_MAPS}/a`)).status).toBe(404)
    const made = await door.send('POST', CONFIG_MAPS, configMap('a'))
    expect((await door.send('POST', `${CONFIG_MAPS}?dryRun=All`, configMap('a'))).body.reason).toBe('AlreadyExists')
    const patched = await door.send('PATCH', `${CONFIG_MAPS}/a?dryRun=All`, { data: { x: '1' } }, MERGE)
    expect(patched.body.data).toEqual({ x: '1' })
    expect((await door.send('DELETE', `${CONFIG_MAPS}/a?dryRun=All`)).status).toBe(200)
    expect((await door.send('GET', `${CONFIG_MAPS}/a`)).body).toEqual(made.body)
  })

  test('an update that changes nothing writes nothing', async () => {
    const door = await openDoor()
    const made = await door.send('POST', CONFIG_MAPS, configMap('a', { x: '1', y: '2' }))
    const same = await door.send('PUT', `${CONFIG_MAPS}/a`, {
      data: { y: '2', x: '1' },
      metadata: { name: 'a' },
      kind: 'ConfigMap',
      apiVersion: 'v1',
    })
    expect(same.body).toEqual(made.body)
    const patched = await door.send('PATCH', `${CONFIG_MAPS}/a`, { data: { x: '1' } }, MERGE)
    expect(patched.body.metadata.resourceVersion).toBe(made.body.metadata.resourceVersion)
    const emptied = await door.send('PUT', `${CONFIG_MAPS}/a`, { metadata: { name: 'a' }, data: { x: '' } })
    expect(emptied.body.data).toEqual({ x: '' })
  })

  test('concurrent patches all arrive; concurrent updates from one revision do not', async () => {
    const door = await openDoor()
    const made = await door.send('POST', CONFIG_MAPS, configMap('a'))
    const patches = await Promise.all(
      Array.from({ length: 5 }, (_, at) =>
        door.send('PATCH', `${CONFIG_MAPS}/a`, { data: { [`k${at}`]: 'x' } }, MERGE),
      ),
    )
    expect(patches.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    const { body } = await door.send('GET', `${CONFIG_MAPS}/a`)
    expect(Object.keys(body.data).toSorted()).toEqual(['k0', 'k1', 'k2', 'k3', 'k4'])
    const stale = await door.send(
      'PATCH',
      `${CONFIG_MAPS}/a`,
      { metadata: { resourceVersion: made.body.metadata.resourceVersion } },
      MERGE,
    )
    expect(stale.body.reason).toBe('Conflict')
    const updates = await Promise.all(
      ['1', '2'].map((x) => door.send('PUT', `${CONFIG_MAPS}/a`, { ...body, data: { x } })),
    )
    expect(updates.map(({ status }) => String(status)).toSorted()).toEqual(['200', '409'])
  })

  test('finalizers keep a deleted object until the last one goes', async () => {
    const door = await openDoor()
    await door.send('POST', CONFIG_MAPS, { metadata: { name: 'a', finalizers: ['example.com/hold'] } })
    const marked = await door.send('DELETE', `${CONFIG_MAPS}/a`)
    expect(marked.body).toMatchObject({
      kind: 'ConfigMap',
      metadata: { deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 0 },
    })
    expect((await door.send('POST', CONFIG_MAPS, configMap('a'))).body.message).toBe(
      'object is being deleted: configmaps "a" already exists',
    )
    const again = await door.send('DELETE', `${CONFIG_MAPS}/a`)
    expect(again.body).toEqual(marked.body)
    const more = await door.send(
      'PATCH',
      `${CONFIG_MAPS}/a`,
      { metadata: { finalizers: ['example.com/hold', 'example.com/more'] } },
      MERGE,
    )
    expect(more.body.message).toContain(
      'no new finalizers can be added if the object is being deleted, found new finalizers []string{"example.com/more"}',
    )
    expect((await door.send('PATCH', `${CONFIG_MAPS}/a`, { metadata: { finalizers: null } }, MERGE)).status).toBe(200)
    expect((await door.send('GET', `${CONFIG_MAPS}/a`)).status).toBe(404)
  })

  test.each([
    ['Foreground', ['foregroundDeletion']],
    ['Orphan', ['orphan']],
  ])('propagation %s leaves the finalizer the garbage collector looks for', async (propagationPolicy, finalizers) => {
    const door = await openDoor()
    await door.send('POST', CONFIG_MAPS, configMap('a'))
    expect(
      (await door.send('DELETE', `${CONFIG_MAPS}/a`, { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy }))
        .body.metadata.finalizers,
    ).toEqual(finalizers)
  })

  test('a bound pod is given its grace, and goes at once when it is forced, unbound or over', async () => {
    const door = await openDoor()
    for (const [name, spec] of [
      ['bound', { nodeName: 'n' }],
      ['loose', {}],
      ['over', { nodeName: 'n' }],
    ] as const)
      await door.send('POST', PODS, pod(name, spec))
    const marked = await door.send('DELETE', `${PODS}/bound`)
    expect(marked.body).toMatchObject({
      kind: 'Pod',
      metadata: { deletionTimestamp: '2026-01-01T00:00:30Z', deletionGracePeriodSeconds: 30 },
    })
    expect((await door.send('DELETE', `${PODS}/bound`)).body.metadata).toEqual(marked.body.metadata)
    expect((await door.send('DELETE', `${PODS}/bound?gracePeriodSeconds=5`)).body.metadata.deletionTimestamp).toBe(
      '2026-01-01T00:00:05Z',
    )
    expect(
      (
        await door.send('DELETE', `${PODS}/bound`, {
          gracePeriodSeconds: 0,
          preconditions: { uid: marked.body.metadata.uid },
        })
      ).status,
    ).toBe(200)
    expect((await door.send('DELETE', `${PODS}/loose`)).status).toBe(200)
    await door.send('PATCH', `${PODS}/over/status`, { status: { phase: 'Succeeded' } }, MERGE)
    await door.send('DELETE', `${PODS}/over`)
    expect((await door.send('GET', PODS)).body.items).toEqual([])
  })

  test('a collection is deleted by selector and answers what went', async () => {
    const door = await openDoor()
    for (const app of ['x', 'x', 'y'])
      await door.send('POST', CONFIG_MAPS, { metadata: { generateName: 'a-', labels: { app } } })
    const gone = await door.send('DELETE', `${CONFIG_MAPS}?labelSelector=app%3Dx`)
    expect(gone.body).toMatchObject({ kind: 'ConfigMapList', items: [{}, {}] })
    expect((await door.send('GET', CONFIG_MAPS)).body.items).toHaveLength(1)
  })

  test('nothing new comes into a namespace that is going away, and it goes when it is finalised', async () => {
    const door = await openDoor()
    await door.send('POST', '/api/v1/namespaces', { metadata: { name: 'ns' } })
    const inside = '/api/v1/namespaces/ns/configmaps'
    await door.send('POST', inside, configMap('a'))
    const marked = await door.send('DELETE', '/api/v1/namespaces/ns')
    expect(marked.body).toMatchObject({
      kind: 'Namespace',
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Terminating' },
    })
    const late = await door.send('POST', inside, configMap('b'))
    expect(late.body).toMatchObject({
      code: 403,
      message:
        'configmaps "b" is forbidden: unable to create new content in namespace ns because it is being terminated',
      details: {
        causes: [
          { reason: 'NamespaceTerminating', message: 'namespace ns is being terminated', field: 'metadata.namespace' },
        ],
      },
    })
    const finalized = await door.send('PUT', '/api/v1/namespaces/ns/finalize', { ...marked.body, spec: {} })
    expect(finalized.status).toBe(200)
    expect((await door.send('GET', '/api/v1/namespaces/ns')).status).toBe(404)
    expect((await door.send('POST', inside, configMap('c'))).body.message).toBe('namespaces "ns" not found')
    await door.send('POST', '/api/v1/namespaces', { metadata: { name: 'ns' } })
    expect((await door.send('POST', inside, configMap('c'))).status).toBe(201)
  })

  test('a spec change counts a generation, a status change does not, and each keeps out of the other', async () => {
    const door = await openDoor()
    const path = '/apis/apps/v1/namespaces/default/deployments'
    const spec = {
      replicas: 2,
      selector: { matchLabels: { app: 'x' } },
      template: { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'a', image: 'b' }] } },
    }
    const made = await door.send('POST', path, { metadata: { name: 'd' }, spec, status: { replicas: 9 } })
    expect(made.body).toMatchObject({ metadata: { generation: 1 }, spec: { replicas: 2 } })
    expect(made.body.status).toEqual({})
    const status = await door.send(
      'PATCH',
      `${path}/d/status`,
      { spec: { replicas: 5 }, status: { replicas: 1 } },
      MERGE,
    )
    expect(status.body).toMatchObject({ metadata: { generation: 1 }, spec: { replicas: 2 }, status: { replicas: 1 } })
    const grown = await door.send(
      'PATCH',
      `${path}/d`,
      { spec: { replicas: 3 }, status: { replicas: 7 } },
      { 'content-type': 'application/strategic-merge-patch+json' },
    )
    expect(grown.body).toMatchObject({ metadata: { generation: 2 }, spec: { replicas: 3 }, status: { replicas: 1 } })
    const scale = await door.send('GET', `${path}/d/scale`)
    expect(scale.body).toMatchObject({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      metadata: { name: 'd', resourceVersion: grown.body.metadata.resourceVersion },
      spec: { replicas: 3 },
      status: { replicas: 1, selector: 'app=x' },
    })
    expect((await door.send('PUT', `${path}/d/scale`, { ...scale.body, spec: { replicas: 4 } })).body.spec).toEqual({
      replicas: 4,
    })
    expect((await door.send('PATCH', `${path}/d/scale`, { spec: { replicas: 6 } }, MERGE)).body.spec).toEqual({
      replicas: 6,
    })
    expect((await door.send('PUT', `${path}/d/scale`, { ...scale.body, spec: { replicas: 4 } })).body.reason).toBe(
      'Conflict',
    )
    expect((await door.send('PATCH', `${path}/d/scale`, { spec: { replicas: -1 } }, MERGE)).body.message).toContain(
      'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
    )
    expect((await door.send('GET', `${path}/d`)).body).toMatchObject({
      metadata: { generation: 4 },
      spec: { replicas: 6 },
    })
  })

  test('a pod is bound once', async () => {
    const door = await openDoor()
    await door.send('POST', PODS, pod('p'))
    const binding = { metadata: { name: 'p' }, target: { apiVersion: 'v1', kind: 'Node', name: 'n1' } }
    expect((await door.send('POST', `${PODS}/p/binding`, binding)).body).toMatchObject({
      kind: 'Status',
      status: 'Success',
      code: 201,
    })
    const bound = await door.send('GET', `${PODS}/p`)
    expect(bound.body).toMatchObject({
      spec: { nodeName: 'n1' },
      status: { conditions: [{ type: 'PodScheduled', status: 'True' }] },
    })
    expect((await door.send('POST', '/api/v1/namespaces/default/bindings', binding)).body).toMatchObject({
      code: 409,
      message: 'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n1"',
    })
  })

  test('a pod gets its service account, priority and tolerations', async () => {
    const door = await openDoor()
    const { body } = await door.send('POST', PODS, pod('p'))
    expect(body.spec).toMatchObject({
      serviceAccountName: 'default',
      serviceAccount: 'default',
      priority: 0,
      preemptionPolicy: 'PreemptLowerPriority',
    })
    expect(body.spec.tolerations.map((one: { key: string }) => one.key)).toEqual([
      'node.kubernetes.io/not-ready',
      'node.kubernetes.io/unreachable',
    ])
    expect((await door.send('POST', PODS, pod('q', { priorityClassName: 'nope' }))).body.message).toBe(
      'pods "q" is forbidden: no PriorityClass with name nope was found',
    )
    expect(
      (await door.send('POST', PODS, pod('r', { priorityClassName: 'system-node-critical' }))).body.spec.priority,
    ).toBe(2_000_001_000)
  })

  test('an eviction deletes the pod', async () => {
    const door = await openDoor()
    await door.send('POST', PODS, pod('p', { nodeName: 'n' }))
    const answer = await door.send('POST', `${PODS}/p/eviction`, {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: 'p' },
      deleteOptions: { gracePeriodSeconds: 0 },
    })
    expect(answer).toMatchObject({ status: 201, body: { status: 'Success' } })
    expect((await door.send('GET', `${PODS}/p`)).status).toBe(404)
  })

  const service = (name: string, spec: object = {}): unknown => ({
    metadata: { name },
    spec: { ports: [{ port: 80 }], ...spec },
  })

  test('a Service gets an address of its own and gives it back', async () => {
    const door = await openDoor()
    const made = await door.send('POST', SERVICES, service('a'))
    const address: string = made.body.spec.clusterIP
    expect(made.body.spec).toMatchObject({
      clusterIPs: [address],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      type: 'ClusterIP',
    })
    expect(address).toMatch(/^10\.(9[6-9]|10\d|11[01])\./)
    const taken = await door.send('POST', SERVICES, service('b', { clusterIP: address }))
    expect(taken.body.message).toBe(
      `Service "b" is invalid: spec.clusterIPs: Invalid value: ["${address}"]: failed to allocate IP ${address}: provided IP is already allocated`,
    )
    expect((await door.send('POST', SERVICES, service('b', { clusterIP: '10.96.0.1' }))).body.message).toContain(
      'provided IP is already allocated',
    )
    expect((await door.send('POST', SERVICES, service('b', { clusterIP: '10.1.2.3' }))).body.message).toContain(
      'The range of valid IPs is 10.96.0.0/12',
    )
    expect((await door.send('POST', SERVICES, service('kubernetes', { clusterIP: '10.96.0.1' }))).status).toBe(201)
    expect((await door.send('POST', SERVICES, service('none', { clusterIP: 'None' }))).body.spec).toMatchObject({
      clusterIP: 'None',
      clusterIPs: ['None'],
    })
    // Left out in an update means unchanged.
    const kept = await door.send('PUT', `${SERVICES}/a`, service('a', { ports: [{ port: 81 }] }))
    expect(kept.body.spec).toMatchObject({ clusterIP: address, ports: [{ port: 81 }] })
    await door.send('DELETE', `${SERVICES}/a`)
    expect((await door.send('POST', SERVICES, service('b', { clusterIP: address }))).status).toBe(201)
  })

  test('node ports are given, kept, refused and given back', async () => {
    const door = await openDoor()
    const made = await door.send(
      'POST',
      SERVICES,
      service('a', {
        type: 'NodePort',
        ports: [
          { name: 'x', port: 80 },
          { name: 'y', port: 81, nodePort: 30_123 },
        ],
      }),
    )
    const port: number = made.body.spec.ports[0].nodePort
    expect(port).toBeGreaterThanOrEqual(30_000)
    expect(
      (await door.send('POST', SERVICES, service('b', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_123 }] })))
        .body.message,
    ).toBe('Service "b" is invalid: spec.ports[0].nodePort: Invalid value: 30123: provided port is already allocated')
    expect(
      (await door.send('POST', SERVICES, service('b', { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] }))).body
        .message,
    ).toContain('The range of valid ports is 30000-32767')
    const kept = await door.send(
      'PUT',
      `${SERVICES}/a`,
      service('a', { type: 'NodePort', ports: [{ name: 'x', port: 80 }] }),
    )
    expect(kept.body.spec.ports).toMatchObject([{ port: 80, nodePort: port }])
    expect(
      (await door.send('POST', SERVICES, service('b', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_123 }] })))
        .status,
    ).toBe(201)
  })

  test('reviews answer about the asker', async () => {
    const door = await openDoor()
    const me = await door.send('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'SelfSubjectReview',
    })
    expect(me).toMatchObject({
      status: 201,
      body: {
        status: { userInfo: { username: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] } },
      },
    })
    const may = await door.send('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
      spec: { resourceAttributes: { verb: 'delete', resource: 'pods', namespace: 'default' } },
    })
    expect(may.body.status).toEqual({ allowed: true })
    const other = await door.send('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
      spec: { user: 'jane', resourceAttributes: { verb: 'list', resource: 'pods' } },
    })
    expect(other.body.status.allowed).toBe(false)
  })

  test('discovery says the same in both forms and is revalidated', async () => {
    const door = await openDoor()
    const legacy = await door.send('GET', '/api/v1')
    expect(legacy.body.resources.map((one: { name: string }) => one.name)).toContain('pods/exec')
    const accept =
      'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json'
    const aggregated = await door.send('GET', '/apis', undefined, { accept })
    expect(aggregated.headers.get('content-type')).toBe(
      'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
    )
    expect(aggregated.body).toMatchObject({ kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2' })
    const etag = aggregated.headers.get('etag') ?? ''
    expect((await door.send('GET', '/apis', undefined, { accept, 'if-none-match': etag })).status).toBe(304)
    const core = await door.send('GET', '/api', undefined, { accept })
    const names = core.body.items[0].versions[0].resources.map((one: { resource: string }) => one.resource)
    expect(
      legacy.body.resources
        .filter((one: { name: string }) => !one.name.includes('/'))
        .map((one: { name: string }) => one.name),
    ).toEqual(names)
    const index = await door.send('GET', '/openapi/v3')
    const { serverRelativeURL } = index.body.paths['api/v1']
    expect((await door.send('GET', serverRelativeURL)).headers.get('cache-control')).toContain('immutable')
    expect((await door.send('GET', '/openapi/v3/api/v1?hash=old')).headers.get('location')).toBe(serverRelativeURL)
  })

  test('pod streams say what is missing before any agent is asked', async () => {
    const door = await openDoor()
    await door.send('POST', PODS, pod('loose'))
    await door.send(
      'POST',
      PODS,
      pod('two', {
        nodeName: 'n',
        containers: [
          { name: 'a', image: 'b' },
          { name: 'b', image: 'b' },
        ],
      }),
    )
    const message = async (method: string, path: string): Promise<string> =>
      (await door.send(method, `${PODS}/${path}`)).body.message
    expect(await message('GET', 'gone/exec?command=ls')).toBe('pods "gone" not found')
    expect(await message('GET', 'loose/exec?command=ls')).toBe('pod loose does not have a host assigned')
    expect(await message('GET', 'two/exec?command=ls')).toBe(
      'a container name must be specified for pod two, choose one of: [a b]',
    )
    expect(await message('GET', 'two/exec?container=c&command=ls')).toBe('container c is not valid for pod two')
    expect(await message('POST', 'two/exec?container=a&command=ls')).toContain('kubectl 1.31 or newer')
    expect(await message('GET', 'two/log?container=a')).toBe('container "a" in pod "two" is not available')
    expect(await message('GET', 'two/log?container=a&tailLines=-1')).toBe(
      'PodLogOptions "two" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0',
    )
    await door.send(
      'PATCH',
      `${PODS}/two/status`,
      {
        status: {
          containerStatuses: [
            {
              name: 'a',
              image: 'b',
              imageID: '',
              ready: false,
              restartCount: 0,
              state: { waiting: { reason: 'ContainerCreating' } },
            },
          ],
        },
      },
      MERGE,
    )
    expect(await message('GET', 'two/log?container=a')).toBe(
      'container "a" in pod "two" is waiting to start: ContainerCreating',
    )
    expect((await door.send('GET', `${PODS}/loose/log`)).status).toBe(200)
  })
})
