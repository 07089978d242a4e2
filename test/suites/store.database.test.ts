/** The embedded database as a thing on disk: who may open it, what survives, what a thief of the file sees. */
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { migrations } from '../../migrations/all.ts'
import { migrate } from '../../api/platform/migrate.ts'
import { DATABASE_FILE, LOCK_FILE, openDatabase } from '../../api/platform/nodejs/database.ts'
import { connect } from '../../api/platform/nodejs/native.ts'
import type { LibsqlStoreOptions } from '../../api/store/libsql.ts'
import { SCHEMA_VERSION, openLibsqlStore } from '../../api/store/libsql.ts'
import { RESTORE_JUMP, jumpAfterRestore } from '../../api/store/restore.ts'
import type { Sealer } from '../../api/store/seal.ts'
import { webSealer } from '../../api/store/seal.ts'
import type { Sql } from '../../api/store/sql.ts'
import { SqlError } from '../../api/store/sql.ts'
import type { Effect, Store } from '../../api/store/store.ts'
import { command } from '../tools/command.ts'
import { tempFolder } from '../tools/temp.ts'
import { CLUSTER, create, key, newSealer, pod, put, remove, storeOptions, update, valueOf } from './store-build.ts'

async function openStore(path: string, sealer: Sealer, more: Partial<LibsqlStoreOptions> = {}): Promise<Store> {
  const sql = await openDatabase(path, { clusterUid: CLUSTER })
  try {
    return await openLibsqlStore(sql, { ...storeOptions(sealer), ...more })
  } catch (error) {
    await sql.close()
    throw error
  }
}

/** Changes the file behind the store's back. */
function meddle(path: string, sql: string): void {
  const connection = connect(join(path, DATABASE_FILE))
  connection.ask(sql)
  connection.close()
}

