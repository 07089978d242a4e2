/** What each operation of the store costs, held against `budget.json`; and that every statement has an index. */
import { rmSync } from 'node:fs'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { DATABASE_FILE, openDatabase } from '../../api/platform/nodejs/database.ts'
import { connect } from '../../api/platform/nodejs/native.ts'
import type { CountingSql } from '../../api/store/counting-sql.ts'
import { countingSql } from '../../api/store/counting-sql.ts'
import { openLibsqlStore } from '../../api/store/libsql.ts'
import type { Sql, SqlStatement } from '../../api/store/sql.ts'
import type { Store } from '../../api/store/store.ts'
import budget from './budget.json' with { type: 'json' }
import { CLUSTER, create, key, newSealer, pod, put, remove, storeOptions, update, valueOf } from './store-build.ts'

const folder = mkdtempSync(join(tmpdir(), 'kedge-budget-'))
const asked = new Map<string, SqlStatement>()
const sql = countingSql(recording(await openDatabase(folder, { clusterUid: CLUSTER })))
const store = await openLibsqlStore(sql, storeOptions(await newSealer()))
const opening = sql.take()

afterAll(async () => {
  await store.close()
  rmSync(folder, { recursive: true })
})

function recording(inner: Sql): Sql {
  return {
    batch(statements, mode) {
      for (const statement of statements) asked.set(statement.sql, statement)
      return inner.batch(statements, mode)
    },
    close: () => inner.close(),
  }
}

type Costs = Readonly<Record<string, { reads: number; writes: number; statements: number }>>

const limits = budget as unknown as Costs

async function cost(counted: CountingSql, work: () => Promise<unknown>): Promise<Costs[string]> {
  counted.take()
  await work()
  const { reads, writes, statements } = counted.take()
  return { reads, writes, statements }
}

async function revisionOf(name: string): Promise<number> {
  return (await store.get(pod(name)))?.revision ?? 0
}

describe('what an operation costs', () => {
  test('no more than its budget', async () => {
    // The first write of a minute carries a mark.
    await put(store, create(pod('a')), create(pod('b')), create(pod('held')))
    const held = await revisionOf('held')
    const ten = Array.from({ length: 10 }, (_, n) => create(pod(`ten${n}`)))
    const operations: Readonly<Record<string, () => Promise<unknown>>> = {
      create: () => put(store, create(pod('c'))),
      get: () => store.get(pod('a')),
      update: async () => put(store, update(pod('a'), await revisionOf('a'))),
      delete: async () => put(store, remove(pod('b'), await revisionOf('b'))),
      'update of a held revision': () => put(store, update(pod('held'), held)),
      'create that loses, current state included': () => store.write({ effects: [create(pod('a'))] }),
      'group of ten with guards and due': () =>
        store.write({
          effects: ten,
          guards: [{ key: pod('a'), expect: 'present' }],
          due: [{ planner: 'p', key: 'k', at: 1 }],
        }),
      'sixty-four creates at once': () =>
        Promise.all(Array.from({ length: 64 }, (_, n) => put(store, create(pod(`many${n}`))))),
      'list page': () => store.list({ resource: 'pods', limit: 500 }),
      'list page at a revision': () =>
        store.list({ resource: 'pods', limit: 5, at: held, after: { namespace: 'default', name: 'a' } }),
      'list page as text': () => store.listText({ resource: 'pods', at: held }),
      'index page': () => store.index({ resource: 'pods', limit: 500 }),
      'get ten at once': () => store.getMany(ten.map((effect) => effect.key)),
      changes: () => store.after({ since: 1, limit: 500, previous: true }),
      'nothing to compact': () => store.compact(0, 10),
      'a compaction step': () => store.compact(20, 1),
      idle: () => sleep(50),
    }
    const costs: Record<string, Costs[string]> = {
      open: { reads: opening.reads, writes: opening.writes, statements: opening.statements },
    }
    for (const [name, work] of Object.entries(operations)) costs[name] = await cost(sql, work)
    for (const [name, limit] of Object.entries(limits)) {
      if (name === '') continue
      expect.soft({ name, ...costs[name] }).toEqual({ name, ...limit })
    }
  })
})

