/** What being a store means: one suite of behaviours for the memory twin, the embedded file and a libSQL server. */
import { describe, expect, test } from 'vitest'
import type { Change, Store, Stored, Touched } from '../../api/store/store.ts'
import { MAX_VALUE_BYTES, StoreError, spliceRevision } from '../../api/store/store.ts'
import type { Opening } from './store-build.ts'
import { create, key, names, pod, put, remove, update, valueOf, won } from './store-build.ts'

export function storeSuite(backend: string, open: Opening): void {
  describe(`the store on ${backend}`, () => {
    writing(open)
    groups(open)
    reading(open)
    history(open)
    compaction(open)
    times(open)
    sizes(open)
  })
}

function writing(open: Opening): void {
  test('a create answers its revision, and a get the very text', async () => {
    await using opened = await open()
    const { store } = opened
    const value = valueOf('web', { note: 'ünïcödé "quoted" \\ \u2028 \u0001 😀' })
    const revision = await put(store, create(pod('web'), value))
    expect(await store.get(pod('web'))).toEqual({ key: pod('web'), revision, createRevision: revision, value })
    expect(JSON.parse(spliceRevision(value, revision))).toMatchObject({
      metadata: { resourceVersion: String(revision) },
    })
  })

  test('a new store starts at revision 1, so that no object ever has revision 0', async () => {
    await using opened = await open()
    expect(await opened.store.head()).toEqual({ head: 1, compacted: 0 })
    expect(await opened.store.list({ resource: 'pods', limit: 5 })).toEqual({
      revision: 1,
      items: [],
      more: false,
      remaining: 0,
    })
    expect(await opened.store.after({ since: 0, limit: 10, previous: true })).toEqual({
      ok: true,
      changes: [],
      upTo: 1,
      more: false,
    })
  })

  test('a create of what exists loses and answers what is there', async () => {
    await using opened = await open()
    const { store } = opened
    const revision = await put(store, create(pod('web')))
    const current = { key: pod('web'), revision, createRevision: revision, value: valueOf('web') }
    expect(await store.write({ effects: [create(pod('web'), valueOf('other'))] })).toEqual({
      ok: false,
      lost: [{ key: pod('web'), expected: 'absent', current }],
    })
    expect(await store.head()).toMatchObject({ head: revision })
  })

  test('an update wins at the current revision only, and keeps the create revision', async () => {
    await using opened = await open()
    const { store } = opened
    const first = await put(store, create(pod('web')))
    const second = await put(store, update(pod('web'), first))
    expect(second).toBeGreaterThan(first)
    const outcome = await store.write({ effects: [update(pod('web'), first)] })
    expect(outcome).toMatchObject({
      ok: false,
      lost: [{ expected: first, current: { revision: second, createRevision: first } }],
    })
  })

  test('an update or delete of what does not exist loses against nothing', async () => {
    await using opened = await open()
    for (const effect of [update(pod('gone'), 7), remove(pod('gone'), 7)]) {
      const outcome = await opened.store.write({ effects: [effect] })
      expect(outcome).toEqual({ ok: false, lost: [{ key: pod('gone'), expected: 7, current: undefined }] })
    }
  })

  test('a name deleted can be created again, as a new object', async () => {
    await using opened = await open()
    const { store } = opened
    const first = await put(store, create(pod('web')))
    const gone = await put(store, remove(pod('web'), first))
    expect(await store.get(pod('web'))).toBeUndefined()
    const again = await put(store, create(pod('web')))
    expect(await store.get(pod('web'))).toMatchObject({ revision: again, createRevision: again })
    expect(again).toBeGreaterThan(gone)
  })

  test('names are exact: quotes, wildcards, slashes and separators are just characters', async () => {
    await using opened = await open()
    const { store } = opened
    const odd = ['a', 'ab', 'a%', "a'b", 'a"b', 'a/b', '..', 'a|b', 'system:node:a', '~x', '[0]', '{"a":1}', 'a_']
    for (const name of odd) await put(store, create(pod(name)))
    for (const name of odd) expect((await store.get(pod(name)))?.value).toBe(valueOf(name))
    const page = await store.list({ resource: 'pods', limit: 100 })
    expect('items' in page ? names(page.items) : []).toEqual(odd.toSorted())
  })

  test('sixty-four writers of one key lose no update', async () => {
    await using opened = await open()
    const { store } = opened
    await put(store, create(pod('counter'), valueOf('counter', { n: 0 })))
    await Promise.all(Array.from({ length: 64 }, () => increment(store)))
    expect(JSON.parse((await store.get(pod('counter')))?.value ?? '')).toMatchObject({ n: 64 })
  })

  test('many writers at once: each gets revisions of its own', async () => {
    await using opened = await open()
    const { store } = opened
    const all = await Promise.all(Array.from({ length: 300 }, (_, n) => put(store, create(pod(`p${n}`)))))
    expect(new Set(all).size).toBe(300)
    const page = await store.list({ resource: 'pods', limit: 1000 })
    const found = 'items' in page ? page.items.map((item) => item.revision) : []
    expect(found.toSorted((a, b) => a - b)).toEqual(all.toSorted((a, b) => a - b))
  })

  test('each commit is told once, with the resources and nodes it touched', async () => {
    const told: Touched[] = []
    await using opened = await open({ onCommit: (touched) => told.push(touched) })
    const { store } = opened
    const bound = await put(store, create(pod('a'), valueOf('a'), { nodeName: 'n1' }), create(key('services', 's')))
    const gone = await put(store, remove(pod('a'), bound - 1))
    await store.write({ effects: [create(key('services', 's'))] })
    expect(told).toEqual([
      { revision: bound, resources: ['pods', 'services'], nodes: ['n1'] },
      { revision: gone, resources: ['pods'], nodes: ['n1'] },
    ])
  })
}

