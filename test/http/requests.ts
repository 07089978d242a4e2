/**
 * Random requests over every served kind, verb and content type: about half of them right, the rest wrong in
 * one of many ways. Everything follows from the seed.
 */
import { kindOf } from '../../schema/k8s/facts.ts'
import { encodeObject } from '../../schema/k8s/protobuf.ts'
import { apiVersionOf, kinds } from '../../api/kinds/all.ts'
import type { Kind } from '../../api/kinds/kind.ts'

export interface Sent {
  readonly method: string
  readonly path: string
  readonly body?: string | Uint8Array<ArrayBuffer>
  readonly headers: Readonly<Record<string, string>>
  /** objects an accepted request may change: `resource/namespace/name`, or a prefix ending in `/` */
  readonly touches: readonly string[]
}

export type Draw = (below: number) => number

/** A small generator (mulberry32): the same seed, the same requests. */
export function drawing(seed: number): Draw {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let value = Math.imul(state ^ (state >>> 15), 1 | state)
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) % below
  }
}

const NAMES = ['a', 'b', 'web-1']
// Not `..`: a Request resolves it before any handler sees it; the listener of a platform has to refuse it.
const HOSTILE = ['a%2fb', '%00', '%zz', 'A_B', 'x'.repeat(300), "'; DROP TABLE keys; --", '%25', '*', 'a b']
const NAMESPACES = ['default', 'other', 'nowhere']
const METHODS = [
  'GET',
  'GET',
  'GET',
  'POST',
  'POST',
  'POST',
  'POST',
  'PUT',
  'PUT',
  'PATCH',
  'PATCH',
  'DELETE',
  'HEAD',
  'OPTIONS',
]
const SUBRESOURCES = ['status', 'scale', 'binding', 'eviction', 'finalize', 'log', 'exec', 'token', 'nope']
const QUERIES = [
  'dryRun=All',
  'dryRun=x',
  'fieldValidation=Strict',
  'fieldValidation=x',
  'fieldManager=me',
  'pretty=true',
  'limit=2',
  'limit=-1',
  'limit=x',
  'continue=abc',
  'resourceVersion=1',
  'resourceVersion=x',
  'resourceVersion=999999999',
  'resourceVersionMatch=Exact',
  'labelSelector=app%3Dx',
  'labelSelector=((',
  'fieldSelector=metadata.name%3Da',
  'fieldSelector=nope%3Da',
  'propagationPolicy=Orphan',
  'propagationPolicy=Foreground',
  'propagationPolicy=x',
  'gracePeriodSeconds=0',
  'gracePeriodSeconds=-5',
  'orphanDependents=true',
  'sendInitialEvents=true',
  'force=true',
]
const ACCEPTS = [
  '',
  'application/json',
  'application/json;as=Table;v=v1;g=meta.k8s.io',
  'application/vnd.kubernetes.protobuf,application/json',
  'text/html',
  'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
  ',;=',
  '*/*;q=0',
]
const VALUES = [
  null,
  '',
  'x',
  -1,
  0,
  1.5,
  1e30,
  true,
  [],
  {},
  [null],
  { a: { b: [] } },
  '\u0000',
  'ü😀',
  '2026-01-01T00:00:00Z',
  '100m',
]

