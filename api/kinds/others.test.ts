import { describe, expect, test } from 'vitest'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { configMap } from './config-map.ts'
import { deployment } from './deployment.ts'
import { endpointSlice } from './endpoint-slice.ts'
import { event } from './event.ts'
import { lease } from './lease.ts'
import { namespace } from './namespace.ts'
import { node } from './node.ts'
import { replicaSet } from './replica-set.ts'
import { same } from './same.ts'
import { secret } from './secret.ts'
import { serviceAccount } from './service-account.ts'
import { service } from './service.ts'

const AT = '2026-01-02T03:04:05Z'
const object = (apiVersion: string, kind: string, rest: object = {}): K8sObject => ({
  apiVersion,
  kind,
  metadata: { name: 'a', namespace: 'd' },
  ...rest,
})

test('a Secret keeps text as base64 and forgets stringData', () => {
  const given = object('v1', 'Secret', { data: { a: 'AA==', b: 'AA==' }, stringData: { b: 'grün' } })
  const kept = secret.defaults(given)
  expect(kept).toMatchObject({ type: 'Opaque', data: { a: 'AA==', b: 'Z3LDvG4=' } })
  expect(kept).not.toHaveProperty('stringData')
  expect(secret.sealed).toBe(true)
})

test('the contents of a bad Secret are not in the message', () => {
  const bad = object('v1', 'Secret', {
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': 'c2VjcmV0' },
  })
  const [error] = secret.validate(bad)
  expect(error).toMatchObject({ field: 'data[.dockerconfigjson]', value: '<secret contents redacted>' })
  expect(JSON.stringify(error)).not.toContain('c2VjcmV0')
})

test('a Namespace carries its name as a label and its finalizer from the start', () => {
  const given = { ...object('v1', 'Namespace'), metadata: { name: 'x' }, status: { phase: 'Terminating' } }
  expect(namespace.prepareCreate(namespace.defaults(given), AT)).toMatchObject({
    metadata: { labels: { 'kubernetes.io/metadata.name': 'x' } },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  })
  expect(namespace.verbs).not.toContain('deletecollection')
})

test('a Namespace cannot lose its finalizers by an update', () => {
  const old = { ...object('v1', 'Namespace'), spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } }
  expect(namespace.prepareUpdate({ ...old, spec: {}, status: {} }, old)).toMatchObject({
    spec: old.spec,
    status: old.status,
  })
})

describe('an Event', () => {
  const seen = {
    lastTimestamp: '2026-01-02T03:04:05Z',
    metadata: { name: 'a', namespace: 'd', creationTimestamp: '2026-01-01T00:00:00Z' },
  }
  test('expires an hour after it was last seen', () => {
    expect(event.index(object('v1', 'Event', seen)).expiresAt).toBe(Date.parse('2026-01-02T04:04:05Z'))
    expect(event.index(object('v1', 'Event'))).toEqual({})
  })

  test('can be selected by what it is about', () => {
    const fields = event.fields(
      object('v1', 'Event', { involvedObject: { kind: 'Pod', name: 'p' }, reportingComponent: 'k', reason: 'R' }),
    )
    expect(fields).toMatchObject({
      'involvedObject.kind': 'Pod',
      'involvedObject.name': 'p',
      source: 'k',
      reason: 'R',
      type: '',
    })
    expect(event.fieldNames).toEqual(['metadata.name', 'metadata.namespace', ...Object.keys(fields)])
  })
})

describe('a Service', () => {
  const made = (spec: object): K8sObject =>
    service.prepareCreate(service.defaults(object('v1', 'Service', { spec })), AT)
  const old = made({ clusterIP: '10.96.0.5', ipFamilies: ['IPv4'], ports: [{ port: 80 }] })
  const updated = (spec: object): Record<string, unknown> =>
    service.prepareUpdate(service.defaults({ ...old, spec: { ...(old['spec'] as object), ...spec } }), old)[
      'spec'
    ] as Record<string, unknown>

  test('has its address in both fields', () => {
    expect(old['spec']).toMatchObject({ clusterIP: '10.96.0.5', clusterIPs: ['10.96.0.5'] })
  })

  test.each<readonly [string, object, object]>([
    [
      'loses its address when it becomes an ExternalName',
      { type: 'ExternalName', externalName: 'a.b' },
      { clusterIP: undefined, clusterIPs: undefined, ipFamilies: undefined },
    ],
    ['changes both fields when one changes', { clusterIP: '10.96.0.6' }, { clusterIPs: ['10.96.0.6'] }],
    ['keeps the list when it was left out', { clusterIPs: undefined }, { clusterIPs: ['10.96.0.5'] }],
  ])('%s', (_, spec, expected) => {
    const result = updated(spec)
    for (const [field, value] of Object.entries(expected)) expect(result[field]).toEqual(value)
  })

  test('gives its node ports back with its type', () => {
    const before = made({ type: 'NodePort', clusterIP: '10.96.0.5', ports: [{ port: 80, nodePort: 30_000 }] })
    const after = service.defaults({ ...before, spec: { ...(before['spec'] as object), type: 'ClusterIP' } })
    const spec = service.prepareUpdate(after, before)['spec'] as Record<string, unknown>
    expect(spec['ports']).toEqual([{ port: 80, protocol: 'TCP', targetPort: 80 }])
    expect(spec).not.toHaveProperty('externalTrafficPolicy')
  })

  test.each([['IPv6'], ['IPv5']])('of family %s is refused', (family) => {
    const errors = service.validate(made({ ipFamilies: [family], ports: [{ port: 80 }] }))
    expect(errors.map((error) => error.field)).toEqual(['spec.ipFamilies[0]'])
  })

  test('that needs two families is refused, one that would like them is not', () => {
    const errors = (ipFamilyPolicy: string) => service.validate(made({ ipFamilyPolicy, ports: [{ port: 80 }] })).length
    expect([errors('RequireDualStack'), errors('PreferDualStack')]).toEqual([1, 0])
  })
})