async function increment(store: Store): Promise<void> {
  let current = await store.get(pod('counter'))
  while (current !== undefined) {
    const n = (JSON.parse(current.value) as { n: number }).n + 1
    const outcome = await store.write({
      effects: [update(pod('counter'), current.revision, valueOf('counter', { n }))],
    })
    if (outcome.ok) return
    current = outcome.lost[0]?.current
  }
}

function groups(open: Opening): void {
  test('a mixed group is applied whole, with one revision per effect in order', async () => {
    await using opened = await open()
    const { store } = opened
    const a = await put(store, create(pod('a')))
    const b = await put(store, create(pod('b')))
    const revisions = won(await store.write({ effects: [create(pod('c')), update(pod('b'), b), remove(pod('a'), a)] }))
    expect(revisions).toEqual([b + 1, b + 2, b + 3])
    expect(await store.getMany([pod('a'), pod('b'), pod('c')])).toMatchObject([
      undefined,
      { revision: b + 2 },
      { revision: b + 1 },
    ])
  })

  test('one effect that loses loses the group, and every loser is named with its current state', async () => {
    await using opened = await open()
    const { store } = opened
    const a = await put(store, create(pod('a')))
    const { head } = await store.head()
    const outcome = await store.write({ effects: [create(pod('new')), create(pod('a')), remove(pod('gone'), 3)] })
    expect(outcome).toMatchObject({
      ok: false,
      lost: [
        { key: pod('a'), expected: 'absent', current: { revision: a } },
        { key: pod('gone'), expected: 3, current: undefined },
      ],
    })
    expect(await store.get(pod('new'))).toBeUndefined()
    expect(await store.head()).toMatchObject({ head })
  })

  const namespace = key('namespaces', 'default', '')

  test('a guard: the namespace must stand at the revision that was read', async () => {
    await using opened = await open()
    const { store } = opened
    const first = await put(store, create(namespace))
    const guards = [{ key: namespace, expect: first }]
    won(await store.write({ effects: [create(pod('in-time'))], guards }))
    const second = await put(store, update(namespace, first))
    expect(await store.write({ effects: [create(pod('late'))], guards })).toMatchObject({
      ok: false,
      lost: [{ key: namespace, expected: first, current: { revision: second } }],
    })
    await put(store, remove(namespace, second))
    const outcome = await store.write({
      effects: [create(pod('late'))],
      guards: [{ key: namespace, expect: 'present' }],
    })
    expect(outcome).toEqual({ ok: false, lost: [{ key: namespace, expected: 'present', current: undefined }] })
    expect(await store.get(pod('late'))).toBeUndefined()
  })

  test('a guard: a pass whose epoch is over writes nothing', async () => {
    await using opened = await open()
    const { store } = opened
    const epoch = key('~pass', 'epoch', '')
    const old = await put(store, create(epoch))
    const taken = await put(store, update(epoch, old))
    const stale = await store.write({ effects: [create(pod('by-the-old'))], guards: [{ key: epoch, expect: old }] })
    expect(stale).toMatchObject({ ok: false, lost: [{ current: { revision: taken } }] })
    won(await store.write({ effects: [create(pod('by-the-new'))], guards: [{ key: epoch, expect: taken }] }))
  })

  test('a one-use token is used once, whoever comes at the same moment', async () => {
    await using opened = await open()
    const { store } = opened
    const token = key('~join', 'abc', '')
    const issued = await put(store, create(token))
    const tries = Array.from({ length: 20 }, (_, n) =>
      store.write({ effects: [remove(token, issued), create(key('nodes', `n${n}`, ''))] }),
    )
    const outcomes = await Promise.all(tries)
    expect(outcomes.filter((outcome) => outcome.ok)).toHaveLength(1)
    for (const outcome of outcomes) {
      if (!outcome.ok) expect(outcome.lost).toEqual([{ key: token, expected: issued, current: undefined }])
    }
  })

  test('a guard against existence, and a group of guards alone', async () => {
    await using opened = await open()
    const { store } = opened
    await put(store, create(pod('a')))
    expect(await store.write({ effects: [], guards: [{ key: pod('b'), expect: 'absent' }] })).toEqual({
      ok: true,
      revisions: [],
    })
    const outcome = await store.write({ effects: [create(pod('c'))], guards: [{ key: pod('a'), expect: 'absent' }] })
    expect(outcome).toMatchObject({ ok: false, lost: [{ key: pod('a'), expected: 'absent' }] })
    expect(await store.write({ effects: [] })).toEqual({ ok: true, revisions: [] })
  })

  test('concurrent groups that guard what others write stay serialisable', async () => {
    await using opened = await open()
    const { store } = opened
    // Each of two doctors goes off call only while the other is on: never are both off.
    const doctors = [key('doctors', 'a'), key('doctors', 'b')] as const
    for (let round = 0; round < 20; round++) {
      const on = await Promise.all(doctors.map((doctor) => put(store, create(doctor))))
      const outcomes = await Promise.all([
        store.write({ effects: [remove(doctors[0], on[0] ?? 0)], guards: [{ key: doctors[1], expect: 'present' }] }),
        store.write({ effects: [remove(doctors[1], on[1] ?? 0)], guards: [{ key: doctors[0], expect: 'present' }] }),
      ])
      expect(outcomes.filter((outcome) => outcome.ok)).toHaveLength(1)
      for (const left of await store.getMany(doctors)) if (left) await put(store, remove(left.key, left.revision))
    }
  })

  test('two effects on one key in one group are a mistake of the caller', async () => {
    await using opened = await open()
    await expect(opened.store.write({ effects: [create(pod('a')), create(pod('a'))] })).rejects.toThrow('two effects')
    await expect(opened.store.write({ effects: [update(pod('a'), 0)] })).rejects.toThrow('positive revision')
  })
}

