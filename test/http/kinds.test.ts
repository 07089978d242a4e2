// Every kind through the front door: created, defaulted, warned about, printed, patched.
import { describe, expect, test } from 'vitest'
import { openDoor } from './door.ts'

const TABLE = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }
const container = { name: 'c', image: 'kedge.test/busybox:1' }
const template = { metadata: { labels: { app: 'x' } }, spec: { containers: [container] } }
const workload = { replicas: 2, selector: { matchLabels: { app: 'x' } }, template }

const objects: readonly (readonly [path: string, body: { readonly [field: string]: unknown }])[] = [
  ['/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'n' } }],
  ['/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } }],
  [
    '/api/v1/namespaces/default/configmaps',
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'n' }, data: { a: 'b' } },
  ],
  [
    '/api/v1/namespaces/default/secrets',
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'n' }, stringData: { a: 'b' } },
  ],
  ['/api/v1/namespaces/default/serviceaccounts', { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'n' } }],
  [
    '/api/v1/namespaces/default/pods',
    { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'n' }, spec: { containers: [container] } },
  ],
  [
    '/api/v1/namespaces/default/services',
    { apiVersion: 'v1', kind: 'Service', metadata: { name: 'n' }, spec: { ports: [{ port: 80 }] } },
  ],
  [
    '/api/v1/namespaces/default/events',
    {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'n' },
      involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' },
    },
  ],
  [
    '/apis/apps/v1/namespaces/default/deployments',
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'n' }, spec: workload },
  ],
  [
    '/apis/apps/v1/namespaces/default/replicasets',
    { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'n' }, spec: workload },
  ],
  [
    '/apis/coordination.k8s.io/v1/namespaces/default/leases',
    { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'n' }, spec: { holderIdentity: 'me' } },
  ],
  [
    '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices',
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'n' },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.0.0.1'] }],
    },
  ],
]

test.each(objects)('%s: created, printed, replaced by itself without a new revision, deleted', async (path, body) => {
  const door = await openDoor()
  const created = await door.send('POST', path, body)
  expect(created.text).toContain('"uid"')
  expect(created.status).toBe(201)
  const table = await door.send('GET', `${path}/n`, undefined, TABLE)
  expect(table.body.rows[0].cells).toHaveLength(table.body.columnDefinitions.length)
  const again = await door.send('PUT', `${path}/n`, created.body)
  expect(again.body.metadata.resourceVersion).toBe(created.body.metadata.resourceVersion)
  expect((await door.send('DELETE', `${path}/n`)).status).toBe(200)
})

describe('a Deployment', () => {
  const path = '/apis/apps/v1/namespaces/default/deployments'
  const made = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: workload }
  const patch = async (type: string, body: unknown) => {
    const door = await openDoor()
    await door.send('POST', path, made)
    return door.send('PATCH', `${path}/web`, body, { 'content-type': `application/${type}` })
  }

  test('is changed by what kubectl apply sends', async () => {
    const env = [{ name: 'A', value: '1' }]
    const containers = [{ name: 'c', $setElementOrder: undefined, '$setElementOrder/env': [{ name: 'A' }], env }]
    const spec = { template: { spec: { '$setElementOrder/containers': [{ name: 'c' }], containers } } }
    const answer = await patch('strategic-merge-patch+json', { spec })
    expect(answer.status).toBe(200)
    expect(answer.body.spec.template.spec.containers[0]).toMatchObject({ image: container.image, env })
    expect(answer.body.metadata.generation).toBe(2)
  })

  test('keeps its selector', async () => {
    const labels = { app: 'x', b: 'c' }
    const answer = await patch('merge-patch+json', {
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels } } },
    })
    expect(answer.status).toBe(422)
    expect(answer.body.message).toBe(
      'Deployment.apps "web" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"x","b":"c"}}: field is immutable',
    )
  })

  test('says which operation of a JSON patch does not apply', async () => {
    const answer = await patch('json-patch+json', [{ op: 'remove', path: '/spec/nope' }])
    expect(answer.status).toBe(422)
    expect(answer.body.details.causes[0].message).toContain('Unable to remove nonexistent key: nope')
  })
})

test('a field that nothing acts on is answered with a warning, one that cannot work with 422', async () => {
  const door = await openDoor()
  const path = '/api/v1/namespaces/default/pods'
  const pod = (name: string, spec: object) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec })
  const stored = await door.send('POST', path, pod('a', { containers: [container], setHostnameAsFQDN: true }))
  expect(stored.status).toBe(201)
  expect(stored.headers.get('warning')).toBe('299 - "kedge: stored; nothing acts on spec.setHostnameAsFQDN yet"')
  const refused = await door.send('POST', path, pod('b', { containers: [container], runtimeClassName: 'x' }))
  expect(refused.status).toBe(422)
  expect(refused.body.message).toBe(
    'Pod "b" is invalid: spec.runtimeClassName: Forbidden: kedge: containers run with the default runtime of the node',
  )
})
