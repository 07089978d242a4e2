import { describe, expect, test } from 'vitest'
import { CONFIG_MAPS, configMap, doors } from './door.ts'

describe.each(doors)('%s', (_, openDoor) => {
  test('a ConfigMap is created, read, listed, watched, changed and deleted', async () => {
    const door = await openDoor()
    const created = await door.send('POST', CONFIG_MAPS, configMap('one', { a: '1' }))
    expect(created.status).toBe(201)
    expect(created.body).toMatchObject({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'one', namespace: 'default' },
      data: { a: '1' },
    })
    expect(created.body.metadata.uid).toMatch(/^[0-9a-f-]{36}$/)

    const got = await door.send('GET', `${CONFIG_MAPS}/one`)
    expect(got.body).toEqual(created.body)

    const listed = await door.send('GET', CONFIG_MAPS)
    expect(listed.body.kind).toBe('ConfigMapList')
    const { apiVersion: _, kind: __, ...item } = created.body
    expect(listed.body.items).toEqual([item])

    const events = await door.watch(`${CONFIG_MAPS}?watch=true&resourceVersion=${listed.body.metadata.resourceVersion}`)
    const changed = await door.send('PUT', `${CONFIG_MAPS}/one`, { ...created.body, data: { a: '2' } })
    expect(changed.status).toBe(200)
    expect(await events.next()).toEqual({ type: 'MODIFIED', object: changed.body })

    const deleted = await door.send('DELETE', `${CONFIG_MAPS}/one`)
    expect(deleted.body).toMatchObject({
      kind: 'Status',
      status: 'Success',
      details: { name: 'one', kind: 'configmaps' },
    })
    const last = await events.next()
    expect(last?.type).toBe('DELETED')
    expect(Number(last?.object.metadata.resourceVersion)).toBeGreaterThan(Number(changed.body.metadata.resourceVersion))
    await events.stop()
    expect((await door.send('GET', `${CONFIG_MAPS}/one`)).body).toMatchObject({
      code: 404,
      reason: 'NotFound',
      message: 'configmaps "one" not found',
    })
  })
})