function reading(open: Opening): void {
  test('a list is in order of namespace and name, pages included, and says how much is left', async () => {
    await using opened = await open()
    const { store } = opened
    for (const namespace of ['b', 'a', 'a-b'])
      for (const name of ['y', 'x', 'z']) await put(store, create(pod(name, namespace)))
    await put(store, create(key('podsx', 'other')))
    const first = await pageOf(store, { limit: 4 })
    expect(first.items.map((item) => `${item.key.namespace}/${item.key.name}`)).toEqual(['a/x', 'a/y', 'a/z', 'a-b/x'])
    expect(first).toMatchObject({ more: true, remaining: 5 })
    const second = await pageOf(store, { limit: 100, after: { namespace: 'a-b', name: 'x' } })
    expect(second.items.map((item) => `${item.key.namespace}/${item.key.name}`)).toEqual([
      'a-b/y',
      'a-b/z',
      'b/x',
      'b/y',
      'b/z',
    ])
    expect(second).toMatchObject({ more: false, remaining: 0 })
    expect(names((await pageOf(store, { limit: 9, namespace: 'a-b' })).items)).toEqual(['x', 'y', 'z'])
    // A limit nobody will reach asks for no count.
    const whole = await pageOf(store, { limit: 1_000_000 })
    expect([whole.items.length, whole.remaining]).toEqual([9, undefined])
    expect(await pageOf(store, { limit: 1_000_000, at: whole.revision })).toEqual(whole)
    expect(
      names((await pageOf(store, { limit: 9, namespace: 'a', after: { namespace: 'a', name: 'x' } })).items),
    ).toEqual(['y', 'z'])
  })

  test('a list at an old revision shows that moment, whatever happened since', async () => {
    await using opened = await open()
    const { store } = opened
    const kept = await put(store, create(pod('kept')))
    const changed = await put(store, create(pod('changed')))
    const deleted = await put(store, create(pod('deleted')))
    const recreated = await put(store, create(pod('recreated')))
    const then = (await store.head()).head
    const before = await pageOf(store, { limit: 10 })
    await put(store, update(pod('changed'), changed))
    await put(store, remove(pod('deleted'), deleted), remove(pod('recreated'), recreated))
    await put(store, create(pod('recreated'), valueOf('new')), create(pod('later')))
    await put(store, create(pod('other', 'other')))
    const at = await pageOf(store, { limit: 10, at: then })
    expect(at.items).toEqual(before.items)
    expect(at).toMatchObject({ revision: then, more: false, remaining: 0 })
    expect(names((await pageOf(store, { limit: 10, at: kept })).items)).toEqual(['kept'])
    expect((await pageOf(store, { limit: 10, at: 1 })).items).toEqual([])
  })

  test('a list continued after changes is a list of the first moment', async () => {
    await using opened = await open()
    const { store } = opened
    const revisions = new Map<string, number>()
    for (let n = 10; n < 30; n++) revisions.set(`p${n}`, await put(store, create(pod(`p${n}`))))
    const first = await pageOf(store, { limit: 7 })
    const seen = [...first.items]
    await put(store, remove(pod('p20'), revisions.get('p20') ?? 0))
    await put(store, update(pod('p21'), revisions.get('p21') ?? 0))
    await put(store, create(pod('p205')), create(pod('p99')))
    for (let page = first; page.more;) {
      const last = page.items.at(-1)
      page = await pageOf(store, {
        limit: 7,
        at: first.revision,
        after: { namespace: 'default', name: last?.key.name ?? '' },
      })
      expect(page.remaining).toBe(20 - seen.length - page.items.length)
      seen.push(...page.items)
    }
    expect(seen.map((item) => [item.key.name, item.revision])).toEqual([...revisions])
  })

  test('a list as text is what the list has, each object with its revision', async () => {
    await using opened = await open()
    const { store } = opened
    const odd = valueOf('b', { note: 'ünïcödé "metadata":{ \\ \u2028 \u0000 😀' })
    const first = await put(store, create(pod('a')), create(pod('b'), odd), create(pod('c', 'other')))
    const { head: then } = await store.head()
    await put(store, update(pod('a'), first - 2), remove(pod('b'), first - 1), create(pod('d')))
    const cases = [
      {},
      { namespace: 'default' },
      { namespace: 'none' },
      { after: { namespace: 'default', name: 'a' } },
      { at: then },
      { at: then, after: { namespace: 'default', name: 'a' } },
      { at: then, namespace: 'default' },
    ]
    for (const range of cases) {
      const { revision, items, more } = await pageOf(store, { limit: 100, ...range })
      const page = await store.listText({ resource: 'pods', ...range })
      if ('expired' in page) throw new Error('expired')
      expect({ ...page, text: '' }).toEqual({ revision, text: '', next: more ? items.at(-1)?.key : undefined })
      const said = JSON.parse(`[${page.text}]`) as unknown[]
      expect(said).toEqual(
        items.map((item) => {
          const { apiVersion: _, kind: __, ...rest } = JSON.parse(spliceRevision(item.value, item.revision))
          return rest
        }),
      )
    }
    await store.compact(then + 1, 100)
    const { head } = await store.head()
    const late = await store.listText({ resource: 'pods', at: then })
    expect(late).toEqual({ expired: true, compacted: then + 1, head })
  })

  test('getMany answers in the order asked, with gaps for what is not there', async () => {
    await using opened = await open()
    const { store } = opened
    await put(store, create(pod('a')), create(pod('b')))
    const found = await store.getMany([pod('b'), pod('x'), pod('a'), pod('b')])
    expect(found.map((item) => item?.key.name)).toEqual(['b', undefined, 'a', 'b'])
    expect(await store.getMany([])).toEqual([])
  })

  test('the index serves nodes, owners, labels, uids and pods without a node', async () => {
    await using opened = await open()
    const { store } = opened
    const web = { app: 'web', 'kedge.dev/tier': 'front', empty: '' }
    await put(
      store,
      create(pod('a'), valueOf('a'), {
        nodeName: 'n1',
        owner: 'o1',
        uid: 'u1',
        labels: web,
        facts: '{"phase":"Running"}',
      }),
    )
    await put(store, create(pod('b'), valueOf('b'), { nodeName: 'n2', owner: 'o1', uid: 'u2', labels: { app: 'db' } }))
    await put(
      store,
      create(pod('c'), valueOf('c'), { nodeName: '', owner: 'o2', uid: 'u3', labels: web, expiresAt: 5 }),
    )
    await put(store, create(pod('d', 'other'), valueOf('d'), { labels: { app: 'web' } }))
    await put(store, create(key('replicasets.apps', 'r'), valueOf('r'), { owner: 'o1' }))
    const cases = [
      [{ nodeName: 'n1' }, ['a']],
      [{ nodeName: '' }, ['c', 'd']],
      [{ owner: 'o1' }, ['a', 'b']],
      [{ owner: '' }, ['d']],
      [{ owner: 'o1', nodeName: 'n2' }, ['b']],
      [{ uid: 'u3' }, ['c']],
      [{ labels: { app: 'web' } }, ['a', 'c', 'd']],
      [{ labels: { app: 'web', 'kedge.dev/tier': 'front', empty: '' } }, ['a', 'c']],
      [{ labels: { app: 'web', 'no"such': 'x' } }, []],
      [{ unbound: true as const }, ['c', 'd']],
      [{ unbound: true as const, labels: { empty: '' } }, ['c']],
      [{ nodeName: 'n3' }, []],
    ] as const
    for (const [where, expected] of cases) {
      const page = await pageOf(store, { limit: 10, where })
      const index = await store.index({ resource: 'pods', limit: 10, where })
      expect([where, names(page.items), names(index.rows)]).toEqual([where, expected, expected])
    }
    const { rows, more } = await store.index({ resource: 'pods', limit: 2, namespace: 'default' })
    expect(more).toBe(true)
    expect(rows[0]).toEqual({
      key: pod('a'),
      revision: 2,
      labels: web,
      nodeName: 'n1',
      owner: 'o1',
      uid: 'u1',
      expiresAt: undefined,
      facts: '{"phase":"Running"}',
      bytes: new TextEncoder().encode(valueOf('a')).length,
    })
    expect(rows[1]?.nodeName).toBe('n2')
  })

  test('the index follows updates and deletes', async () => {
    await using opened = await open()
    const { store } = opened
    const first = await put(store, create(pod('a')))
    const bound = await put(store, update(pod('a'), first, valueOf('a'), { nodeName: 'n1' }))
    expect(names((await store.index({ resource: 'pods', limit: 9, where: { nodeName: 'n1' } })).rows)).toEqual(['a'])
    expect((await store.index({ resource: 'pods', limit: 9, where: { unbound: true } })).rows).toEqual([])
    await put(store, remove(pod('a'), bound))
    expect((await store.index({ resource: 'pods', limit: 9, where: { nodeName: 'n1' } })).rows).toEqual([])
  })
}

