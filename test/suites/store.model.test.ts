/** Random histories: the libSQL store and its twin in memory answer every question alike, after every step. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { migrate } from '../../api/platform/migrate.ts'
import { connect, connectionSql } from '../../api/platform/nodejs/native.ts'
import { openLibsqlStore } from '../../api/store/libsql.ts'
import { openMemoryStore } from '../../api/store/memory.ts'
import type { DueChange, Effect, Expect, Group, Guard, Index, Key, Store } from '../../api/store/store.ts'
import { CLUSTER, newSealer, storeOptions } from './store-build.ts'

const runs = Number(process.env['KEDGE_MODEL_RUNS'] ?? 60)

const key: fc.Arbitrary<Key> = fc.record({
  resource: fc.constantFrom('pods', 'services', '~pass'),
  namespace: fc.constantFrom('', 'a', 'a-b', 'b'),
  name: fc.constantFrom('x', 'x-y', 'y', 'z'),
})

const index: fc.Arbitrary<Index> = fc.record(
  {
    nodeName: fc.constantFrom('', 'n1', 'n2'),
    owner: fc.constantFrom('o1', 'o2'),
    uid: fc.constantFrom('u1', 'u2', 'u3'),
    expiresAt: fc.nat(20),
    facts: fc.constant('{"phase":"Running"}'),
    labels: fc.dictionary(fc.constantFrom('app', 'tier', 'a.b/c'), fc.constantFrom('', 'web', 'db'), { maxKeys: 3 }),
  },
  { requiredKeys: [] },
)

/** What an effect or guard expects, chosen when the state is known: mostly the truth. */
type Choice = 'truth' | 'absent' | 'present' | 'stale'
const choice = fc.constantFrom<Choice>('truth', 'truth', 'truth', 'truth', 'absent', 'present', 'stale')

interface Draft {
  readonly effects: readonly {
    readonly key: Key
    readonly op: 'put' | 'delete'
    readonly choice: Choice
    readonly value: string
    readonly index: Index
    readonly sealed: boolean
  }[]
  readonly guards: readonly { readonly key: Key; readonly choice: Choice }[]
  readonly due: readonly DueChange[]
  readonly lane: 'first' | 'normal' | 'last'
}

const draft: fc.Arbitrary<Draft> = fc.record({
  effects: fc.uniqueArray(
    fc.record({
      key,
      op: fc.constantFrom('put' as const, 'put' as const, 'delete' as const),
      choice,
      value: fc
        .string({ unit: 'grapheme', maxLength: 30 })
        .map((text) => JSON.stringify({ kind: 'Thing', metadata: { name: 'x' }, text })),
      index,
      sealed: fc.boolean(),
    }),
    { maxLength: 4, selector: (effect) => JSON.stringify(effect.key) },
  ),
  guards: fc.array(fc.record({ key, choice }), { maxLength: 2 }),
  due: fc
    .array(
      fc.record({
        planner: fc.constantFrom('p', 'q'),
        key: fc.constantFrom('k', 'l'),
        at: fc.option(fc.nat(20), { nil: null }),
      }),
      { maxLength: 2 },
    )
    .map((rows) => [...new Map(rows.map((row) => [`${row.planner}/${row.key}`, row])).values()]),
  lane: fc.constantFrom('first', 'normal', 'last'),
})

const where = fc.record(
  {
    nodeName: fc.constantFrom('', 'n1', 'n2'),
    owner: fc.constantFrom('', 'o1', 'o2'),
    uid: fc.constantFrom('u1', 'u2'),
    labels: fc.constantFrom({}, { app: 'web' }, { 'a.b/c': '', tier: 'db' }),
    unbound: fc.constant(true as const),
  },
  { requiredKeys: [] },
)

const range = fc.record(
  {
    namespace: fc.constantFrom('', 'a', 'a-b'),
    after: fc.record({ namespace: fc.constantFrom('', 'a', 'a-b', 'b'), name: fc.constantFrom('', 'x', 'x-y', 'z') }),
  },
  { requiredKeys: [] },
)

const question = fc.record({
  resource: fc.constantFrom('pods', 'services', '~pass'),
  limit: fc.constantFrom(1, 2, 3, 100, 5000),
  range,
  where: fc.option(where, { nil: undefined }),
  /** where between compaction and head an old revision is taken from */
  part: fc.double({ min: -0.1, max: 1.1, noNaN: true }),
  resources: fc.option(fc.subarray(['pods', 'services', '~pass']), { nil: undefined }),
  previous: fc.boolean(),
  time: fc.nat(20),
})

type Question = typeof question extends fc.Arbitrary<infer T> ? T : never

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      drafts: fc.array(draft, { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('ask' as const), question }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('compact' as const), part: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
)

