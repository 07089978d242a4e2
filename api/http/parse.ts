/**
 * From method and path to what is asked: the same grammar as upstream, and nothing of the body. Names that
 * would leave their place (`..`, an encoded slash, NUL, broken percent signs) are refused here once.
 */
import { badRequest, methodNotAllowed, unknownPath } from '../../schema/k8s/status.ts'
import type { ResourceRequest, Verb } from '../access/request.ts'
import { kindByResource } from '../kinds/all.ts'

export type Asked = Omit<ResourceRequest, 'cluster'>

/** Everything behind the host, still encoded; no query. `new URL` would cost more than the whole parse. */
export function pathOf(url: string): string {
  const host = url.indexOf('/', url.indexOf('://') + 3)
  if (host === -1) return '/'
  const query = url.indexOf('?', host)
  const hash = url.indexOf('#', host)
  const end = query === -1 ? (hash === -1 ? url.length : hash) : query
  return url.slice(host, end)
}

const NO_QUERY = new URLSearchParams()

export function queryOf(url: string): URLSearchParams {
  const at = url.indexOf('?')
  return at === -1 ? NO_QUERY : new URLSearchParams(url.slice(at + 1))
}

/** `/clusters/<name>/rest` to its two parts; the cluster at `/` is 'default'. */
export function clusterOf(path: string): { readonly name: string; readonly path: string } {
  if (!path.startsWith('/clusters/')) return { name: 'default', path }
  const end = path.indexOf('/', 10)
  return end === -1
    ? { name: decode(path.slice(10)), path: '/' }
    : { name: decode(path.slice(10, end)), path: path.slice(end) }
}

/** A request below `/api/<version>` or `/apis/<group>/<version>`; undefined when the path is not of that form. */
export function parseResource(method: string, path: string, query: URLSearchParams): Asked | undefined {
  const raw = path.split('/')
  raw.shift()
  if (raw.at(-1) === '') raw.pop()
  const core = raw[0] === 'api'
  if (!core && raw[0] !== 'apis') return undefined
  const parts = raw.map(decode)
  const [group, version] = core ? ['', parts[1]] : [parts[1], parts[2]]
  let rest = parts.slice(core ? 2 : 3)
  if (group === undefined || version === undefined || rest.length === 0) return undefined
  let watching = query.has('watch') && isTrue(query.get('watch') ?? '')
  if (rest[0] === 'watch' && rest.length > 1) {
    // The old form of a watch: the same path with `watch` in front.
    watching = true
    rest = rest.slice(1)
  }

  const [resource = '', namespace, name, ...sub] = placed(rest, group)
  if (sub.length > 1) throw unknownPath()
  const kind = kindByResource(group, version, resource)
  // A kind belongs either into namespaces or beside them; asking in the wrong place finds nothing.
  if (kind !== undefined && !kind.namespaced && namespace !== undefined) throw unknownPath()
  if (kind !== undefined && kind.namespaced && namespace === undefined) {
    if (name !== undefined && !watching) throw unknownPath()
    // All namespaces at once can be read, and nothing else.
    if (method !== 'GET' && method !== 'HEAD') throw methodNotAllowed()
  }
  const verb = verbOf(method, name !== undefined && !(watching && sub.length === 0), watching && method === 'GET')
  const single = name ?? singleName(verb, query)
  return { verb, group, version, resource, namespace, name: single, subresource: sub[0] }
}

/** [resource, namespace, name, subresource...] */
function placed(parts: readonly string[], group: string): readonly (string | undefined)[] {
  if (parts[0] !== 'namespaces') return [parts[0], undefined, parts[1], ...parts.slice(2)]
  const itself =
    group === '' && (parts.length < 3 || (parts.length === 3 && (parts[2] === 'status' || parts[2] === 'finalize')))
  if (itself) return ['namespaces', undefined, parts[1], ...parts.slice(2)]
  if (parts.length < 3) throw unknownPath()
  return [parts[2], parts[1], parts[3], ...parts.slice(4)]
}

function verbOf(method: string, named: boolean, watching: boolean): Verb {
  switch (method) {
    case 'GET':
    case 'HEAD':
      return named ? 'get' : watching ? 'watch' : 'list'
    case 'POST':
      return 'create'
    case 'PUT':
      return 'update'
    case 'PATCH':
      return 'patch'
    case 'DELETE':
      return named ? 'delete' : 'deletecollection'
    default:
      throw methodNotAllowed()
  }
}

/** A list of one named object may be allowed by that name; upstream reads it from the field selector. */
function singleName(verb: Verb, query: URLSearchParams): string | undefined {
  if (verb !== 'list' && verb !== 'watch' && verb !== 'deletecollection') return undefined
  const selector = query.get('fieldSelector')
  if (selector === null || !selector.startsWith('metadata.name=')) return undefined
  const value = selector.slice(selector.startsWith('metadata.name==') ? 15 : 14)
  return /^[^,=!\\]+$/.test(value) ? value : undefined
}

/** A segment of the path as text. */
function decode(segment: string): string {
  let text = segment
  if (segment.includes('%')) {
    try {
      text = decodeURIComponent(segment)
    } catch {
      throw badRequest(`the path has a broken percent-encoding: ${JSON.stringify(segment.slice(0, 64))}`)
    }
  }
  if (text === '' || text === '.' || text === '..' || text.includes('/') || text.includes('\0') || text.includes('%')) {
    throw badRequest(`the path has an invalid segment: ${JSON.stringify(text.slice(0, 64))}`)
  }
  if (text.length > 1024) throw badRequest('the path has a segment longer than 1024 characters')
  return text
}

/** Upstream's idea of a true flag in a query: anything but nothing, false and 0. */
export function isTrue(text: string): boolean {
  return text !== 'false' && text !== '0' && text !== 'False' && text !== 'FALSE' && text !== 'f' && text !== 'F'
}