describe('opening', () => {
  test('what was written is there again, and revisions go on rising', async () => {
    await using folder = await tempFolder()
    const sealer = await newSealer()
    let last = 0
    for (let round = 0; round < 3; round++) {
      const store = await openStore(folder.path, sealer)
      expect(store.meta).toEqual({ clusterUid: CLUSTER, schemaVersion: SCHEMA_VERSION, restoreEpoch: 0 })
      const revision = await put(store, create(pod(`p${round}`)), {
        ...create(key('secrets', `s${round}`)),
        sealed: true,
      } as Effect)
      expect(revision).toBeGreaterThan(last)
      last = revision
      expect((await store.getMany([pod('p0'), key('secrets', 's0')])).map((item) => item?.value)).toEqual([
        valueOf('p0'),
        valueOf('s0'),
      ])
      // The newest row may be a delete that is compacted up to: the counter still does not fall back.
      last = await put(store, remove(pod(`p${round}`), revision - 1), create(pod('p0x'.concat(String(round)))))
      if (round === 0) last = await put(store, create(pod('p0')))
      await store.compact(last, 10)
      await store.close()
    }
  })

  test('the directory and its files are for their owner alone', async () => {
    await using folder = await tempFolder()
    const path = join(folder.path, 'deep', 'data')
    const store = await openStore(path, await newSealer())
    await put(store, create(pod('a')))
    const modes = [path, join(path, DATABASE_FILE), join(path, `${DATABASE_FILE}-wal`), join(path, LOCK_FILE)].map(
      (name) => statSync(name).mode & 0o777,
    )
    await store.close()
    expect(modes).toEqual([0o700, 0o600, 0o600, 0o600])
  })

  test('a second opening of the same data is refused with one clear line, until the first is closed', async () => {
    await using folder = await tempFolder()
    const sealer = await newSealer()
    const store = await openStore(folder.path, sealer)
    const second = openStore(folder.path, sealer)
    await expect(second).rejects.toMatchObject({ code: 'locked', message: expect.stringContaining(folder.path) })
    await expect(second).rejects.toThrow(/^another process is using the data in [^\n]*$/)
    await store.close()
    await (await openStore(folder.path, sealer)).close()
  })

  test('another process is refused too', async () => {
    await using folder = await tempFolder()
    const store = await openStore(folder.path, await newSealer())
    const database = new URL('../../api/platform/nodejs/database.ts', import.meta.url).href
    const script = `import(${JSON.stringify(database)}).then(async (m) => { await (await m.openDatabase(process.argv[1])).close(); console.log('opened') }, String).catch((e) => console.log(e.code))`
    const answer = await command(process.execPath, ['-e', script, folder.path])
    expect(answer.stdout.trim()).toBe('locked')
    await store.close()
    const later = await command(process.execPath, ['-e', script, folder.path])
    expect(later.stdout.trim()).toBe('opened')
  })

  test('another cluster’s database is refused', async () => {
    await using folder = await tempFolder()
    const sealer = await newSealer()
    await (await openStore(folder.path, sealer, { clusterUid: CLUSTER })).close()
    await expect(openStore(folder.path, sealer, { clusterUid: 'other' })).rejects.toMatchObject({
      code: 'wrong-cluster',
    })
  })

  test('a database of a newer version is refused', async () => {
    await using folder = await tempFolder()
    const sealer = await newSealer()
    await (await openStore(folder.path, sealer)).close()
    meddle(folder.path, `UPDATE store_meta SET v = '${SCHEMA_VERSION + 1}' WHERE k = 'schema_version'`)
    await expect(openStore(folder.path, sealer)).rejects.toMatchObject({ code: 'newer-schema' })
    meddle(folder.path, `INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('x', 9999999999999)`)
    await expect(openDatabase(folder.path)).rejects.toMatchObject({ code: 'newer-schema' })
  })

  test('a database without its triggers is refused: writes would not reach the keys', async () => {
    await using folder = await tempFolder()
    const sealer = await newSealer()
    await (await openStore(folder.path, sealer)).close()
    meddle(folder.path, 'DROP TRIGGER log_delete')
    await expect(openStore(folder.path, sealer)).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining('triggers'),
    })
  })

  test('a file that is no database, and a place that cannot be written, are named', async () => {
    await using folder = await tempFolder()
    writeFileSync(join(folder.path, DATABASE_FILE), 'no database at all, but long enough to be looked at'.repeat(50))
    await expect(openDatabase(folder.path)).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining(DATABASE_FILE),
    })
    const inside = join(folder.path, DATABASE_FILE, 'data')
    await expect(openDatabase(inside)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(inside),
    })
  })

  test('writes are durable when they return: WAL, synchronous FULL, pages of 8 KiB', async () => {
    await using folder = await tempFolder()
    const sql = await openDatabase(folder.path)
    const asked = ['journal_mode', 'page_size'].map((name) => ({ sql: `PRAGMA ${name}`, args: [] }))
    expect(await sql.batch(asked, 'read')).toEqual([[['wal']], [[8192]]])
    expect(await sql.batch([{ sql: 'PRAGMA synchronous', args: [] }], 'write')).toEqual([[[2]]])
    await expect(sql.batch([{ sql: 'DELETE FROM log', args: [] }], 'read')).rejects.toThrow('readonly')
    await sql.close()
  })
})

describe('migrations', () => {
  test('the embedded texts are the files', () => {
    const folder = new URL('../../migrations/', import.meta.url)
    const journal = JSON.parse(readFileSync(new URL('meta/_journal.json', folder), 'utf8')) as {
      entries: { tag: string; when: number }[]
    }
    expect(migrations).toEqual(
      journal.entries.map(({ tag, when }) => ({ tag, when, sql: readFileSync(new URL(`${tag}.sql`, folder), 'utf8') })),
    )
    expect(SCHEMA_VERSION).toBe(migrations.length)
  })

  test('run once, and a database keeps the uid it was given first', async () => {
    await using folder = await tempFolder()
    const sql = await openDatabase(folder.path, { clusterUid: 'first' })
    await expect(migrate(sql, 'second')).resolves.toBe(0)
    expect((await openLibsqlStore(sql, storeOptions(await newSealer()))).meta.clusterUid).toBe('first')
    await sql.close()
  })
})

