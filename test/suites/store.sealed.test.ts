/** Values sealed at rest: what a thief of the file sees, and what a wrong key does. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { DATABASE_FILE } from '../../api/platform/nodejs/database.ts'
import { connect } from '../../api/platform/nodejs/native.ts'
import { webSealer } from '../../api/store/seal.ts'
import type { Effect } from '../../api/store/store.ts'
import { tempFolder } from '../tools/temp.ts'
import { create, key, newSealer, pod, put, remove, update, valueOf } from './store-build.ts'
import { meddle, openStore } from './store-build-file.ts'

describe('values sealed at rest', () => {
  const secret = 'correct horse battery staple'
  const secretKey = key('secrets', 'password')
  const value = valueOf('password', { data: { password: btoa(secret) }, note: secret })

  function sealed(effect: Effect, uid = 'u1'): Effect {
    return effect.op === 'put' ? { ...effect, sealed: true, index: { uid, labels: { app: 'web' } } } : effect
  }

  function bytesOnDisk(path: string): Buffer {
    return Buffer.concat([DATABASE_FILE, `${DATABASE_FILE}-wal`].map((name) => readFileSync(join(path, name))))
  }

  test('neither the file nor its log shows them, their history included', async () => {
    await using folder = await tempFolder()
    const store = await openStore(folder.path, await newSealer())
    const first = await put(store, sealed(create(secretKey, value)))
    const second = await put(store, sealed(update(secretKey, first, `${value} `)))
    await put(store, remove(secretKey, second))
    await put(store, create(pod('plain'), valueOf('plain', { note: 'in the clear' })))
    const bytes = bytesOnDisk(folder.path)
    const { changes } = (await store.after({ since: 1, limit: 9, previous: true, resources: ['secrets'] })) as {
      changes: unknown
    }
    await store.close()
    expect(bytes.includes('in the clear')).toBe(true)
    for (const trace of [secret, btoa(secret), btoa(value).slice(0, 40), btoa(btoa(secret)).slice(0, 30)])
      expect(bytes.includes(trace)).toBe(false)
    expect(changes).toMatchObject([
      { op: 'create', value, previous: undefined },
      { op: 'update', value: `${value} `, previous: value },
      { op: 'delete', value: `${value} `, previous: `${value} ` },
    ])
  })

  test('they come back in lists, old lists, many-gets and losers', async () => {
    await using folder = await tempFolder()
    const store = await openStore(folder.path, await newSealer())
    const first = await put(store, sealed(create(secretKey, value)))
    await put(store, sealed(update(secretKey, first, valueOf('new'))))
    expect(await store.list({ resource: 'secrets', limit: 5 })).toMatchObject({ items: [{ value: valueOf('new') }] })
    expect(await store.list({ resource: 'secrets', limit: 5, at: first })).toMatchObject({ items: [{ value }] })
    expect(await store.listText({ resource: 'secrets' })).toMatchObject({
      text: `{"metadata":{"resourceVersion":"${first + 1}","name":"new"}}`,
    })
    expect(await store.getMany([secretKey])).toMatchObject([{ value: valueOf('new') }])
    expect(await store.write({ effects: [sealed(create(secretKey))] })).toMatchObject({
      lost: [{ current: { value: valueOf('new') } }],
    })
    expect((await store.index({ resource: 'secrets', limit: 5, where: { labels: { app: 'web' } } })).rows).toHaveLength(
      1,
    )
    await store.close()
  })

  test('a key that is missing or wrong, or a ciphertext moved elsewhere, is corrupt and never text', async () => {
    await using folder = await tempFolder()
    const sealer = await newSealer()
    const store = await openStore(folder.path, sealer)
    await put(
      store,
      sealed(create(key('secrets', 'a'), valueOf('a'))),
      sealed(create(key('secrets', 'b'), valueOf('b')), 'u2'),
    )
    await put(store, sealed(create(key('secrets', 'a', 'other'), valueOf('c'))))
    await store.close()
    for (const other of [await newSealer('k1'), await newSealer('k2')]) {
      const stranger = await openStore(folder.path, other)
      await expect(stranger.get(key('secrets', 'a'))).rejects.toMatchObject({ code: 'corrupt' })
      await expect(stranger.list({ resource: 'secrets', limit: 5 })).rejects.toMatchObject({ code: 'corrupt' })
      await stranger.close()
    }
    meddle(
      folder.path,
      `UPDATE log SET value = (SELECT value FROM log WHERE name = 'a' AND namespace = 'default') WHERE name <> 'a' OR namespace = 'other'`,
    )
    const reopened = await openStore(folder.path, sealer)
    expect((await reopened.get(key('secrets', 'a')))?.value).toBe(valueOf('a'))
    await expect(reopened.get(key('secrets', 'b'))).rejects.toMatchObject({ code: 'corrupt' })
    await expect(reopened.get(key('secrets', 'a', 'other'))).rejects.toMatchObject({ code: 'corrupt' })
    await reopened.close()
  })

  test('old keys still open what they sealed, new values take the new one', async () => {
    await using folder = await tempFolder()
    const [one, two] = await Promise.all(
      [1, 2].map(() => crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])),
    )
    if (!one || !two) throw new Error('two keys were made')
    const before = await openStore(folder.path, webSealer({ current: 'one', keys: new Map([['one', one]]) }))
    await put(before, sealed(create(key('secrets', 'old'))))
    await before.close()
    const keys = new Map([
      ['one', one],
      ['two', two],
    ])
    const after = await openStore(folder.path, webSealer({ current: 'two', keys }))
    await put(after, sealed(create(key('secrets', 'new'))))
    expect(await after.list({ resource: 'secrets', limit: 5 })).toMatchObject({
      items: [{ value: valueOf('new') }, { value: valueOf('old') }],
    })
    await after.close()
    const connection = connect(join(folder.path, DATABASE_FILE))
    expect(connection.ask('SELECT name, enc FROM log WHERE op > 0 ORDER BY rev')).toEqual([
      ['old', 'one'],
      ['new', 'two'],
    ])
    connection.close()
  })
})