type Asked = Omit<Parameters<Store['list']>[0], 'resource'>

async function pageOf(
  store: Store,
  query: Asked,
): Promise<{ revision: number; items: readonly Stored[]; more: boolean; remaining?: number }> {
  const page = await store.list({ resource: 'pods', ...query })
  if ('expired' in page) throw new Error(`expired: ${JSON.stringify(page)}`)
  return page
}

async function changesOf(store: Store, query: Partial<Parameters<Store['after']>[0]>): Promise<readonly Change[]> {
  const after = await store.after({ since: 1, limit: 100, previous: false, ...query })
  if (!after.ok) throw new Error(`expired: ${JSON.stringify(after)}`)
  return after.changes
}

function history(open: Opening): void {
  test('changes come in the order of their revisions, deletes with the last state', async () => {
    await using opened = await open()
    const { store } = opened
    const first = await put(store, create(pod('a'), valueOf('1')))
    const second = await put(store, update(pod('a'), first, valueOf('2')))
    const third = await put(store, remove(pod('a'), second))
    const plain = [
      { revision: first, op: 'create', key: pod('a'), value: valueOf('1'), previous: undefined },
      { revision: second, op: 'update', key: pod('a'), value: valueOf('2'), previous: undefined },
      { revision: third, op: 'delete', key: pod('a'), value: valueOf('2'), previous: undefined },
    ]
    expect(await changesOf(store, {})).toEqual(plain)
    const previous = [undefined, valueOf('1'), valueOf('2')]
    expect(await changesOf(store, { previous: true })).toEqual(
      plain.map((change, at) => ({ ...change, previous: previous[at] })),
    )
    expect(await changesOf(store, { since: second })).toEqual(plain.slice(2))
  })

  test('changes are filtered by resource and namespace, and pages add up', async () => {
    await using opened = await open()
    const { store } = opened
    for (let n = 0; n < 10; n++) {
      await put(
        store,
        create(pod(`p${n}`, n % 2 ? 'odd' : 'even')),
        create(key('services', `s${n}`)),
        create(key('secrets', `x${n}`)),
      )
    }
    const seen: string[] = []
    let since = 1
    for (let more = true; more;) {
      const page = await store.after({ since, limit: 3, previous: true, resources: ['pods', 'secrets'] })
      if (!page.ok) throw new Error('expired')
      seen.push(...names(page.changes))
      since = page.upTo
      more = page.more
    }
    expect(seen).toEqual(Array.from({ length: 10 }, (_, n) => [`p${n}`, `x${n}`]).flat())
    expect(since).toBe((await store.head()).head)
    expect(names(await changesOf(store, { resources: ['pods'], namespace: 'odd' }))).toEqual([
      'p1',
      'p3',
      'p5',
      'p7',
      'p9',
    ])
    expect(names(await changesOf(store, { resources: ['services'] }))).toHaveLength(10)
    expect(await changesOf(store, { resources: [] })).toEqual([])
  })

  test('a quiet resource still moves on: upTo is the head when nothing is left', async () => {
    await using opened = await open()
    const { store } = opened
    const head = await put(store, create(pod('a')))
    expect(await store.after({ since: 1, limit: 5, previous: false, resources: ['nodes'] })).toEqual({
      ok: true,
      changes: [],
      upTo: head,
      more: false,
    })
    expect(await store.after({ since: head, limit: 5, previous: false })).toEqual({
      ok: true,
      changes: [],
      upTo: head,
      more: false,
    })
  })
}

