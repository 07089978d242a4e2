/** The API inside workerd, on the store in memory: what a client does most, through `app.fetch`. */
import { expect, test } from 'vitest'
import { createApp } from '../../api/app.ts'
import { sha256Hex } from '../../api/access/digest.ts'
import { memoryBell, memoryLiveness, silentLog, webRandom } from '../../api/platform/memory.ts'
import type { Cluster } from '../../api/platform/port.ts'
import { clock } from '../../api/platform/workerd/cluster.ts'
import { openMemoryStore } from '../../api/store/memory.ts'

const TOKEN = 'admin-token'

type Send = (method: string, path: string, body?: unknown, type?: string, token?: string) => Promise<Response>

async function openApi(): Promise<Send> {
  const bell = memoryBell()
  const onCommit = bell.ring.bind(bell)
  const pair = (await crypto.subtle.generateKey({ name: 'Ed25519' }, true, ['sign', 'verify'])) as CryptoKeyPair
  const cluster: Cluster = {
    name: 'default',
    uid: 'uid-1',
    store: openMemoryStore({ clusterUid: 'uid-1', now: () => clock.now(), onCommit }),
    bell,
    clock,
    random: webRandom(),
    live: memoryLiveness(clock.now()),
    log: silentLog,
    defer: (work) => void work,
    streams: {
      take: () => Promise.resolve([]),
      splice: () => Promise.resolve(new Response('no agents here', { status: 503 })),
      read: () => Promise.resolve({ error: 'no agents here' }),
      answer: () => Promise.resolve(new Response('no agents here', { status: 404 })),
    },
    keys: {
      sealing: { current: 'k1', keys: new Map() },
      signing: { id: 's1', privateKey: pair.privateKey, publicKey: pair.publicKey },
      adminTokenHash: await sha256Hex(TOKEN),
      caPem: '',
    },
  }
  const app = createApp({ platform: { open: () => Promise.resolve(cluster) } })
  return async (method, path, body, type = 'application/json', token = TOKEN) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': type }
    const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) }
    return app.fetch(new Request(`https://kedge.test${path}`, init))
  }
}

const OBJECTS: readonly (readonly [string, { readonly kind: string }])[] = [
  ['configmaps', { kind: 'ConfigMap' }],
  ['pods', { kind: 'Pod', spec: { containers: [{ name: 'main', image: 'none' }] } } as { readonly kind: string }],
]

test.for(OBJECTS)('%s: create, get, list, watch, patch, update, delete', async ([resource, object]) => {
  const send = await openApi()
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } }
  expect((await send('POST', '/api/v1/namespaces', namespace)).status).toBe(201)
  const path = `/api/v1/namespaces/default/${resource}`
  const created = await send('POST', path, { apiVersion: 'v1', ...object, metadata: { name: 'one' } })
  expect(created.status).toBe(201)
  const { metadata } = await created.json<{ metadata: { uid: string; resourceVersion: string } }>()
  expect(await (await send('GET', `${path}/one`)).json()).toMatchObject({ metadata: { uid: metadata.uid } })
  const list = await (await send('GET', path)).json<{ items: unknown[]; metadata: { resourceVersion: string } }>()
  expect(list.items).toHaveLength(1)

  const watch = await send('GET', `${path}?watch=1&resourceVersion=${list.metadata.resourceVersion}`)
  expect(watch.headers.get('content-encoding')).toBe('identity')
  const patch = { metadata: { labels: { tier: 'front' } } }
  const patched = await send('PATCH', `${path}/one`, patch, 'application/strategic-merge-patch+json')
  expect(patched.status).toBe(200)
  const now = await patched.json<{ metadata: { labels: Record<string, string> } }>()
  expect(now.metadata.labels).toEqual({ tier: 'front' })
  expect((await send('PUT', `${path}/one`, now)).status).toBe(200)
  expect((await send('DELETE', `${path}/one?gracePeriodSeconds=0`)).status).toBe(200)
  expect((await send('GET', `${path}/one`)).status).toBe(404)
  const stale = { ...now, metadata: { ...now.metadata, resourceVersion: metadata.resourceVersion } }
  expect((await send('PUT', `${path}/one`, stale)).status).not.toBe(200)

  const events: string[] = []
  const reader = watch.body?.pipeThrough(new TextDecoderStream()).getReader()
  for (let rest = ''; events.length < 2;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined }
    if (done) break
    const lines = (rest + value).split('\n')
    rest = lines.pop() ?? ''
    events.push(...lines.map((line) => (JSON.parse(line) as { type: string }).type))
  }
  expect(events).toEqual(['MODIFIED', 'DELETED'])
  await reader?.cancel()
})

test('a stranger is told nothing', async () => {
  const send = await openApi()
  const answer = await send('GET', '/api/v1/namespaces/default/configmaps', undefined, undefined, 'another token')
  expect(answer.status).toBe(401)
  expect(await answer.json()).toMatchObject({ kind: 'Status', reason: 'Unauthorized', message: 'Unauthorized' })
})
