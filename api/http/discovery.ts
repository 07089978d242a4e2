/**
 * Discovery: what there is, for kubectl and every client that maps kinds to paths. The documents follow from
 * `kinds` alone, so they are made once per process; aggregated ones have an ETag clients revalidate with.
 */
import { notAcceptable } from '../../schema/k8s/status.ts'
import { apiVersionOf, kinds } from '../kinds/all.ts'
import { type Media, mediaOf } from './accept.ts'
import { jsonText } from './respond.ts'
import { type Resource, resourcesOf, reviewKinds } from './resources.ts'

interface Version {
  readonly group: string
  readonly version: string
  readonly resources: readonly Resource[]
}

/** Groups in the order of their first kind, the core group first. */
function versions(): readonly Version[] {
  const found = new Map<string, { group: string; version: string; resources: Resource[] }>()
  const add = (group: string, version: string, resources: readonly Resource[]): void => {
    const key = `${group}/${version}`
    const entry = found.get(key) ?? { group, version, resources: [] }
    entry.resources.push(...resources)
    found.set(key, entry)
  }
  for (const kind of kinds) add(kind.group, kind.version, resourcesOf(kind))
  for (const review of reviewKinds) add(review.group, review.version, [review])
  return [...found.values()]
}

interface Documents {
  readonly legacy: ReadonlyMap<string, string>
  readonly aggregated: ReadonlyMap<string, { readonly body: string; readonly etag: string }>
}

let documents: Promise<Documents> | undefined

/** Answers `/api`, `/apis` and the lists below; undefined when the path is not one of them. */
export async function discovery(path: string, headers: Headers, pretty: boolean): Promise<Response | undefined> {
  documents ??= build()
  const { legacy, aggregated } = await documents
  const at = path.endsWith('/') && path.length > 1 ? path.slice(0, -1) : path
  const text = legacy.get(at)
  if (text === undefined) return undefined
  if (at !== '/api' && at !== '/apis') return jsonText(text, pretty)
  const wanted = aggregatedVersion(headers.get('accept'))
  const vary = { vary: 'Accept' }
  if (wanted === 'legacy') return jsonText(text, pretty, { headers: vary })
  const found = aggregated.get(`${at} ${wanted}`)
  if (found === undefined) return undefined
  const type = `application/json;g=apidiscovery.k8s.io;v=${wanted};as=APIGroupDiscoveryList`
  const extra = { ...vary, etag: found.etag, 'content-type': type, 'cache-control': 'public' }
  if (headers.get('if-none-match') === found.etag) return new Response(null, { status: 304, headers: extra })
  return jsonText(found.body, pretty, { headers: extra })
}

/** The first form in the Accept header that is served. */
function aggregatedVersion(accept: string | null): 'v2' | 'v2beta1' | 'legacy' {
  if (accept === null || accept === '') return 'legacy'
  for (const media of mediaOf(accept)) {
    if (!isJson(media)) continue
    const { as, g, v } = media.parameters
    if (as === undefined) return 'legacy'
    if (g === 'apidiscovery.k8s.io' && as === 'APIGroupDiscoveryList' && (v === 'v2' || v === 'v2beta1')) return v
  }
  throw notAcceptable(['application/json'])
}

function isJson({ type }: Media): boolean {
  return (
    type === 'application/json' ||
    type === '*/*' ||
    type === 'application/*' ||
    type === 'application/vnd.kubernetes.protobuf'
  )
}

async function build(): Promise<Documents> {
  const all = versions()
  const legacy = new Map<string, string>()
  const groups = [...new Set(all.filter(({ group }) => group !== '').map(({ group }) => group))].map((name) =>
    groupOf(name, all),
  )
  legacy.set(
    '/api',
    JSON.stringify({
      kind: 'APIVersions',
      versions: ['v1'],
      serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: '' }],
    }),
  )
  legacy.set('/apis', JSON.stringify({ kind: 'APIGroupList', apiVersion: 'v1', groups }))
  for (const group of groups) {
    legacy.set(`/apis/${group.name}`, JSON.stringify({ kind: 'APIGroup', apiVersion: 'v1', ...group }))
  }
  for (const { group, version, resources } of all) {
    const groupVersion = apiVersionOf({ group, version })
    const body = {
      kind: 'APIResourceList',
      apiVersion: 'v1',
      groupVersion,
      resources: resources.map((one) => legacyResource(one, group, version)),
    }
    legacy.set(group === '' ? `/api/${version}` : `/apis/${group}/${version}`, JSON.stringify(body))
  }
  const aggregated = new Map<string, { body: string; etag: string }>()
  for (const format of ['v2', 'v2beta1']) {
    for (const path of ['/api', '/apis']) {
      const items = [
        ...new Set(all.filter(({ group }) => (group === '') === (path === '/api')).map(({ group }) => group)),
      ].map((name) => ({
        metadata: { name, creationTimestamp: null },
        versions: all
          .filter(({ group }) => group === name)
          .map(({ version, resources }) => ({
            version,
            resources: aggregatedResources(resources),
            freshness: 'Current',
          })),
      }))
      const body = JSON.stringify({
        kind: 'APIGroupDiscoveryList',
        apiVersion: `apidiscovery.k8s.io/${format}`,
        metadata: {},
        items,
      })
      aggregated.set(`${path} ${format}`, { body, etag: `"${await digest(body)}"` })
    }
  }
  return { legacy, aggregated }
}

function groupOf(
  name: string,
  all: readonly Version[],
): { readonly name: string; readonly versions: unknown; readonly preferredVersion: unknown } {
  const list = all
    .filter(({ group }) => group === name)
    .map(({ version }) => ({ groupVersion: `${name}/${version}`, version }))
  return { name, versions: list, preferredVersion: list[0] }
}

function legacyResource(resource: Resource, group: string, version: string): unknown {
  const { responseKind: kind } = resource
  return {
    name: resource.name,
    singularName: resource.name.includes('/') ? '' : resource.singular,
    namespaced: resource.namespaced,
    ...(kind.group === group && kind.version === version ? {} : { group: kind.group, version: kind.version }),
    kind: kind.kind,
    verbs: resource.verbs,
    ...(resource.shortNames.length === 0 ? {} : { shortNames: resource.shortNames }),
    ...(resource.categories.length === 0 ? {} : { categories: resource.categories }),
  }
}

function aggregatedResources(resources: readonly Resource[]): readonly unknown[] {
  return resources
    .filter(({ name }) => !name.includes('/'))
    .map((resource) => {
      const below = resources.filter(({ name }) => name.startsWith(`${resource.name}/`))
      const subresources = below.map(({ name, responseKind, verbs }) => ({
        subresource: name.slice(resource.name.length + 1),
        responseKind,
        verbs,
      }))
      return {
        resource: resource.name,
        responseKind: resource.responseKind,
        scope: resource.namespaced ? 'Namespaced' : 'Cluster',
        singularResource: resource.singular,
        verbs: resource.verbs,
        ...(resource.shortNames.length === 0 ? {} : { shortNames: resource.shortNames }),
        ...(resource.categories.length === 0 ? {} : { categories: resource.categories }),
        ...(subresources.length === 0 ? {} : { subresources }),
      }
    })
}

export async function digest(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
  return [...bytes]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')
    .toUpperCase()
}
