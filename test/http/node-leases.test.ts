import { describe, expect, test } from 'vitest'
import { START } from '../build/cluster.ts'
import { type Door, doors } from './door.ts'

const ALL = '/apis/coordination.k8s.io/v1/leases'
const VIEW = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases'
const OWN = '/apis/coordination.k8s.io/v1/namespaces/default/leases'

describe.each(doors)('%s', (_, openDoor) => {
  async function withNodes(...names: readonly string[]): Promise<Door> {
    const door = await openDoor()
    await door.send('POST', '/api/v1/namespaces', { metadata: { name: 'kube-node-lease' } })
    for (const name of names) {
      const made = await door.send('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name } })
      expect(made.status).toBe(201)
    }
    return door
  }
  const names = async (door: Door, path: string): Promise<readonly string[]> =>
    (await door.send('GET', path)).body.items.map((one: { metadata: { name: string } }) => one.metadata.name)

  test('a node that was heard has a Lease that says when', async () => {
    const door = await withNodes('n1', 'n2', 'silent')
    door.cluster.live.seen('n1', START + 1_500)
    door.cluster.live.seen('n2', START + 2_000)
    door.cluster.live.seen('deleted', START + 2_000)
    const node = (await door.send('GET', '/api/v1/nodes/n1')).body.metadata
    expect((await door.send('GET', `${VIEW}/n1`)).body).toEqual({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        name: 'n1',
        namespace: 'kube-node-lease',
        uid: node.uid,
        resourceVersion: node.resourceVersion,
        creationTimestamp: node.creationTimestamp,
        ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n1', uid: node.uid }],
      },
      spec: { holderIdentity: 'n1', leaseDurationSeconds: 40, renewTime: '2026-01-01T00:00:01.500000Z' },
    })
    door.cluster.live.seen('n1', START + 9_000)
    expect((await door.send('GET', `${VIEW}/n1`)).body.spec.renewTime).toBe('2026-01-01T00:00:09.000000Z')
    for (const name of ['silent', 'deleted', 'never'])
      expect((await door.send('GET', `${VIEW}/${name}`)).body).toMatchObject({ code: 404, reason: 'NotFound' })
    expect(await names(door, VIEW)).toEqual(['n1', 'n2'])
    expect(await names(door, `${VIEW}?fieldSelector=metadata.name%3Dn2`)).toEqual(['n2'])
    expect(await names(door, `${VIEW}?labelSelector=a%3Db`)).toEqual([])
  })

  test('Leases of others stand beside them, and lists of their namespaces do not show nodes', async () => {
    const door = await withNodes('n1')
    door.cluster.live.seen('n1', START)
    await door.send('POST', OWN, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'leader' } })
    expect(await names(door, OWN)).toEqual(['leader'])
    expect(await names(door, ALL)).toEqual(['leader', 'n1'])
    const table = await door.send('GET', VIEW, undefined, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' })
    expect(table.body.rows[0].cells.slice(0, 2)).toEqual(['n1', 'n1'])
  })

  test('nobody writes them', async () => {
    const door = await withNodes('n1')
    door.cluster.live.seen('n1', START)
    const object = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'n1' } }
    const { head } = await door.cluster.store.head()
    for (const [method, path, body] of [
      ['POST', VIEW, object],
      ['PUT', `${VIEW}/n1`, object],
      ['DELETE', `${VIEW}/n1`, undefined],
      ['DELETE', VIEW, undefined],
    ] as const) {
      expect((await door.send(method, path, body)).body).toMatchObject({ code: 405, reason: 'MethodNotAllowed' })
    }
    expect((await door.cluster.store.head()).head).toBe(head)
  })
})
