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

/**
 * Definitions of all kinds, without paths; enough for tools that look types up. As protobuf, the only form kubectl asks
 * for (`com.github.proto-openapi.spec.v2`), it is a document without definitions: kubectl then finds that a kind is not
 * served and says so.
 */
function v2(headers: Headers, pretty: boolean): Response {
  const accept = headers.get('accept')
  const offers = accept === null ? [{ type: '*/*' }] : mediaOf(accept)
  for (const { type } of offers) {
    if (type === 'application/json' || type === '*/*' || type === 'application/*') return v2Json(pretty)
    if (type === PROTOBUF_V2 || type === ASKED_V2) {
      return new Response(emptyDocument(), { headers: { 'content-type': PROTOBUF_V2 } })
    }
  }
  throw notAcceptable(['application/json', PROTOBUF_V2])
}

const PROTOBUF_V2 = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'
/** What clients ask for; no media type may hold an `@`, so the answer has another name, as upstream. */
const ASKED_V2 = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf'
const TITLE = 'Kubernetes'
const VERSION = 'v1.35.0'

function v2Json(pretty: boolean): Response {
  const schemas: Record<string, unknown> = {}
  for (const groupVersion of new Set(versions().values())) {
    const { components } = openApiV3(groupVersion, described()) as { readonly components: { readonly schemas: object } }
    Object.assign(schemas, components.schemas)
  }
  const definitions = JSON.stringify(schemas).replaceAll('#/components/schemas/', '#/definitions/')
  const info = JSON.stringify({ title: TITLE, version: VERSION })
  return jsonText(`{"swagger":"2.0","info":${info},"paths":{},"definitions":${definitions}}`, pretty)
}

/** gnostic's OpenAPIv2 Document: 1 swagger, 2 info (1 title, 2 version), 8 paths, 9 definitions. */
function emptyDocument(): Uint8Array<ArrayBuffer> {
  const text = (field: number, value: string): number[] => [
    field * 8 + 2,
    value.length,
    ...new TextEncoder().encode(value),
  ]
  const info = [...text(1, TITLE), ...text(2, VERSION)]
  return Uint8Array.from([...text(1, '2.0'), 2 * 8 + 2, info.length, ...info, 8 * 8 + 2, 0, 9 * 8 + 2, 0])
}