export function randomRequest(draw: Draw): Sent {
  const pick = <T>(from: readonly T[]): T => from[draw(from.length)] as T
  const odds = (percent: number): boolean => draw(100) < percent
  // Kinds an example of which is known to be good are drawn more often than those nothing is known of.
  const kind = odds(85) ? pick(kinds.filter(({ resource }) => SURE.has(resource))) : pick(kinds)
  const namespace = odds(90) ? pick(NAMESPACES.slice(0, 2)) : pick(NAMESPACES)
  const name = odds(94) ? pick(NAMES) : pick(HOSTILE)
  const method = pick(METHODS)
  const collection = method === 'POST' ? odds(92) : method === 'GET' ? odds(40) : method === 'DELETE' && odds(20)
  const sub = !collection && odds(12) ? (odds(70) && kind.hasStatus ? 'status' : pick(SUBRESOURCES)) : undefined
  const scoped = odds(97) === kind.namespaced
  const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${odds(98) ? kind.version : 'v9'}`
  const place = scoped ? `${root}/namespaces/${namespace}` : root
  const query = odds(12) ? `?${Array.from({ length: 1 + draw(3) }, () => pick(QUERIES)).join('&')}` : ''
  const path = `${place}/${kind.plural}${collection ? '' : `/${name}`}${sub === undefined ? '' : `/${sub}`}${query}`
  const about = kind.namespaced ? namespace : ''
  const headers: Record<string, string> = odds(8) ? { accept: pick(ACCEPTS) } : {}
  // A namespace takes nothing with it here: its content is a controller's work.
  const touches =
    collection && method !== 'POST' ? [`${kind.resource}/${about}/`] : [`${kind.resource}/${about}/${name}`]
  const base = {
    method,
    path,
    headers,
    touches: sub === 'binding' || sub === 'eviction' ? [`pods/${about}/${name}`] : touches,
  }
  if (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') return base
  if (method === 'DELETE') {
    return odds(80)
      ? base
      : {
          ...base,
          ...encoded({ kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: pick([0, 5, -1]) }, draw, headers),
        }
  }
  if (method === 'PATCH') return { ...base, ...patchOf(kind, draw, headers) }
  const example = exampleOf(kind, name, about)
  if (method === 'POST' && collection && odds(40)) {
    const { name: _, ...metadata } = example['metadata'] as Record<string, unknown>
    example['metadata'] = { ...metadata, generateName: 'made-' }
  }
  const object = mutated(example, draw)
  // A POST names its object itself, under any name the mutation left.
  const made = (object as { metadata?: { name?: unknown } } | null)?.metadata?.name
  const own =
    method === 'POST' && collection
      ? [`${kind.resource}/${about}/${typeof made === 'string' ? made : ''}`]
      : base.touches
  return { ...base, touches: own, ...encoded(object, draw, headers) }
}

const SURE = new Set([
  'configmaps',
  'deployments.apps',
  'endpointslices.discovery.k8s.io',
  'events',
  'leases.coordination.k8s.io',
  'namespaces',
  'nodes',
  'pods',
  'replicasets.apps',
  'secrets',
  'serviceaccounts',
  'services',
])

/** Creates to begin with, so that the first requests meet something. */
export function firstRequests(): readonly { readonly path: string; readonly body: unknown }[] {
  return kinds
    .filter(({ resource }) => SURE.has(resource))
    .flatMap((kind) => {
      const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`
      const spaces = kind.namespaced ? NAMESPACES.slice(0, 2) : ['']
      return spaces.map((namespace) => ({
        path: `${root}${namespace === '' ? '' : `/namespaces/${namespace}`}/${kind.plural}`,
        body: exampleOf(kind, 'a', namespace),
      }))
    })
}

/** A valid object of the kind, small. */
function exampleOf(kind: Kind, name: string, namespace: string): Record<string, unknown> {
  const template = { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'a', image: 'b' }] } }
  const specs: Readonly<Record<string, object>> = {
    pods: { spec: template.spec },
    services: { spec: { ports: [{ port: 80 }] } },
    'deployments.apps': { spec: { replicas: 1, selector: { matchLabels: { app: 'x' } }, template } },
    'replicasets.apps': { spec: { replicas: 1, selector: { matchLabels: { app: 'x' } }, template } },
    events: { involvedObject: { namespace, name: 'x', kind: 'Pod' } },
    'endpointslices.discovery.k8s.io': { addressType: 'IPv4', endpoints: [] },
  }
  return {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: { name, ...(namespace === '' ? {} : { namespace }), labels: { app: 'x' } },
    ...specs[kind.resource],
  }
}

