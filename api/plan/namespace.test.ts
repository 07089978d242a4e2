import { describe, expect, test } from 'vitest'
import type { ConfigMap, Namespace, ServiceAccount } from '../../schema/k8s/generated/types.ts'
import { aPod, aService, AT } from '../../test/build/objects.ts'
import { planText } from '../../test/build/plan-text.ts'
import { type Contents, type NamespaceSeen, planNamespace } from './namespace.ts'
import type { Thing } from './seen.ts'

const PEM = 'the root'
const account: ServiceAccount = {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name: 'default', namespace: 'shop' },
}

function seen(
  parts: {
    readonly deleted?: boolean
    readonly data?: ConfigMap['data']
    readonly contents?: readonly Contents[]
    readonly finalizers?: readonly string[]
  } = {},
): NamespaceSeen {
  const { deleted, data, contents = [], finalizers = ['kubernetes'] } = parts
  const namespace: Namespace = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'shop', uid: 'shop', ...(deleted === true ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
    spec: { finalizers },
    status: { phase: deleted === true ? 'Terminating' : 'Active' },
  }
  const certificate = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'kube-root-ca.crt', namespace: 'shop' },
  } as const
  return {
    namespace: { object: namespace, revision: 1 },
    serviceAccount: { object: account, revision: 2 },
    rootCertificate: data === undefined ? undefined : { object: { ...certificate, data }, revision: 3 },
    caPem: PEM,
    contents,
  }
}

const rows = (resource: string, ...objects: readonly Thing[]): Contents => ({
  resource,
  rows: objects.map((object, index) => ({ object, revision: index + 1 })),
})

describe('every namespace has', () => {
  test('a service account and the root certificate', async () => {
    const plan = planNamespace({ ...seen(), serviceAccount: undefined }, AT)
    await expect(planText(plan)).toMatchFileSnapshot('../../test/golden/plans/namespace-furnish.txt')
  })
  test('nothing to do when it has', () =>
    expect(planNamespace(seen({ data: { 'ca.crt': PEM } }), AT).actions).toEqual([]))
  test('the certificate as it is, and nothing beside it', () => {
    const [action] = planNamespace(seen({ data: { 'ca.crt': 'old', other: 'x' } }), AT).actions
    expect(action).toMatchObject({ do: 'patch', patch: { data: { 'ca.crt': PEM, other: null } } })
  })
})

describe('a namespace that ends', () => {
  test('deletes its pods before anything else, and says what remains', async () => {
    const contents = [
      rows('services', aService()),
      rows('pods', aPod({ name: 'a' }), aPod({ name: 'b', deleted: true })),
      rows('secrets'),
    ]
    const plan = planNamespace(seen({ deleted: true, contents }), AT)
    await expect(planText(plan)).toMatchFileSnapshot('../../test/golden/plans/namespace-end.txt')
  })
  test('then the rest', () => {
    const contents = [rows('services', aService()), rows('pods')]
    const deletes = planNamespace(seen({ deleted: true, contents }), AT).actions.filter(
      (action) => action.do === 'delete',
    )
    expect(deletes.map(({ target }) => target.resource)).toEqual(['services'])
  })
  test('waits for finalizers, and names them', () => {
    const held = aService()
    const metadata = { ...held.metadata, finalizers: ['example.com/hold'], deletionTimestamp: '2026-01-01T00:00:00Z' }
    const plan = planNamespace(seen({ deleted: true, contents: [rows('services', { ...held, metadata })] }), AT)
    expect(plan.actions.map((action) => action.do)).toEqual(['patch-status'])
    expect(JSON.stringify(plan.actions)).toContain(
      'Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances',
    )
  })
  test('and is gone when it is empty', () => {
    const plan = planNamespace(seen({ deleted: true, contents: [rows('pods')] }), AT)
    expect(plan.actions.map((action) => action.do)).toEqual(['finalize'])
  })
  test('stays for finalizers of others, and says that it is empty', () => {
    const plan = planNamespace(seen({ deleted: true, finalizers: ['kubernetes', 'example.com/x'] }), AT)
    expect(plan.actions.map((action) => action.do)).toEqual(['patch-status', 'finalize'])
  })
})
