/** A database that fails under a store: before a write, after it, for a while, or by being too slow. */
import { describe, expect, test } from 'vitest'
import { openDatabase } from '../../api/platform/nodejs/database.ts'
import { openLibsqlStore } from '../../api/store/libsql.ts'
import type { Sql } from '../../api/store/sql.ts'
import { SqlError } from '../../api/store/sql.ts'
import type { Store } from '../../api/store/store.ts'
import { tempFolder } from '../tools/temp.ts'
import { CLUSTER, create, newSealer, pod, put, remove, storeOptions } from './store-build.ts'

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
