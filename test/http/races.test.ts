import { describe, expect, test } from 'vitest'
import { CONFIG_MAPS, configMap, type Door, doors, type WatchedEvent } from './door.ts'
import { drawing } from './requests.ts'

const MERGE = { 'content-type': 'application/merge-patch+json' }

describe.each(doors)('%s', (_, openDoor) => {
  test('nothing survives in a namespace that is emptied and finalised while others create in it', async () => {
    const door = await openDoor()
    const namespace = '/api/v1/namespaces/ns'
    for (let round = 0; round < 5; round++) {
      await door.send('POST', '/api/v1/namespaces', { metadata: { name: 'ns' } })
      const creates = Array.from({ length: 40 }, (_unused, at) =>
        door.send('POST', `${namespace}/configmaps`, configMap(`cm-${at}`)),
      )
      await Promise.all(creates.slice(0, round * 8))
      const marked = await door.send('DELETE', namespace)
      await door.send('DELETE', `${namespace}/configmaps`)
      const finalized = await door.send('PUT', `${namespace}/finalize`, { ...marked.body, spec: {} })
      expect(finalized.status).toBe(200)
      const answers = await Promise.all(creates)
      expect(answers.filter(({ status }) => ![201, 403, 404].includes(status))).toEqual([])
      const left = await door.cluster.store.list({ resource: 'configmaps', namespace: 'ns', limit: 100 })
      expect('items' in left && left.items.map(({ key }) => key.name)).toEqual([])
    }
  })

  test('no two Services have one address, and of those who ask for the same one a single one gets it', async () => {
    const door = await openDoor()
    const services = '/api/v1/namespaces/default/services'
    const service = (name: string, spec: object = {}): unknown => ({
      metadata: { name },
      spec: { type: 'NodePort', ports: [{ port: 80 }], ...spec },
    })
    const made = await Promise.all(
      Array.from({ length: 60 }, (_unused, at) => door.send('POST', services, service(`s-${at}`))),
    )
    expect(made.every(({ status }) => status === 201)).toBe(true)
    expect(new Set(made.map(({ body }) => body.spec.clusterIP)).size).toBe(60)
    expect(new Set(made.map(({ body }) => body.spec.ports[0].nodePort)).size).toBe(60)
    const asked = await Promise.all(
      Array.from({ length: 10 }, (_unused, at) =>
        door.send('POST', services, service(`same-${at}`, { clusterIP: '10.96.7.7' })),
      ),
    )
    expect(asked.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(asked.filter(({ status }) => status === 422)).toHaveLength(9)
    await door.send('DELETE', services)
    for (const resource of ['~clusterip', '~nodeport']) {
      const left = await door.cluster.store.list({ resource, limit: 100 })
      expect('items' in left && left.items).toEqual([])
    }
  })

  test('every watcher, from wherever it began, sees each change once and in order', async () => {
    const door = await openDoor()
    const draw = drawing(7)
    const seen: { readonly since: number; readonly selector: boolean; readonly events: WatchedEvent[] }[] = []
    const reading: Promise<void>[] = []
    const begin = async (since: number, selector: boolean): Promise<void> => {
      const events = await door.watch(
        `${CONFIG_MAPS}?watch=true&resourceVersion=${since}${selector ? '&labelSelector=app%3Dx' : ''}`,
      )
      const got: WatchedEvent[] = []
      seen.push({ since, selector, events: got })
      reading.push(
        (async () => {
          for (let event = await events.next(); event !== undefined; event = await events.next()) {
            if (event.object.metadata.name === 'the-end') return events.stop()
            got.push(event)
          }
          return undefined
        })(),
      )
    }
    const writer = async (): Promise<void> => {
      for (let at = 0; at < 40; at++) {
        const name = `cm-${draw(8)}`
        const app = draw(2) === 0 ? 'x' : 'y'
        const kind = draw(3)
        if (kind === 0) await door.send('POST', CONFIG_MAPS, configMap(name, {}, { app }))
        else if (kind === 1)
          await door.send(
            'PATCH',
            `${CONFIG_MAPS}/${name}`,
            { metadata: { labels: { app } }, data: { at: String(at) } },
            MERGE,
          )
        else await door.send('DELETE', `${CONFIG_MAPS}/${name}`)
        if (draw(4) === 0) {
          const { head } = await door.cluster.store.head()
          await begin(Math.max(1, head - draw(30)), draw(2) === 0)
        }
      }
    }
    await Promise.all(Array.from({ length: 6 }, writer))
    await door.send('POST', CONFIG_MAPS, configMap('the-end', {}, { app: 'x' }))
    await Promise.all(reading)
    expect(seen.length).toBeGreaterThan(20)
    for (const { since, selector, events } of seen)
      expect(events.map(brief)).toEqual(await expected(door, since, selector))
  })
})

function brief({ type, object }: WatchedEvent): string {
  return `${type} ${object.metadata.name} ${object.metadata.resourceVersion}`
}

/** What the log says a watcher has to see. */
async function expected(door: Door, since: number, selector: boolean): Promise<readonly string[]> {
  const after = await door.cluster.store.after({ since, resources: ['configmaps'], limit: 10_000, previous: true })
  if (!after.ok) return []
  return after.changes.flatMap(({ op, key, value, previous, revision }) => {
    if (key.name === 'the-end') return []
    const is = op !== 'delete' && (!selector || matches(value))
    const was = op !== 'create' && (!selector || matches(op === 'delete' ? value : (previous ?? '{}')))
    if (!is && !was) return []
    return [`${is ? (was ? 'MODIFIED' : 'ADDED') : 'DELETED'} ${key.name} ${revision}`]
  })
}

function matches(value: string): boolean {
  const { metadata } = JSON.parse(value) as { metadata?: { labels?: { app?: string } } }
  return metadata?.labels?.app === 'x'
}