function compaction(open: Opening): void {
  test('compaction keeps what can still be asked for and answers expired for the rest', async () => {
    await using opened = await open()
    const { store } = opened
    const a = await put(store, create(pod('a'), valueOf('a1')))
    const a2 = await put(store, update(pod('a'), a, valueOf('a2')))
    const b = await put(store, create(pod('b')))
    const gone = await put(store, remove(pod('b'), b))
    const a3 = await put(store, update(pod('a'), a2, valueOf('a3')))
    const c = await put(store, create(pod('c')))
    const before = await pageOf(store, { limit: 10, at: gone })
    expect(await store.compact(gone, 10)).toEqual({ done: true })
    expect(await store.head()).toEqual({ head: c, compacted: gone })
    const after = await store.after({ since: gone, limit: 10, previous: true })
    expect(after).toMatchObject({ ok: true, changes: [{ revision: a3, previous: valueOf('a2') }, { revision: c }] })
    expect((await pageOf(store, { limit: 10, at: gone })).items).toEqual(before.items)
    expect(await store.after({ since: gone - 1, limit: 10, previous: false })).toEqual({
      ok: false,
      compacted: gone,
      head: c,
    })
    expect(await store.list({ resource: 'pods', limit: 10, at: gone - 1 })).toEqual({
      expired: true,
      compacted: gone,
      head: c,
    })
    expect((await store.get(pod('a')))?.value).toBe(valueOf('a3'))
  })

  test('compaction goes in bounded steps, never past the newest change, and never backwards', async () => {
    await using opened = await open()
    const { store } = opened
    let revision = await put(store, create(pod('a')))
    for (let round = 0; round < 30; round++) {
      const effects = Array.from({ length: 40 }, (_, n) => create(pod(`r${round}-${n}`)))
      revision = await put(store, ...effects)
    }
    for (let calls = 0; ; calls++) {
      expect(calls).toBeLessThan(10)
      if ((await store.compact(1_000_000, 1)).done) break
    }
    expect(await store.head()).toEqual({ head: revision, compacted: revision - 1 })
    expect(await store.compact(5, 10)).toEqual({ done: true })
    expect(await store.head()).toEqual({ head: revision, compacted: revision - 1 })
    expect(await put(store, create(pod('next')))).toBe(revision + 1)
  })

  test('the newest change is kept even if it is a delete: the counter never falls back', async () => {
    await using opened = await open()
    const { store } = opened
    const a = await put(store, create(pod('a')))
    const gone = await put(store, remove(pod('a'), a))
    await store.compact(gone, 10)
    expect(await put(store, create(pod('b')))).toBe(gone + 1)
    await store.compact(gone, 10)
    expect((await pageOf(store, { limit: 5 })).items).toMatchObject([{ revision: gone + 1 }])
  })
}