async function groupOf(store: Store, { effects, guards, due, lane }: Draft): Promise<Group> {
  const expectOf = async (at: Key, chosen: Choice): Promise<Expect> => {
    const current = (await store.get(at))?.revision
    if (chosen === 'absent' || chosen === 'present') return chosen
    if (chosen === 'stale') return Math.max(1, (current ?? 2) - 1)
    return current ?? 'absent'
  }
  const made: Effect[] = []
  for (const effect of effects) {
    const expected = await expectOf(effect.key, effect.choice)
    const at = expected === 'present' ? 1 : expected
    if (effect.op === 'put')
      made.push({
        op: 'put',
        key: effect.key,
        expect: at,
        value: effect.value,
        index: effect.index,
        sealed: effect.sealed,
      })
    else made.push({ op: 'delete', key: effect.key, expect: at === 'absent' ? 1 : at })
  }
  const held: Guard[] = []
  for (const guard of guards) held.push({ key: guard.key, expect: await expectOf(guard.key, guard.choice) })
  return { effects: made, guards: held, due, lane }
}

async function answers(store: Store, ask: Question): Promise<unknown> {
  const { head, compacted } = await store.head()
  const at = Math.max(0, Math.round(compacted + ask.part * (head - compacted)))
  const query = { resource: ask.resource, limit: ask.limit, ...ask.range }
  const { rows, ...index } = await store.index({ ...query, where: ask.where })
  return {
    head,
    compacted,
    now: await store.list({ ...query, ...(ask.where === undefined ? {} : { where: ask.where }) }),
    at: await store.list({ ...query, at }),
    text: await store.listText({ resource: ask.resource, ...ask.range }),
    textAt: await store.listText({ resource: ask.resource, ...ask.range, at }),
    index,
    // The length of a sealed value is that of its ciphertext.
    rows: rows.map((row) => ({ ...row, bytes: 0 })),
    after: await store.after({
      since: at,
      limit: ask.limit,
      previous: ask.previous,
      resources: ask.resources,
      namespace: ask.range.namespace,
    }),
    due: await store.due(ask.time, ask.limit),
    nextDue: await store.nextDue(),
    expired: (await store.expired(ask.time, ask.limit)).map((row) => ({ ...row, bytes: 0 })),
    owned: (await store.owned('o1', ask.limit)).map((row) => ({ ...row, bytes: 0 })),
    revisionAt: await store.revisionAt(ask.time * 60_000),
    many: await store.getMany([
      { resource: ask.resource, namespace: 'a', name: 'x' },
      { resource: ask.resource, namespace: '', name: 'z' },
    ]),
  }
}

test('the two stores answer alike', { timeout: 120_000 }, async () => {
  const sealer = await newSealer()
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const now = 5 * 60_000
      const sql = connectionSql(connect(':memory:'))
      await migrate(sql, CLUSTER)
      const libsql = await openLibsqlStore(sql, { ...storeOptions(sealer), now: () => now })
      const memory = openMemoryStore({ now: () => now, clusterUid: CLUSTER })
      for (const next of steps) {
        if (next.kind === 'write') {
          for (const one of next.drafts) {
            const group = await groupOf(memory, one)
            expect(await libsql.write(group)).toEqual(await memory.write(group))
          }
        } else if (next.kind === 'compact') {
          const { head } = await memory.head()
          const upTo = Math.round(next.part * head)
          expect(await libsql.compact(upTo, 100)).toEqual(await memory.compact(upTo, 100))
        } else {
          expect(await answers(libsql, next.question)).toEqual(await answers(memory, next.question))
        }
      }
      await libsql.close()
    }),
    { numRuns: runs, ...(process.env['KEDGE_SEED'] === undefined ? {} : { seed: Number(process.env['KEDGE_SEED']) }) },
  )
})

test('groups written at once come out as if one after the other', { timeout: 120_000 }, async () => {
  const sealer = await newSealer()
  await fc.assert(
    fc.asyncProperty(
      fc.array(draft, { minLength: 2, maxLength: 12 }),
      fc.array(draft, { minLength: 2, maxLength: 12 }),
      async (before, at) => {
        const sql = connectionSql(connect(':memory:'))
        await migrate(sql, CLUSTER)
        const store = await openLibsqlStore(sql, storeOptions(sealer))
        const replay = openMemoryStore({ now: () => 0, clusterUid: CLUSTER })
        for (const one of before) {
          const group = await groupOf(store, one)
          await store.write(group)
          await replay.write(group)
        }
        const groups = await Promise.all(at.map((one) => groupOf(store, one)))
        const outcomes = await Promise.all(groups.map((group) => store.write(group)))
        // Those that won, in the order of their revisions, win again on the replay and lead to the same state.
        const order = groups
          .map((group, n) => ({ group, outcome: outcomes[n] }))
          .filter(({ group, outcome }) => outcome?.ok === true && group.effects.length > 0)
          .toSorted((a, b) => firstRevision(a.outcome) - firstRevision(b.outcome))
        for (const { group, outcome } of order) expect(await replay.write(group)).toEqual(outcome)
        const whole = { since: 1, limit: 1000, previous: true }
        expect(await store.after(whole)).toEqual(await replay.after(whole))
        await store.close()
      },
    ),
    { numRuns: runs },
  )
})

function firstRevision(outcome: Awaited<ReturnType<Store['write']>> | undefined): number {
  return outcome?.ok === true ? (outcome.revisions[0] ?? 0) : 0
}