describe('every statement', () => {
  test('finds its rows of keys, log, due and marks through an index', async () => {
    await everyShape(store)
    const connection = connect(join(folder, DATABASE_FILE))
    const scans: string[] = []
    for (const { sql: text, args } of asked.values()) {
      const [plan] = connection.run([{ sql: `EXPLAIN QUERY PLAN ${text}`, args }], 'read')
      for (const row of plan ?? []) {
        const detail = String(row[3])
        if (/^SCAN (keys|log|due|marks|store_meta|k|l|q)\b/.test(detail)) scans.push(`${detail}: ${text}`)
      }
    }
    connection.close()
    expect(asked.size).toBeGreaterThan(25)
    expect(scans).toEqual([])
  })

  test('that names an index uses it', async () => {
    await everyShape(store)
    const connection = connect(join(folder, DATABASE_FILE))
    for (const { sql: text, args } of asked.values()) {
      const named = /INDEXED BY (\w+)/.exec(text.replaceAll('NOT INDEXED', ''))?.[1]
      if (named === undefined) continue
      const [plan] = connection.run([{ sql: `EXPLAIN QUERY PLAN ${text}`, args }], 'read')
      expect(plan?.map((row) => String(row[3])).join('\n')).toContain(`INDEX ${named}`)
    }
    connection.close()
  })

  // SQLite prepares a statement again by itself when a parameter that decided its plan is bound.
  test('stays prepared when it is asked again', async () => {
    await everyShape(store)
    const connection = connect(join(folder, DATABASE_FILE))
    connection.ask('BEGIN')
    for (const statement of [...asked.values(), ...asked.values()]) connection.run([statement], 'read')
    const again = connection.ask('SELECT reprep, sql FROM sqlite_stmt WHERE reprep > 0')
    connection.ask('ROLLBACK')
    connection.close()
    expect(again).toEqual([])
  })
})

/** Every shape of statement the store can ask. */
async function everyShape(store: Store): Promise<void> {
  const where = [
    { nodeName: 'n' },
    { nodeName: '' },
    { owner: 'o' },
    { owner: '' },
    { owner: 'o', nodeName: 'n', labels: { a: 'b' } },
    { uid: 'u' },
    { labels: { a: 'b', c: 'd' } },
    { unbound: true as const },
  ]
  const ranges = [
    {},
    { namespace: 'default' },
    { after: { namespace: 'default', name: 'a' } },
    { namespace: 'default', after: { namespace: 'default', name: 'a' } },
  ]
  const { head } = await store.head()
  for (const range of ranges) {
    for (const limit of [5, 5000]) {
      await store.list({ resource: 'pods', limit, ...range })
      await store.list({ resource: 'pods', limit, at: head, ...range })
    }
    await store.listText({ resource: 'pods', ...range })
    await store.listText({ resource: 'pods', at: head, ...range })
    for (const filter of where) {
      await store.list({ resource: 'pods', limit: 5, where: filter, ...range })
      await store.index({ resource: 'pods', limit: 5, where: filter, ...range })
    }
    await store.index({ resource: 'services', limit: 5, where: { unbound: true }, ...range })
  }
  for (const resources of [undefined, ['pods'], ['pods', 'services']]) {
    for (const namespace of [undefined, 'default'])
      await store.after({ since: head - 1, limit: 5, previous: true, resources, namespace })
  }
  await store.due(1, 5)
  await store.nextDue()
  await store.expired(1, 5)
  await store.owned('u', 5)
  await store.revisionAt(1)
  await store.write({ effects: [create(key('jobs', 'x'), valueOf('x'))], due: [{ planner: 'p', key: 'k', at: null }] })
}