function times(open: Opening): void {
  test('due rows come with their group, move, go, and are lost with it', async () => {
    await using opened = await open()
    const { store } = opened
    expect(await store.nextDue()).toBeUndefined()
    const a = await put(store, create(pod('a')))
    won(
      await store.write({
        effects: [create(pod('b'))],
        due: [
          { planner: 'job', key: 'b', at: 300 },
          { planner: 'job', key: 'a', at: 200 },
        ],
      }),
    )
    won(await store.write({ effects: [], due: [{ planner: 'cron', key: 'c', at: 100 }] }))
    const lost = await store.write({
      effects: [create(pod('a'))],
      due: [
        { planner: 'job', key: 'x', at: 1 },
        { planner: 'job', key: 'a', at: null },
      ],
    })
    expect(lost.ok).toBe(false)
    const unguarded = await store.write({
      effects: [],
      guards: [{ key: pod('x'), expect: 'present' }],
      due: [{ planner: 'job', key: 'y', at: 1 }],
    })
    expect(unguarded.ok).toBe(false)
    expect(await store.nextDue()).toBe(100)
    expect(await store.due(200, 10)).toEqual([
      { planner: 'cron', key: 'c', at: 100 },
      { planner: 'job', key: 'a', at: 200 },
    ])
    expect(await store.due(1000, 1)).toHaveLength(1)
    won(
      await store.write({
        effects: [update(pod('a'), a)],
        due: [
          { planner: 'cron', key: 'c', at: null },
          { planner: 'job', key: 'a', at: 900 },
        ],
      }),
    )
    expect(await store.due(1000, 10)).toEqual([
      { planner: 'job', key: 'b', at: 300 },
      { planner: 'job', key: 'a', at: 900 },
    ])
  })

  test('what expires is found when its time has come, soonest first', async () => {
    await using opened = await open()
    const { store } = opened
    for (const [name, expiresAt] of [
      ['c', 30],
      ['a', 10],
      ['b', 20],
    ] as const) {
      await put(store, create(key('events', name), valueOf(name), { expiresAt }))
    }
    await put(store, create(key('events', 'never')))
    expect(names(await store.expired(20, 10))).toEqual(['a', 'b'])
    expect(names(await store.expired(100, 2))).toEqual(['a', 'b'])
    const [first] = await store.expired(10, 1)
    await put(store, remove(first?.key ?? pod('x'), first?.revision ?? 0))
    expect(names(await store.expired(100, 10))).toEqual(['b', 'c'])
  })

  test('what an object owns is found whatever its resource, also after the owner changed', async () => {
    await using opened = await open()
    const { store } = opened
    await put(store, create(pod('b'), valueOf('b'), { owner: 'u1' }))
    await put(store, create(key('configmaps', 'c'), valueOf('c'), { owner: 'u1' }))
    const moved = await put(store, create(pod('a'), valueOf('a'), { owner: 'u1' }))
    await put(store, create(pod('other'), valueOf('other'), { owner: 'u2' }))
    expect(names(await store.owned('u1', 10))).toEqual(['c', 'a', 'b'])
    expect(names(await store.owned('u1', 2))).toEqual(['c', 'a'])
    await put(store, { op: 'put', key: pod('a'), expect: moved, value: valueOf('a'), index: { owner: 'u2' } })
    expect(names(await store.owned('u1', 10))).toEqual(['c', 'b'])
    expect(names(await store.owned('u2', 10))).toEqual(['a', 'other'])
    expect(await store.owned('nobody', 10)).toEqual([])
  })

  test('marks tell which revision was the newest at a time, at most one a minute', async () => {
    let now = 1_000_000
    await using opened = await open({ now: () => now })
    const { store } = opened
    expect(await store.revisionAt(now)).toBeUndefined()
    const first = await put(store, create(pod('a')))
    now += 30_000
    await put(store, create(pod('b')))
    now += 40_000
    const third = await put(store, create(pod('c')))
    expect(await store.revisionAt(1_000_000)).toBe(first)
    expect(await store.revisionAt(1_069_999)).toBe(first)
    expect(await store.revisionAt(now)).toBe(third)
    expect(await store.revisionAt(999_999)).toBeUndefined()
  })
}

