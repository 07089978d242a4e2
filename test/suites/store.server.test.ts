import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { httpSql } from '../../api/platform/http-sql.ts'
import { openLibsqlStore } from '../../api/store/libsql.ts'
import type { Sqld } from './sqld.ts'
import { sqldProgram, startSqld } from './sqld.ts'
import { create, newSealer, openOnServer, pod, put, storeOptions, update } from './store-build.ts'
import { storeSuite } from './store.ts'

const program = sqldProgram()
const reason = 'missing' in program ? `: ${program.missing}` : ''

describe.skipIf('missing' in program)(`a real server${reason}`, () => {
  let server: Sqld | undefined
  beforeAll(async () => {
    server = await startSqld('path' in program ? program.path : '')
  })
  afterAll(() => server?.[Symbol.asyncDispose]())
  storeSuite(
    'a libSQL server',
    openOnServer(() => server?.url ?? ''),
  )

  test('a create is one request, an update a read and a write, a get and a page one', async () => {
    let requests = 0
    const counting: typeof fetch = (input, init) => {
      requests++
      return fetch(input, init)
    }
    await using opened = await openOnServer(() => server?.url ?? '')()
    const sql = httpSql({ url: server?.url ?? '', fetch: counting })
    const store = await openLibsqlStore(sql, storeOptions(await newSealer()))
    const cost = async (work: () => Promise<unknown>): Promise<number> => {
      requests = 0
      await work()
      return requests
    }
    // The first write of a minute carries a mark in the same request.
    expect(await cost(() => put(store, create(pod('a'))))).toBe(1)
    expect(await cost(() => put(store, create(pod('b'))))).toBe(1)
    expect(await cost(async () => put(store, update(pod('a'), (await store.get(pod('a')))?.revision ?? 0)))).toBe(2)
    expect(await cost(() => store.write({ effects: [create(pod('a'))] }))).toBe(1)
    expect(await cost(() => store.list({ resource: 'pods', limit: 500 }))).toBe(1)
    expect(await cost(() => store.after({ since: 1, limit: 500, previous: true }))).toBe(1)
    expect(await cost(() => Promise.all(['c', 'd', 'e'].map((name) => put(store, create(pod(name))))))).toBe(1)
    expect((await opened.store.head()).head).toBe(7)
  })

  test('when the connection breaks before or after the commit, a write is applied once', async () => {
    const plan: ('before' | 'after' | '502')[] = []
    const breaking: typeof fetch = async (input, init) => {
      const step = plan.shift()
      if (step === 'before') throw new TypeError('fetch failed')
      const response = await fetch(input, init)
      if (step === 'after') throw new TypeError('terminated')
      return step === '502' ? new Response('bad gateway', { status: 502 }) : response
    }
    await using opened = await openOnServer(() => server?.url ?? '')()
    const store = await openLibsqlStore(
      httpSql({ url: server?.url ?? '', fetch: breaking }),
      storeOptions(await newSealer()),
    )
    let last = 1
    for (const steps of [['before'], ['after'], ['502'], ['after', 'before', '502']] as const) {
      plan.push(...steps)
      const name = steps.join('-')
      expect(await store.write({ effects: [create(pod(name))] })).toEqual({ ok: true, revisions: [++last] })
    }
    plan.push('after', 'after', 'after', 'after')
    await expect(put(store, create(pod('silence')))).rejects.toMatchObject({ code: 'unknown-outcome' })
    plan.push('before')
    expect(await store.head()).toMatchObject({ head: last + 1 })
    plan.push('before', '502')
    await expect(store.head()).rejects.toMatchObject({ code: 'unavailable' })
    expect(await opened.store.head()).toMatchObject({ head: last + 1 })
  })
})
