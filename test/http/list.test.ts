import { describe, expect, test } from 'vitest'
import { CONFIG_MAPS, configMap, type Door, doors } from './door.ts'

describe.each(doors)('%s', (_, openDoor) => {
  async function filled(count: number): Promise<Door> {
    const door = await openDoor()
    for (let at = 0; at < count; at++) {
      const name = `cm-${String(at).padStart(2, '0')}`
      await door.send(
        'POST',
        CONFIG_MAPS,
        configMap(name, {}, { parity: at % 2 === 0 ? 'even' : 'odd', at: String(at) }),
      )
    }
    return door
  }

  const names = (answer: {
    readonly body: { readonly items: readonly { readonly metadata: { readonly name: string } }[] }
  }): readonly string[] => answer.body.items.map((item) => item.metadata.name)

  test('pages of a limited list show one snapshot, whatever is written in between', async () => {
    const door = await filled(5)
    const first = await door.send('GET', `${CONFIG_MAPS}?limit=2`)
    expect(names(first)).toEqual(['cm-00', 'cm-01'])
    expect(first.body.metadata.remainingItemCount).toBe(3)
    await door.send('DELETE', `${CONFIG_MAPS}/cm-03`)
    await door.send('POST', CONFIG_MAPS, configMap('cm-02a'))
    const second = await door.send('GET', `${CONFIG_MAPS}?limit=2&continue=${first.body.metadata.continue}`)
    expect(names(second)).toEqual(['cm-02', 'cm-03'])
    expect(second.body.metadata.resourceVersion).toBe(first.body.metadata.resourceVersion)
    const third = await door.send('GET', `${CONFIG_MAPS}?limit=2&continue=${second.body.metadata.continue}`)
    expect(names(third)).toEqual(['cm-04'])
    expect(third.body.metadata).toEqual({ resourceVersion: first.body.metadata.resourceVersion })
  })

  test('a token whose snapshot is gone is answered with 410 and a token that goes on at the newest', async () => {
    const door = await filled(4)
    const first = await door.send('GET', `${CONFIG_MAPS}?limit=2`)
    await door.send('POST', CONFIG_MAPS, configMap('cm-98'))
    await door.send('POST', CONFIG_MAPS, configMap('cm-99'))
    const { head } = await door.cluster.store.head()
    await door.cluster.store.compact(head - 1, 100)
    const late = await door.send('GET', `${CONFIG_MAPS}?limit=2&continue=${first.body.metadata.continue}`)
    expect(late.body).toMatchObject({
      code: 410,
      reason: 'Expired',
      message: expect.stringMatching(/too old to display a consistent list/),
    })
    const rest = await door.send('GET', `${CONFIG_MAPS}?continue=${late.body.metadata.continue}`)
    expect(names(rest)).toEqual(['cm-02', 'cm-03', 'cm-98', 'cm-99'])
    const old = await door.send(
      'GET',
      `${CONFIG_MAPS}?resourceVersion=${first.body.metadata.resourceVersion}&resourceVersionMatch=Exact`,
    )
    expect(old.body).toMatchObject({
      code: 410,
      reason: 'Expired',
      message: 'The resourceVersion for the provided list is too old.',
    })
  })

  test('an exact revision shows the past, "not older than" the present', async () => {
    const door = await filled(2)
    const before = (await door.send('GET', CONFIG_MAPS)).body.metadata.resourceVersion
    await door.send('DELETE', `${CONFIG_MAPS}/cm-00`)
    expect(
      names(await door.send('GET', `${CONFIG_MAPS}?resourceVersion=${before}&resourceVersionMatch=Exact`)),
    ).toEqual(['cm-00', 'cm-01'])
    expect(names(await door.send('GET', `${CONFIG_MAPS}?resourceVersion=${before}`))).toEqual(['cm-01'])
    expect(names(await door.send('GET', `${CONFIG_MAPS}?resourceVersion=0`))).toEqual(['cm-01'])
  })

  test.each([
    ['labelSelector=parity%3Deven', ['cm-00', 'cm-02', 'cm-04']],
    ['labelSelector=parity%3Deven,at!%3D2', ['cm-00', 'cm-04']],
    ['labelSelector=at+in+(1,3),parity', ['cm-01', 'cm-03']],
    ['labelSelector=!parity', []],
    ['fieldSelector=metadata.name%3Dcm-03', ['cm-03']],
    ['fieldSelector=metadata.name!%3Dcm-03', ['cm-00', 'cm-01', 'cm-02', 'cm-04']],
    ['fieldSelector=metadata.name%3Dcm-03&labelSelector=parity%3Deven', []],
    ['fieldSelector=metadata.name%3Dnope', []],
    ['fieldSelector=metadata.namespace%3Dother', []],
  ])('%s selects %j', async (query, expected) => {
    const door = await filled(5)
    expect(names(await door.send('GET', `${CONFIG_MAPS}?${query}`))).toEqual(expected)
    expect(names(await door.send('GET', `/api/v1/configmaps?${query}`))).toEqual(expected)
  })

  test('a limit counts what a selector keeps, and says nothing of the rest', async () => {
    const door = await filled(6)
    const first = await door.send('GET', `${CONFIG_MAPS}?labelSelector=parity%3Dodd&limit=2`)
    expect(names(first)).toEqual(['cm-01', 'cm-03'])
    expect(first.body.metadata).not.toHaveProperty('remainingItemCount')
    const second = await door.send(
      'GET',
      `${CONFIG_MAPS}?labelSelector=parity%3Dodd&limit=2&continue=${first.body.metadata.continue}`,
    )
    expect(names(second)).toEqual(['cm-05'])
  })

  test('pods are found by their node, and those without one', async () => {
    const door = await openDoor()
    for (const [name, nodeName] of [
      ['a', 'n1'],
      ['b', 'n2'],
      ['c', undefined],
    ]) {
      const pod = { metadata: { name }, spec: { nodeName, containers: [{ name: 'x', image: 'y' }] } }
      expect((await door.send('POST', '/api/v1/namespaces/default/pods', pod)).status).toBe(201)
    }
    expect(names(await door.send('GET', '/api/v1/pods?fieldSelector=spec.nodeName%3Dn1'))).toEqual(['a'])
    expect(names(await door.send('GET', '/api/v1/pods?fieldSelector=spec.nodeName%3D'))).toEqual(['c'])
    expect(
      names(await door.send('GET', '/api/v1/pods?fieldSelector=spec.nodeName!%3Dn1,status.phase%3DPending')),
    ).toEqual(['b', 'c'])
  })

  test('a long list streams and is whole', async () => {
    const door = await openDoor()
    const value = 'x'.repeat(2000)
    for (let at = 0; at < 300; at++) await door.send('POST', CONFIG_MAPS, configMap(`cm-${at}`, { value }))
    const listed = await door.send('GET', CONFIG_MAPS)
    expect(listed.body.items).toHaveLength(300)
    const pretty = await door.send('GET', CONFIG_MAPS, undefined, { 'user-agent': 'curl/8' })
    expect(pretty.body).toEqual(listed.body)
    expect(pretty.text.startsWith('{\n  "kind": "ConfigMapList",\n')).toBe(true)
    const empty = await door.send('GET', '/api/v1/secrets?pretty=true')
    expect(empty.body).toMatchObject({ kind: 'SecretList', items: [] })
  })

  test('a list of metadata and a Table leave the data out', async () => {
    const door = await filled(1)
    const partial = await door.send('GET', CONFIG_MAPS, undefined, {
      accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
    })
    expect(partial.body).toMatchObject({
      kind: 'PartialObjectMetadataList',
      apiVersion: 'meta.k8s.io/v1',
      items: [{ kind: 'PartialObjectMetadata', metadata: { name: 'cm-00' } }],
    })
    const table = await door.send('GET', CONFIG_MAPS, undefined, {
      accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json',
    })
    expect(table.body).toMatchObject({
      kind: 'Table',
      columnDefinitions: [{ name: 'Name' }, { name: 'Data' }, { name: 'Age' }],
    })
    expect(table.body.rows[0]).toMatchObject({
      cells: ['cm-00', 0, '0s'],
      object: { kind: 'PartialObjectMetadata', metadata: { name: 'cm-00' } },
    })
    const one = await door.send('GET', `${CONFIG_MAPS}/cm-00?includeObject=Object`, undefined, {
      accept: 'application/json;as=Table;v=v1beta1;g=meta.k8s.io',
    })
    expect(one.body).toMatchObject({ apiVersion: 'meta.k8s.io/v1beta1', rows: [{ object: { kind: 'ConfigMap' } }] })
  })
})