function sizes(open: Opening): void {
  test('a value is at most 1.5 MiB, counted in bytes', async () => {
    await using opened = await open()
    const { store } = opened
    const frame = valueOf('big', { text: '' }).length
    const most = valueOf('big', { text: 'é'.repeat((MAX_VALUE_BYTES - frame) / 2) })
    expect(new TextEncoder().encode(most).length).toBeGreaterThan(MAX_VALUE_BYTES - 2)
    await put(store, create(pod('big'), most))
    expect((await store.get(pod('big')))?.value).toBe(most)
    // Quotes and backslashes: what grows most on its way through JSON.
    const growing = valueOf('grows', { text: '"\\n'.repeat(300_000) })
    await put(store, create(pod('grows'), growing))
    expect((await store.get(pod('grows')))?.value).toBe(growing)
    const over = store.write({ effects: [create(pod('over'), `${most}  `)] })
    await expect(over).rejects.toThrow(StoreError)
    await expect(over).rejects.toMatchObject({ code: 'too-large' })
    expect(await store.get(pod('over'))).toBeUndefined()
  })

  test(
    'forty objects of 1.4 MiB are created at once, listed, watched, paged and lost',
    { timeout: 120_000 },
    async () => {
      await using opened = await open()
      const { store } = opened
      const filler = 'a certificate, "quoted" once in a while among the rest. '.repeat(25_500)
      const all = Array.from({ length: 40 }, (_, n) => pod(`big${n + 10}`))
      await Promise.all(all.map((at, n) => put(store, create(at, valueOf(`big${n}`, { filler })))))
      const seen: string[] = []
      let page = await pageOf(store, { limit: 500 })
      for (;;) {
        seen.push(...names(page.items))
        if (!page.more) break
        const last = page.items.at(-1)
        page = await pageOf(store, {
          limit: 500,
          at: page.revision,
          after: { namespace: 'default', name: last?.key.name ?? '' },
        })
      }
      expect(seen).toEqual(names(all.map((at) => ({ key: at }))))
      const watched = new Set<string>()
      for (let since = 1, more = true; more;) {
        const answer = await store.after({ since, limit: 500, previous: true })
        if (!answer.ok) throw new Error('expired')
        for (const change of answer.changes) watched.add(change.key.name)
        since = answer.upTo
        more = answer.more
      }
      expect(watched.size).toBe(40)
      expect((await store.getMany(all)).every((item) => (item?.value.length ?? 0) > 1_400_000)).toBe(true)
      const lost = await Promise.all(all.slice(0, 12).map((at) => store.write({ effects: [create(at)] })))
      for (const outcome of lost)
        expect(outcome.ok ? 0 : (outcome.lost[0]?.current?.value.length ?? 0)).toBeGreaterThan(1_400_000)
    },
  )
}
