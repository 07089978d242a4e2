import { describe, expect, test } from 'vitest'
import type { ManualClock } from '../../api/platform/memory.ts'
import type { Store } from '../../api/store/store.ts'
import { CONFIG_MAPS, configMap, doors } from './door.ts'

const name = (
  event: { readonly object: { readonly metadata: { readonly name: string } } } | undefined,
): string | undefined => event?.object.metadata.name

describe.each(doors)('%s', (_, openDoor) => {
  test('a watch without a revision begins with what there is', async () => {
    const door = await openDoor()
    await door.send('POST', CONFIG_MAPS, configMap('a'))
    await door.send('POST', CONFIG_MAPS, configMap('b'))
    for (const query of ['watch=true', 'watch=1&resourceVersion=0', 'watch&resourceVersion=0']) {
      const events = await door.watch(`${CONFIG_MAPS}?${query}`)
      expect(events.response.headers.get('content-type')).toBe('application/json')
      expect([await events.next(), await events.next()].map((event) => [event?.type, name(event)])).toEqual([
        ['ADDED', 'a'],
        ['ADDED', 'b'],
      ])
      await events.stop()
    }
    const old = await door.watch('/api/v1/watch/namespaces/default/configmaps/b')
    expect(name(await old.next())).toBe('b')
    await old.stop()
  })

  test('a watch since a revision tells what happened after it, in order', async () => {
    const door = await openDoor()
    const since = (await door.send('POST', CONFIG_MAPS, configMap('a'))).body.metadata.resourceVersion
    const b = await door.send('POST', CONFIG_MAPS, configMap('b'))
    const patched = await door.send(
      'PATCH',
      `${CONFIG_MAPS}/a`,
      { data: { x: '1' } },
      { 'content-type': 'application/merge-patch+json' },
    )
    await door.send('DELETE', `${CONFIG_MAPS}/b`)
    const events = await door.watch(`${CONFIG_MAPS}?watch=true&resourceVersion=${since}`)
    expect(await events.next()).toEqual({ type: 'ADDED', object: b.body })
    expect(await events.next()).toEqual({ type: 'MODIFIED', object: patched.body })
    expect(await events.next()).toMatchObject({ type: 'DELETED', object: { metadata: { name: 'b' } } })
    const c = await door.send('POST', CONFIG_MAPS, configMap('c'))
    expect(await events.next()).toEqual({ type: 'ADDED', object: c.body })
    await events.stop()
  })

  test('objects enter and leave a selector', async () => {
    const door = await openDoor()
    const label = (app: string | null) =>
      door.send(
        'PATCH',
        `${CONFIG_MAPS}/a`,
        { metadata: { labels: { app } } },
        { 'content-type': 'application/merge-patch+json' },
      )
    const since = (await door.send('POST', CONFIG_MAPS, configMap('a'))).body.metadata.resourceVersion
    const live = await door.watch(`${CONFIG_MAPS}?watch=true&labelSelector=app%3Dx&resourceVersion=${since}`)
    await label('x')
    await door.send(
      'PATCH',
      `${CONFIG_MAPS}/a`,
      { data: { v: '1' } },
      { 'content-type': 'application/merge-patch+json' },
    )
    const left = await label('y')
    await label('x')
    await door.send('DELETE', `${CONFIG_MAPS}/a`)
    const replay = await door.watch(`${CONFIG_MAPS}?watch=true&labelSelector=app%3Dx&resourceVersion=${since}`)
    for (const events of [live, replay]) {
      expect((await events.next())?.type).toBe('ADDED')
      expect((await events.next())?.type).toBe('MODIFIED')
      const gone = await events.next()
      expect(gone).toMatchObject({
        type: 'DELETED',
        object: { metadata: { labels: { app: 'x' }, resourceVersion: left.body.metadata.resourceVersion } },
      })
      expect((await events.next())?.type).toBe('ADDED')
      expect((await events.next())?.type).toBe('DELETED')
      await events.stop()
    }
  })

  test('a watch of one object hears of no other', async () => {
    const door = await openDoor()
    const events = await door.watch(`${CONFIG_MAPS}?watch=true&fieldSelector=metadata.name%3Db&resourceVersion=1`)
    await door.send('POST', CONFIG_MAPS, configMap('a'))
    await door.send('POST', CONFIG_MAPS, configMap('b'))
    expect(name(await events.next())).toBe('b')
    await events.stop()
  })

  test('the initial events end with an annotated bookmark', async () => {
    const door = await openDoor()
    const made = await door.send('POST', CONFIG_MAPS, configMap('a'))
    const events = await door.watch(
      `${CONFIG_MAPS}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
    )
    expect(await events.next()).toEqual({ type: 'ADDED', object: made.body })
    expect(await events.next()).toEqual({
      type: 'BOOKMARK',
      object: {
        kind: 'ConfigMap',
        apiVersion: 'v1',
        metadata: {
          resourceVersion: made.body.metadata.resourceVersion,
          creationTimestamp: null,
          annotations: { 'k8s.io/initial-events-end': 'true' },
        },
      },
    })
    await door.send('POST', CONFIG_MAPS, configMap('b'))
    expect(name(await events.next())).toBe('b')
    await events.stop()
    const quiet = await door.watch(
      `${CONFIG_MAPS}?watch=true&sendInitialEvents=false&resourceVersionMatch=NotOlderThan`,
    )
    await door.send('POST', CONFIG_MAPS, configMap('c'))
    expect(name(await quiet.next())).toBe('c')
    await quiet.stop()
  })

  test('a revision that is compacted is an event, and the watch is over', async () => {
    const door = await openDoor()
    await door.send('POST', CONFIG_MAPS, configMap('a'))
    const last = await door.send('POST', CONFIG_MAPS, configMap('b'))
    const head = Number(last.body.metadata.resourceVersion)
    await door.cluster.store.compact(head - 1, 100)
    const events = await door.watch(`${CONFIG_MAPS}?watch=true&resourceVersion=1`)
    expect(await events.next()).toMatchObject({
      type: 'ERROR',
      object: {
        kind: 'Status',
        code: 410,
        reason: 'Expired',
        message: `too old resource version: 1 (${head - 1})`,
      },
    })
    expect(await events.next()).toBeUndefined()
  })

  test('bookmarks come once a minute and before the end, at the newest revision', async () => {
    const door = await openDoor()
    const clock = door.cluster.clock as ManualClock
    const events = await door.watch(
      `${CONFIG_MAPS}?watch=true&resourceVersion=1&allowWatchBookmarks=true&timeoutSeconds=100`,
    )
    await settled()
    const other = await door.send('POST', '/api/v1/namespaces/default/secrets', { metadata: { name: 's' } })
    await clock.advance(60_000)
    expect(await events.next()).toMatchObject({
      type: 'BOOKMARK',
      object: { metadata: { resourceVersion: other.body.metadata.resourceVersion } },
    })
    await clock.advance(40_000)
    expect((await events.next())?.type).toBe('BOOKMARK')
    expect(await events.next()).toBeUndefined()
  })

  test('a watch costs no read while other kinds are written, and one read a ring for all watchers', async () => {
    let reads = 0
    const counted = (store: Store): Store => ({
      ...store,
      meta: store.meta,
      after: (query) => (reads++, store.after(query)),
    })
    const door = await openDoor({ store: counted })
    const watches = await Promise.all(
      Array.from({ length: 50 }, () => door.watch(`${CONFIG_MAPS}?watch=true&resourceVersion=1`)),
    )
    await settled()
    reads = 0
    for (let at = 0; at < 20; at++)
      await door.send('POST', '/api/v1/namespaces/default/secrets', { metadata: { name: `s-${at}` } })
    await settled()
    expect(reads).toBe(0)
    await door.send('POST', CONFIG_MAPS, configMap('a'))
    for (const events of watches) expect(name(await events.next())).toBe('a')
    expect(reads).toBe(1)
    await Promise.all(watches.map((events) => events.stop()))
  })

  test('a reader that takes nothing is cut off and costs at most what may wait for it', async () => {
    const door = await openDoor()
    const events = await door.watch(`${CONFIG_MAPS}?watch=true&resourceVersion=1`)
    await settled()
    const value = 'x'.repeat(200_000)
    for (let at = 0; at < 12; at++) await door.send('POST', CONFIG_MAPS, configMap(`cm-${at}`, { value }))
    await settled()
    const seen: (string | undefined)[] = []
    for (let event = await events.next(); event !== undefined; event = await events.next()) seen.push(name(event))
    expect(seen.length).toBeGreaterThan(4)
    expect(seen.length).toBeLessThan(8)
    expect(seen).toEqual(seen.map((_, at) => `cm-${at}`))
  })

  test('a watch ends in time even when nobody reads what there is', async () => {
    const door = await openDoor()
    const clock = door.cluster.clock as ManualClock
    const value = 'x'.repeat(200_000)
    for (let at = 0; at < 12; at++) await door.send('POST', CONFIG_MAPS, configMap(`cm-${at}`, { value }))
    const events = await door.watch(`${CONFIG_MAPS}?watch=true&timeoutSeconds=5`)
    await settled()
    await clock.advance(5_000)
    await settled()
    let seen = 0
    while ((await events.next()) !== undefined) seen++
    expect(seen).toBeLessThan(12)
  })

  test('watchers that leave take their feed with them', async () => {
    const door = await openDoor()
    let listening = 0
    const { bell } = door.cluster
    const counted: typeof bell = {
      ring: (touched) => bell.ring(touched),
      listen(interest, since) {
        listening++
        const listener = bell.listen(interest, since)
        return { next: (signal) => listener.next(signal), close: () => (listening--, listener.close()) }
      },
    }
    const watched = await openDoor({ cluster: { ...door.cluster, bell: counted } })
    const watches = await Promise.all(
      ['', '&labelSelector=a%3Db', '&resourceVersion=1'].map((query) =>
        watched.watch(`${CONFIG_MAPS}?watch=true${query}`),
      ),
    )
    await settled()
    expect(listening).toBe(1)
    for (const events of watches) await events.stop()
    await settled()
    expect(listening).toBe(0)
    const clock = door.cluster.clock as ManualClock
    const brief = await watched.watch(`${CONFIG_MAPS}?watch=true&timeoutSeconds=5`)
    await settled()
    await clock.advance(5_000)
    expect(await brief.next()).toBeUndefined()
    expect(listening).toBe(0)
  })

  test('a Table carries its columns in the first event only', async () => {
    const door = await openDoor()
    const events = await door.watch(`${CONFIG_MAPS}?watch=true&resourceVersion=1`, {
      accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
    })
    await door.send('POST', CONFIG_MAPS, configMap('a'))
    await door.send('POST', CONFIG_MAPS, configMap('b'))
    expect(await events.next()).toMatchObject({
      type: 'ADDED',
      object: { kind: 'Table', columnDefinitions: [{ name: 'Name' }, {}, {}], rows: [{ cells: ['a', 0, '0s'] }] },
    })
    expect(await events.next()).toMatchObject({
      type: 'ADDED',
      object: { kind: 'Table', columnDefinitions: null, rows: [{ cells: ['b', 0, '0s'] }] },
    })
    await events.stop()
  })

  /** Lets everything that is ready run. */
  async function settled(): Promise<void> {
    for (let turn = 0; turn < 5; turn++) await new Promise((done) => setImmediate(done))
  }
})
