/**
 * OpenAPI: the v3 index with a hash for each group version, its documents, and one v2 document. Only hashes are
 * kept; a document is made when it is asked for, because clients keep them on disk under their hash.
 */
import { openApiV3, type OpenApiResource } from '../../schema/k8s/openapi.ts'
import { notAcceptable } from '../../schema/k8s/status.ts'
import { apiVersionOf, kinds } from '../kinds/all.ts'
import { mediaOf } from './accept.ts'
import { digest } from './discovery.ts'
import { resourcesOf } from './resources.ts'
import { jsonText } from './respond.ts'

/** undefined: not a path of OpenAPI */
export async function openapi(
  path: string,
  query: URLSearchParams,
  headers: Headers,
  pretty: boolean,
): Promise<Response | undefined> {
  if (path === '/openapi/v2') return v2(headers, pretty)
  if (path === '/openapi/v3' || path === '/openapi/v3/') return index(pretty)
  if (!path.startsWith('/openapi/v3/')) return undefined
  const name = path.slice('/openapi/v3/'.length)
  const hash = (await hashes()).get(name)
  const groupVersion = versions().get(name)
  if (hash === undefined || groupVersion === undefined) return undefined
  const asked = query.get('hash')
  if (asked !== null && asked !== hash) {
    return new Response(null, { status: 301, headers: { location: `${path}?hash=${hash}` } })
  }
  const year = 31_536_000
  const kept = asked === null ? {} : { 'cache-control': `public, immutable, max-age=${year}` }
  const extra = { ...kept, etag: `"${hash}"`, vary: 'Accept' }
  if (headers.get('if-none-match') === `"${hash}"`) return new Response(null, { status: 304, headers: extra })
  return jsonText(document(groupVersion), pretty, { headers: extra })
}

/** `api/v1` to `v1`, `apis/apps/v1` to `apps/v1`. */
function versions(): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  for (const kind of kinds) {
    const groupVersion = apiVersionOf(kind)
    names.set(kind.group === '' ? `api/${groupVersion}` : `apis/${groupVersion}`, groupVersion)
  }
  return names
}

let known: Promise<ReadonlyMap<string, string>> | undefined

function hashes(): Promise<ReadonlyMap<string, string>> {
  known ??= hashAll()
  return known
}

async function hashAll(): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  for (const [name, groupVersion] of versions()) found.set(name, await digest(document(groupVersion)))
  return found
}

function document(groupVersion: string): string {
  return JSON.stringify(openApiV3(groupVersion, described()))
}

/** Kinds with the subresources that are neither status nor scale, which the schema adds itself. */
function described(): readonly OpenApiResource[] {
  return kinds.map((kind) => ({
    ...kind,
    subresources: resourcesOf(kind)
      .filter(({ name }) => name.includes('/') && !name.endsWith('/status') && !name.endsWith('/scale'))
      .map(({ name, responseKind, verbs }) => ({ name: name.slice(kind.plural.length + 1), ...responseKind, verbs })),
  }))
}

async function index(pretty: boolean): Promise<Response> {
  const paths = Object.fromEntries(
    [...(await hashes())].map(([name, hash]) => [name, { serverRelativeURL: `/openapi/v3/${name}?hash=${hash}` }]),
  )
  return jsonText(JSON.stringify({ paths }), pretty)
}

/** Definitions of all kinds, without paths; enough for tools that look types up. Served as JSON only. */
function v2(headers: Headers, pretty: boolean): Response {
  const accept = headers.get('accept')
  const json =
    accept === null ||
    mediaOf(accept).some(({ type }) => type === 'application/json' || type === '*/*' || type === 'application/*')
  if (!json) throw notAcceptable(['application/json'])
  const schemas: Record<string, unknown> = {}
  for (const groupVersion of new Set(versions().values())) {
    const { components } = openApiV3(groupVersion, described()) as { readonly components: { readonly schemas: object } }
    Object.assign(schemas, components.schemas)
  }
  const definitions = JSON.stringify(schemas).replaceAll('#/components/schemas/', '#/definitions/')
  const text = `{"swagger":"2.0","info":{"title":"Kubernetes","version":"v1.35.0"},"paths":{},"definitions":${definitions}}`
  return jsonText(text, pretty)
}