describe('a backup put back', () => {
  test('no revision is given out twice, and watches from before must list anew', async () => {
    await using folder = await tempFolder()
    const sealer = await newSealer()
    const before = await openStore(folder.path, sealer)
    const first = await put(before, create(pod('a')))
    const last = await put(before, update(pod('a'), first), create(pod('b')))
    await before.close()

    const sql = await openDatabase(folder.path)
    const head = await jumpAfterRestore(sql)
    expect(head).toBe(last + RESTORE_JUMP)
    const store = await openLibsqlStore(sql, storeOptions(sealer))
    expect(store.meta.restoreEpoch).toBe(1)
    expect(await store.after({ since: last, limit: 5, previous: true })).toEqual({ ok: false, compacted: head, head })
    expect(await store.list({ resource: 'pods', limit: 5, at: last })).toEqual({ expired: true, compacted: head, head })
    expect(await store.list({ resource: 'pods', limit: 5 })).toMatchObject({
      revision: head,
      items: [{ revision: last - 1 }, { revision: last }],
    })
    const next = await put(store, update(pod('b'), last))
    expect(next).toBe(head + 1)
    expect(await store.after({ since: head, limit: 5, previous: true })).toMatchObject({
      ok: true,
      changes: [{ revision: next, previous: valueOf('b') }],
    })
    expect(await store.compact(next, 10)).toEqual({ done: true })
    await store.close()
  })
})

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