/** Four of five stay as they are; the others are changed in up to three places. */
function mutated(object: Record<string, unknown>, draw: Draw): unknown {
  if (draw(100) < 80) return object
  const copy = JSON.parse(JSON.stringify(object)) as Record<string, unknown>
  if (draw(20) === 0) return VALUES[draw(VALUES.length)]
  for (let change = 0; change <= draw(3); change++) {
    let place: Record<string, unknown> = copy
    for (let depth = 0; depth < 6; depth++) {
      const keys = Object.keys(place)
      const key =
        draw(6) === 0 || keys.length === 0
          ? (['foo', 'spec', 'status', 'data', 'uid', 'resourceVersion', '__proto__'][draw(7)] ?? 'foo')
          : (keys[draw(keys.length)] ?? 'foo')
      const inner = Object.hasOwn(place, key) ? place[key] : undefined
      if (typeof inner === 'object' && inner !== null && draw(3) > 0) place = inner as Record<string, unknown>
      else {
        Object.defineProperty(place, key, {
          value: structuredClone(VALUES[draw(VALUES.length)]),
          enumerable: true,
          configurable: true,
          writable: true,
        })
        break
      }
    }
  }
  return copy
}

function encoded(
  value: unknown,
  draw: Draw,
  headers: Readonly<Record<string, string>>,
): Pick<Sent, 'body' | 'headers'> {
  const text = JSON.stringify(value) ?? ''
  const broken = draw(100) < 5 ? text.slice(0, draw(text.length + 1)) : text
  switch (draw(10)) {
    case 0:
    case 1:
      return (
        protobuf(value, draw, headers) ?? { body: broken, headers: { ...headers, 'content-type': 'application/json' } }
      )
    case 2:
      // JSON is YAML.
      return { body: broken, headers: { ...headers, 'content-type': 'application/yaml' } }
    case 3:
      return {
        body: broken,
        headers: { ...headers, 'content-type': draw(5) === 0 ? 'text/plain' : 'application/json; charset=utf-8' },
      }
    default:
      return { body: broken, headers: { ...headers, 'content-type': 'application/json' } }
  }
}

function protobuf(
  value: unknown,
  draw: Draw,
  headers: Readonly<Record<string, string>>,
): Pick<Sent, 'body' | 'headers'> | undefined {
  const object = value as { apiVersion: string; kind: string } | null
  if (typeof object !== 'object' || object === null || kindOf(object.apiVersion, object.kind) === undefined)
    return undefined
  try {
    const bytes = new Uint8Array(encodeObject(object))
    for (let flip = draw(100) < 20 ? draw(4) : 0; flip > 0; flip--) bytes[draw(bytes.length)] = draw(256)
    return { body: bytes, headers: { ...headers, 'content-type': 'application/vnd.kubernetes.protobuf' } }
  } catch {
    return undefined
  }
}

const PATCHES: Readonly<Record<string, readonly unknown[]>> = {
  'application/merge-patch+json': [
    {},
    { metadata: { labels: { app: 'y' } } },
    { spec: null },
    { metadata: null },
    { metadata: { name: 'z' } },
    { data: { k: 'v' } },
    [],
    null,
    { spec: { replicas: 3 } },
  ],
  'application/strategic-merge-patch+json': [
    { metadata: { annotations: { a: 'b' } } },
    { $patch: 'delete' },
    { spec: { containers: [{ name: 'a', image: 'c' }] } },
    { $setElementOrder: 1 },
    { spec: { $retainKeys: ['x'] } },
    { spec: { ports: [{ port: 80, $patch: 'delete' }] } },
  ],
  'application/json-patch+json': [
    [],
    [{ op: 'add', path: '/metadata/labels/q', value: 'r' }],
    [{ op: 'remove', path: '/nope' }],
    [{ op: 'test', path: '/kind', value: 'x' }],
    {},
    [{ op: 'move', from: '/spec', path: '/metadata/x' }],
    [{ op: 'replace', path: '', value: {} }],
  ],
  'application/apply-patch+yaml': [{}],
  'application/json': [{}],
}

function patchOf(kind: Kind, draw: Draw, headers: Readonly<Record<string, string>>): Pick<Sent, 'body' | 'headers'> {
  const types = Object.keys(PATCHES)
  const type = types[draw(100) < 90 ? draw(3) : draw(types.length)] ?? ''
  const patches = PATCHES[type] ?? []
  const text = JSON.stringify(patches[draw(patches.length)])
  const name = kind.kind === 'ConfigMap' && draw(50) === 0 ? `${text}}` : text
  return { body: name, headers: { ...headers, 'content-type': type } }
}
