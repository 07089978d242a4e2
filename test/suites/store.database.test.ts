/** The embedded database as a thing on disk: who may open it, and what survives. */
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { migrations } from '../../migrations/all.ts'
import { migrate } from '../../api/platform/migrate.ts'
import { DATABASE_FILE, LOCK_FILE, openDatabase } from '../../api/platform/nodejs/database.ts'
import { countingSql } from '../../api/store/counting-sql.ts'
import { SCHEMA_VERSION, openLibsqlStore } from '../../api/store/libsql.ts'
import { RESTORE_JUMP, jumpAfterRestore } from '../../api/store/restore.ts'
import type { Effect, Key } from '../../api/store/store.ts'
import { command } from '../tools/command.ts'
import { tempFolder } from '../tools/temp.ts'
import { CLUSTER, create, key, newSealer, pod, put, remove, storeOptions, update, valueOf } from './store-build.ts'
import { meddle, openStore } from './store-build-file.ts'

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

describe('a list as text', () => {
  test('comes in small pages that add up to one moment, whatever is written between them', async () => {
    await using folder = await tempFolder()
    const streamed = { items: { rows: 7, bytes: 1_000 }, text: { rows: 5, bytes: 900 } }
    const store = await openStore(folder.path, await newSealer(), { streamed })
    const made = Array.from({ length: 40 }, (_, n) =>
      create(pod(`p${n + 10}`), valueOf('x', { note: 'y'.repeat(n * 9) })),
    )
    const revision = await put(store, ...made)
    const texts: string[] = []
    for (let after: Key | undefined, more = true; more; more = after !== undefined) {
      const page = await store.listText({ resource: 'pods', after, ...(after === undefined ? {} : { at: revision }) })
      if ('expired' in page) throw new Error('expired')
      const { length } = JSON.parse(`[${page.text}]`) as unknown[]
      expect(length === 1 || (length <= 7 && page.text.length < 2_200)).toBe(true)
      texts.push(page.text)
      after = page.next
      if (texts.length === 1) await put(store, update(pod('p11'), revision - 38), remove(pod('p40'), revision - 9))
    }
    const items = JSON.parse(`[${texts.join(',')}]`) as { metadata: { resourceVersion: string } }[]
    expect(items.map((item) => Number(item.metadata.resourceVersion))).toEqual(made.map((_, n) => revision - 39 + n))
    await store.close()
  })
})

describe('a list as text of objects in many bytes a character', () => {
  test('asks once for a page, from the second on', async () => {
    await using folder = await tempFolder()
    const sql = countingSql(await openDatabase(folder.path, { clusterUid: CLUSTER }))
    const streamed = { items: { rows: 20, bytes: 40_000 }, text: { rows: 200, bytes: 20_000 } }
    const store = await openLibsqlStore(sql, { ...storeOptions(await newSealer()), streamed })
    const made = Array.from({ length: 60 }, (_, n) =>
      create(pod(`p${n + 10}`), valueOf('x', { note: '漢字'.repeat(400) })),
    )
    await put(store, ...made)
    const costs: number[] = []
    let objects = 0
    for (let after: Key | undefined, more = true; more; more = after !== undefined) {
      sql.take()
      const page = await store.listText({ resource: 'pods', after })
      if ('expired' in page) throw new Error('expired')
      objects += (JSON.parse(`[${page.text}]`) as unknown[]).length
      costs.push(sql.take().statements)
      after = page.next
    }
    expect(objects).toBe(60)
    expect(costs.length).toBeGreaterThan(3)
    expect(costs.slice(1)).toEqual(costs.slice(1).map(() => 1))
    await store.close()
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