describe('generations', () => {
  const spec = { replicas: 1, selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } } } }
  const made = object('apps/v1', 'Deployment', { spec })

  test('of a Deployment grow with spec and annotations, not with labels or status', () => {
    const grows = (change: object) => deployment.bumpsGeneration({ ...made, ...change }, made)
    expect(grows({ spec: { ...spec, replicas: 2 } })).toBe(true)
    expect(grows({ metadata: { ...made.metadata, annotations: { x: 'y' } } })).toBe(true)
    expect(grows({ metadata: { ...made.metadata, labels: { x: 'y' } } })).toBe(false)
    expect(grows({ status: { replicas: 4 } })).toBe(false)
  })

  test('of an EndpointSlice grow with its endpoints and labels', () => {
    const slice = object('discovery.k8s.io/v1', 'EndpointSlice', { addressType: 'IPv4', endpoints: [] })
    expect(endpointSlice.bumpsGeneration({ ...slice, endpoints: [{ addresses: ['1.2.3.4'] }] }, slice)).toBe(true)
    expect(
      endpointSlice.bumpsGeneration({ ...slice, metadata: { ...slice.metadata, annotations: { x: 'y' } } }, slice),
    ).toBe(false)
  })

  test('are not for kinds without a spec', () => {
    expect(configMap.hasGeneration).toBe(false)
    expect(
      configMap.bumpsGeneration({ ...object('v1', 'ConfigMap'), data: { a: 'b' } }, object('v1', 'ConfigMap')),
    ).toBe(false)
  })
})

test('scale reads and writes the replicas of a workload', () => {
  const spec = { replicas: 3, selector: { matchLabels: { b: '1', a: '2' } } }
  const set = object('apps/v1', 'ReplicaSet', { spec, status: { replicas: 2 } })
  expect(replicaSet.scale?.read(set)).toEqual({ specReplicas: 3, statusReplicas: 2, selector: 'a=2,b=1' })
  expect(replicaSet.scale?.write(set, 5)).toMatchObject({ spec: { replicas: 5, selector: spec.selector } })
})

test('the status of a node may come with it, and later only by its own door', () => {
  const given = node.defaults({ ...object('v1', 'Node'), status: { capacity: { cpu: '2' } } })
  expect(node.prepareCreate(given, AT)).toMatchObject({ status: { capacity: { cpu: '2' }, allocatable: { cpu: '2' } } })
  expect(node.prepareUpdate({ ...given, status: {} }, given)['status']).toEqual(given['status'])
})

test('kinds say how they may be updated', () => {
  const modes = [configMap, service, event, lease].map((kind) => [kind.createOnUpdate, kind.unconditionalUpdate])
  expect(modes).toEqual([
    [false, true],
    [true, true],
    [true, true],
    [true, false],
  ])
})

test('what nothing acts on is said when it is new', () => {
  const account = object('v1', 'ServiceAccount', { automountServiceAccountToken: false })
  const warning = 'kedge: stored; nothing acts on automountServiceAccountToken yet'
  expect(serviceAccount.warnings(account, undefined)).toEqual([warning])
  expect(serviceAccount.warnings(account, account)).toEqual([])
  const named = object('v1', 'Service', { spec: { type: 'ExternalName', externalName: 'a.b' } })
  expect(service.warnings(named, undefined)).toEqual([
    'kedge: the external name is kept; nothing resolves names of Services yet',
  ])
})

test('metadata that identifies an object cannot change', () => {
  const old = { ...object('v1', 'ConfigMap'), metadata: { name: 'a', namespace: 'd', uid: 'u', creationTimestamp: AT } }
  const fields = (meta: object) =>
    configMap.validateUpdate({ ...old, metadata: { ...old.metadata, ...meta } }, old).map((error) => error.field)
  expect(fields({ uid: 'v' })).toEqual(['metadata.uid'])
  expect(fields({ name: 'b', creationTimestamp: '2026-01-01T00:00:00Z' })).toEqual([
    'metadata.name',
    'metadata.creationTimestamp',
  ])
  expect(fields({ labels: { x: 'y' } })).toEqual([])
})

test('no new finalizer joins an object that is going away', () => {
  const metadata = { name: 'a', namespace: 'd', deletionTimestamp: AT, finalizers: ['a.io/b'] }
  const old = { ...object('v1', 'ConfigMap'), metadata }
  const [error] = configMap.validateUpdate({ ...old, metadata: { ...metadata, finalizers: ['a.io/b', 'a.io/c'] } }, old)
  expect(error?.detail).toBe(
    'no new finalizers can be added if the object is being deleted, found new finalizers []string{"a.io/c"}',
  )
})

test.each<readonly [unknown, unknown, boolean]>([
  [{ a: 1, b: 2 }, { b: 2, a: 1 }, true],
  [{ a: [] }, {}, true],
  [{ a: '' }, { a: undefined }, true],
  [{ a: false }, {}, false],
  [{ a: 0 }, {}, false],
  [[1, 2], [2, 1], false],
  [{ a: { b: [] } }, { a: { b: {} } }, true],
  [undefined, null, true],
])('%j and %j mean the same: %s', (a, b, expected) => {
  expect([same(a, b), same(b, a)]).toEqual([expected, expected])
})