describe('a database that fails', () => {
  /** Fails the n-th write batch: before it is run, or after it was committed. */
  function failing(inner: Sql, plan: readonly ('ok' | 'before' | 'after')[], error: () => Error): Sql {
    let at = 0
    return {
      async batch(statements, mode) {
        const step = mode === 'write' ? (plan[at++] ?? 'ok') : 'ok'
        if (step === 'before') throw error()
        const rows = await inner.batch(statements, mode)
        if (step === 'after') throw error()
        return rows
      },
      close: () => inner.close(),
    }
  }

  async function withPlan(
    plan: readonly ('ok' | 'before' | 'after')[],
    work: (store: Store) => Promise<void>,
    error = lost,
  ): Promise<void> {
    await using folder = await tempFolder()
    const sql = await openDatabase(folder.path, { clusterUid: CLUSTER })
    const store = await openLibsqlStore(failing(sql, plan, error), storeOptions(await newSealer()))
    await work(store)
    await store.close()
  }

  const lost = (): Error => new SqlError('unknown', 'NETWORK', 'socket hang up')

  test.each([
    ['the request was lost', ['before']],
    ['the answer was lost', ['after']],
    ['the request, then the answer was lost', ['before', 'after']],
    ['the answer was lost twice', ['after', 'after']],
  ] as const)('when %s, a write is settled and applied once', async (_, plan) => {
    await withPlan(plan, async (store) => {
      const due = [{ planner: 'p', key: 'k', at: 7 }]
      const outcomes = await Promise.all([
        store.write({ effects: [create(pod('a')), create(pod('b'))], due }),
        store.write({ effects: [create(pod('c'))], guards: [{ key: pod('nothing'), expect: 'present' }] }),
        store.write({ effects: [create(pod('d'))], guards: [{ key: pod('nothing'), expect: 'absent' }] }),
        store.write({ effects: [], guards: [{ key: pod('nothing'), expect: 'absent' }] }),
      ])
      expect(outcomes).toMatchObject([
        { ok: true, revisions: [2, 3] },
        { ok: false, lost: [{ key: pod('nothing'), current: undefined }] },
        { ok: true, revisions: [4] },
        { ok: true, revisions: [] },
      ])
      expect(await store.head()).toMatchObject({ head: 4 })
      expect(await store.due(10, 10)).toHaveLength(1)
    })
  })

  test('a create whose answer was lost is not repeated after someone deleted the object', async () => {
    await using folder = await tempFolder()
    const sql = await openDatabase(folder.path, { clusterUid: CLUSTER })
    const other = await openLibsqlStore(sql, storeOptions(await newSealer()))
    let first = true
    const meddling: Sql = {
      async batch(statements, mode) {
        const rows = await sql.batch(statements, mode)
        if (mode === 'write' && first) {
          first = false
          await put(other, remove(pod('a'), (await other.get(pod('a')))?.revision ?? 0))
          throw lost()
        }
        return rows
      },
      close: () => Promise.resolve(),
    }
    const store = await openLibsqlStore(meddling, storeOptions(await newSealer()))
    expect(await store.write({ effects: [create(pod('a'))] })).toEqual({ ok: true, revisions: [2] })
    expect(await store.get(pod('a'))).toBeUndefined()
    expect(await store.head()).toMatchObject({ head: 3 })
    await other.close()
  })

  test('a first request that arrives after its repetition changes nothing', async () => {
    await using folder = await tempFolder()
    const sql = await openDatabase(folder.path, { clusterUid: CLUSTER })
    let late: (() => Promise<unknown>) | undefined
    const delaying: Sql = {
      batch(statements, mode) {
        if (mode === 'write' && late === undefined) {
          late = () => sql.batch(statements, mode)
          return Promise.reject(lost())
        }
        return sql.batch(statements, mode)
      },
      close: () => sql.close(),
    }
    const store = await openLibsqlStore(delaying, storeOptions(await newSealer()))
    const revision = await put(store, create(pod('a')))
    await put(store, remove(pod('a'), revision))
    await late?.()
    expect(await store.get(pod('a'))).toBeUndefined()
    expect(await store.head()).toMatchObject({ head: revision + 1 })
    await store.close()
  })

  test('when nothing is ever heard, the outcome is unknown and says so', async () => {
    await withPlan(['before', 'before', 'before', 'before'], async (store) => {
      await expect(put(store, create(pod('a')))).rejects.toMatchObject({ code: 'unknown-outcome' })
      expect(await put(store, create(pod('a')))).toBe(2)
    })
  })

  test('a full disk refuses writes, reads go on, and writes come back by themselves', async () => {
    const full = (): Error => new SqlError('refused', 'SQLITE_FULL', 'database or disk is full')
    await withPlan(
      ['ok', 'before'],
      async (store) => {
        await put(store, create(pod('a')))
        await expect(put(store, create(pod('b')))).rejects.toMatchObject({
          code: 'unavailable',
          message: 'the disk of the database is full',
        })
        expect((await store.get(pod('a')))?.revision).toBe(2)
        expect(await put(store, create(pod('b')))).toBe(3)
      },
      full,
    )
  })

  test('a busy database is tried again', async () => {
    const busy = (): Error => new SqlError('busy', 'SQLITE_BUSY', 'database is locked')
    await withPlan(['before', 'before'], async (store) => expect(await put(store, create(pod('a')))).toBe(2), busy)
  })

  test('too many waiting writes are refused at once, what matters least before the rest', async () => {
    await using folder = await tempFolder()
    const sql = await openDatabase(folder.path, { clusterUid: CLUSTER })
    const gate = Promise.withResolvers<void>()
    const store = await openLibsqlStore(
      {
        async batch(statements, mode) {
          if (mode === 'write') await gate.promise
          return sql.batch(statements, mode)
        },
        close: () => sql.close(),
      },
      storeOptions(await newSealer()),
    )
    const write = (name: string, lane?: 'last'): Promise<string> =>
      store.write({ effects: [create(pod(name))], ...(lane === undefined ? {} : { lane }) }).then(
        ({ ok }) => (ok ? 'written' : 'lost'),
        (error: unknown) => (error as { code: string }).code,
      )
    const writes = Array.from({ length: 7000 }, (_, n) => write(`p${n}`, 'last'))
    const important = write('important')
    gate.resolve()
    const outcomes = await Promise.all(writes)
    expect(outcomes.filter((outcome) => outcome === 'unavailable')).not.toHaveLength(0)
    expect(outcomes.filter((outcome) => outcome === 'written').length).toBeGreaterThan(4000)
    expect(new Set(outcomes)).toEqual(new Set(['written', 'unavailable']))
    expect(await important).toBe('written')
    await store.close()
    await expect(store.write({ effects: [create(pod('late'))] })).rejects.toMatchObject({ code: 'unavailable' })
  })
})
