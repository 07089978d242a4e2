/** A door to the API for tests: `app.fetch` on a cluster, as the administrator, with namespace `default`. */
import { onTestFinished } from 'vitest'
import { createApp } from '../../api/app.ts'
import type { Cluster } from '../../api/platform/port.ts'
import { adminTokenOf, type ClusterParts, memoryCluster } from '../build/cluster.ts'
import { openOnFile } from '../suites/store-build-file.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // Tests look into answers of every shape.
  // oxlint-disable-next-line typescript/no-explicit-any -- a test reads what it expects
  readonly body: any
}

export interface Door {
  readonly cluster: Cluster
  send(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>
  raw(method: string, path: string, init?: RequestInit): Promise<Response>
  /** Opens a watch and reads its events one by one. */
  watch(path: string, headers?: Readonly<Record<string, string>>): Promise<Events>
}

export interface WatchedEvent {
  readonly type: string
  // oxlint-disable-next-line typescript/no-explicit-any -- a test reads what it expects
  readonly object: any
}

export interface Events {
  readonly response: Response
  /** The next event; undefined when the watch is over. */
  next(): Promise<WatchedEvent | undefined>
  stop(): Promise<void>
}

export type DoorParts = ClusterParts & { readonly cluster?: Cluster }

/** The same on the embedded file, which is closed and removed when the test is over. */
async function openFileDoor(parts: DoorParts = {}): Promise<Door> {
  if (parts.cluster !== undefined) return openDoor(parts)
  const { store: wrap, ...rest } = parts
  const cluster = await memoryCluster(rest)
  const { bell, clock } = cluster
  const opened = await openOnFile({ now: () => clock.now(), onCommit: (touched) => bell.ring(touched) })
  onTestFinished(() => opened[Symbol.asyncDispose]())
  return openDoor({ cluster: { ...cluster, store: wrap?.(opened.store) ?? opened.store } })
}

/** Every store the API is tested on. */
export const doors: readonly (readonly [name: string, open: typeof openDoor])[] = [
  ['in memory', openDoor],
  ['on a file', openFileDoor],
]

export async function openDoor(parts: DoorParts = {}): Promise<Door> {
  const cluster = parts.cluster ?? (await memoryCluster(parts))
  const app = createApp({ platform: { open: (name) => Promise.resolve(name === cluster.name ? cluster : undefined) } })
  const raw = async (method: string, path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers)
    if (!headers.has('authorization')) headers.set('authorization', `Bearer ${adminTokenOf(cluster.name)}`)
    return app.fetch(new Request(`https://kedge.test${path}`, { ...init, method, headers }))
  }
  const door: Door = {
    cluster,
    raw,
    async send(method, path, body, headers = {}) {
      const given =
        body === undefined
          ? {}
          : { body: typeof body === 'string' || body instanceof Uint8Array ? (body as BodyInit) : JSON.stringify(body) }
      const type = body === undefined ? {} : { 'content-type': 'application/json' }
      const response = await raw(method, path, { ...given, headers: { ...type, ...headers } })
      const text = await response.text()
      let parsed: unknown
      try {
        parsed = JSON.parse(text)
      } catch {
        parsed = undefined
      }
      return { status: response.status, headers: response.headers, text, body: parsed }
    },
    async watch(path, headers = {}) {
      const response = await raw('GET', path, { headers })
      return eventsOf(response)
    },
  }
  const made = await door.send('POST', '/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'default' },
  })
  if (made.status !== 201 && made.status !== 409) throw new Error(`the namespace was not made: ${made.text}`)
  return door
}

function eventsOf(response: Response): Events {
  const reader = response.body?.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  return {
    response,
    async next() {
      for (;;) {
        const line = rest.indexOf('\n')
        if (line !== -1) {
          const text = rest.slice(0, line)
          rest = rest.slice(line + 1)
          return JSON.parse(text) as WatchedEvent
        }
        const read = await reader?.read()
        if (read === undefined || read.done) return undefined
        rest += decoder.decode(read.value, { stream: true })
      }
    },
    async stop() {
      await reader?.cancel()
    },
  }
}

export function configMap(
  name: string,
  data: Readonly<Record<string, string>> = {},
  labels?: Readonly<Record<string, string>>,
): unknown {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...(labels === undefined ? {} : { labels }) }, data }
}

export const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps'
