// The OpenAPI 3.0 document of one group version, as kubectl reads it: schemas with their kinds, and an
// operation for every verb. The PATCH operation lists `fieldValidation` and `dryRun`: without them
// kubectl validates on its own side and refuses `--dry-run=server`.
import { kindOf, messageOf } from './facts.ts'
import type { Json } from './openapi-schema.ts'
import { modelOf, schemaRef, schemasOf, SPECIAL_SCHEMAS } from './openapi-schema.ts'

export interface OpenApiSubresource {
  /** `status`, `scale`, `exec` */
  readonly name: string
  /** What travels: e.g. autoscaling, v1, Scale; the parent's own for `status`. */
  readonly group: string
  readonly version: string
  readonly kind: string
  /** `get`, `update`, `patch`, `create`; for exec and its like `get` and `create` */
  readonly verbs: readonly string[]
  /** Message whose fields are the query parameters, the answer being text: `PodLogOptions` for `log`. */
  readonly options?: string
}

/** A resource of the group version. A `Kind` of api/kinds fits; `subresources` adds to status and scale. */
export interface OpenApiResource {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly namespaced: boolean
  readonly verbs: readonly string[]
  readonly hasStatus?: boolean
  readonly scale?: unknown
  readonly subresources?: readonly OpenApiSubresource[]
}

/** The document of a group version (`apps/v1`, `v1`). Resources of other group versions are left out. */
export function openApiV3(groupVersion: string, resources: readonly OpenApiResource[], version = 'v1.35.0'): Json {
  const own = resources.filter((resource) => apiVersionOf(resource) === groupVersion)
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version },
    paths: Object.fromEntries(own.flatMap(pathsOf).toSorted(([a], [b]) => (a < b ? -1 : 1))),
    components: {
      schemas: schemas(own),
      securitySchemes: { BearerToken: { type: 'apiKey', name: 'authorization', in: 'header' } },
    },
    security: [{ BearerToken: [] }],
  }
}

interface Gvk {
  readonly group: string
  readonly version: string
  readonly kind: string
}

function apiVersionOf({ group, version }: { readonly group: string; readonly version: string }): string {
  return group === '' ? version : `${group}/${version}`
}

function messageOfKind(gvk: Gvk): string | undefined {
  return kindOf(apiVersionOf(gvk), gvk.kind)?.message
}

function schemas(resources: readonly OpenApiResource[]): Json {
  const kinds = new Map<string, Gvk[]>()
  const note = ({ group, version, kind }: Gvk): void => {
    const message = messageOfKind({ group, version, kind })
    if (message === undefined) return
    const known = kinds.get(message) ?? []
    if (!known.some((other) => other.group === group && other.version === version))
      kinds.set(message, [...known, { group, kind, version }])
  }
  for (const resource of resources) {
    const { group, version, kind } = resource
    note(resource)
    note({ group, version, kind: `${kind}List` })
    for (const sub of subresourcesOf(resource)) note(sub)
    for (const meta of ['DeleteOptions', 'WatchEvent']) note({ group, version, kind: meta })
    note({ group: '', version: 'v1', kind: 'Status' })
  }
  const all: Record<string, Json> = { ...schemasOf([...kinds.keys()]) }
  for (const [message, gvks] of kinds) {
    const model = modelOf(message)
    all[model] = { ...all[model], 'x-kubernetes-group-version-kind': gvks }
  }
  all[PATCH] = SPECIAL_SCHEMAS[PATCH] ?? {}
  return all
}

const PATCH = 'io.k8s.apimachinery.pkg.apis.meta.v1.Patch'
const CONTENT_TYPES = ['application/json', 'application/vnd.kubernetes.protobuf', 'application/yaml']
const WATCH_TYPES = ['application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch']
const PATCH_TYPES = [
  'application/apply-patch+yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
]

const text = { type: 'string', uniqueItems: true }
const flag = { type: 'boolean', uniqueItems: true }
const number = { type: 'integer', uniqueItems: true }

const QUERY: Readonly<Record<string, Json>> = {
  allowWatchBookmarks: flag,
  continue: text,
  dryRun: text,
  fieldManager: text,
  fieldSelector: text,
  fieldValidation: text,
  force: flag,
  gracePeriodSeconds: number,
  ignoreStoreReadErrorWithClusterBreakingPotential: flag,
  labelSelector: text,
  limit: number,
  orphanDependents: flag,
  pretty: text,
  propagationPolicy: text,
  resourceVersion: text,
  resourceVersionMatch: text,
  sendInitialEvents: flag,
  timeoutSeconds: number,
  watch: flag,
}

const WRITING = ['dryRun', 'fieldManager', 'fieldValidation']
const DELETING = [
  'dryRun',
  'gracePeriodSeconds',
  'ignoreStoreReadErrorWithClusterBreakingPotential',
  'orphanDependents',
  'propagationPolicy',
]
const CHOOSING = [
  'continue',
  'fieldSelector',
  'labelSelector',
  'limit',
  'resourceVersion',
  'resourceVersionMatch',
  'sendInitialEvents',
  'timeoutSeconds',
]
const LISTING = ['allowWatchBookmarks', ...CHOOSING, 'watch']

/** One verb of a path. */
interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** first word of the operation id */
  readonly word: string
  /** x-kubernetes-action */
  readonly action: string
  readonly query: readonly string[]
  readonly body?: 'object' | 'patch' | 'DeleteOptions'
  readonly answer: 'object' | 'list' | 'Status' | 'text'
  readonly codes: readonly number[]
}

const LIST: Operation = {
  method: 'get',
  word: 'list',
  action: 'list',
  query: LISTING,
  answer: 'list',
  codes: [200],
}

const COLLECTION: Readonly<Record<string, Operation>> = {
  list: LIST,
  create: {
    method: 'post',
    word: 'create',
    action: 'post',
    query: WRITING,
    body: 'object',
    answer: 'object',
    codes: [200, 201, 202],
  },
  deletecollection: {
    method: 'delete',
    word: 'deleteCollection',
    action: 'deletecollection',
    query: [...CHOOSING, ...DELETING],
    body: 'DeleteOptions',
    answer: 'Status',
    codes: [200],
  },
}

const ITEM: Readonly<Record<string, Operation>> = {
  get: { method: 'get', word: 'read', action: 'get', query: [], answer: 'object', codes: [200] },
  update: {
    method: 'put',
    word: 'replace',
    action: 'put',
    query: WRITING,
    body: 'object',
    answer: 'object',
    codes: [200, 201],
  },
  patch: {
    method: 'patch',
    word: 'patch',
    action: 'patch',
    query: [...WRITING, 'force'],
    body: 'patch',
    answer: 'object',
    codes: [200, 201],
  },
  delete: {
    method: 'delete',
    word: 'delete',
    action: 'delete',
    query: DELETING,
    body: 'DeleteOptions',
    answer: 'Status',
    codes: [200, 202],
  },
}

const CREATE_SUBRESOURCE: Operation = {
  method: 'post',
  word: 'create',
  action: 'post',
  query: WRITING,
  body: 'object',
  answer: 'object',
  codes: [200, 201, 202],
}
const CONNECT: Readonly<Record<string, Operation>> = {
  get: { method: 'get', word: 'connect', action: 'connect', query: [], answer: 'text', codes: [200] },
  create: { method: 'post', word: 'connect', action: 'connect', query: [], answer: 'text', codes: [200] },
}

function subresourcesOf(resource: OpenApiResource): readonly OpenApiSubresource[] {
  const { group, version, kind } = resource
  const verbs = ['get', 'patch', 'update']
  return [
    ...(resource.hasStatus === true ? [{ name: 'status', group, version, kind, verbs }] : []),
    ...(resource.scale === undefined
      ? []
      : [{ name: 'scale', group: 'autoscaling', version: 'v1', kind: 'Scale', verbs }]),
    ...(resource.subresources ?? []),
  ]
}

/** An operation at its place. */
interface Placed {
  readonly operation: Operation
  readonly gvk: Gvk
  /** last word of the operation id */
  readonly suffix: string
  /** message whose fields are query parameters */
  readonly options?: string
}

function pathsOf(resource: OpenApiResource): readonly (readonly [string, Json])[] {
  const { plural, namespaced, verbs } = resource
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`
  const base = namespaced ? `${root}/namespaces/{namespace}/${plural}` : `${root}/${plural}`
  const paths: (readonly [string, Json])[] = []
  const add = (path: string, placed: readonly Placed[]): void => {
    if (placed.length === 0) return
    const methods = placed.map((one) => [one.operation.method, operationOf(resource, one)])
    paths.push([path, { ...Object.fromEntries(methods), parameters: pathParameters(path) }])
  }
  const chosen = (table: Readonly<Record<string, Operation>>, suffix = ''): readonly Placed[] =>
    Object.entries(table)
      .filter(([verb]) => verbs.includes(verb))
      .map(([, operation]) => ({ operation, gvk: resource, suffix }))
  add(base, chosen(COLLECTION))
  add(`${base}/{name}`, chosen(ITEM))
  if (namespaced) add(`${root}/${plural}`, chosen({ list: LIST }, 'ForAllNamespaces'))
  for (const sub of subresourcesOf(resource)) add(`${base}/{name}/${sub.name}`, subresourceOperations(sub))
  return paths
}

function subresourceOperations(sub: OpenApiSubresource): readonly Placed[] {
  const connects = sub.kind.endsWith('Options')
  const options = sub.options ?? (connects ? messageOfKind(sub) : undefined)
  return Object.entries(connects ? CONNECT : { ...ITEM, create: CREATE_SUBRESOURCE })
    .filter(([verb]) => sub.verbs.includes(verb))
    .map(([, operation]) => ({
      operation: options === undefined ? operation : { ...operation, answer: 'text' },
      gvk: sub,
      suffix: capital(sub.name),
      ...(options === undefined ? {} : { options }),
    }))
}

function operationOf(resource: OpenApiResource, { operation, gvk, suffix, options }: Placed): Json {
  const { group, version, kind } = gvk
  const tag = `${resource.group === '' ? 'core' : groupName(resource.group)}_${resource.version}`
  const group0 = tag.split('_').map(capital).join('')
  const scope = resource.namespaced && suffix !== 'ForAllNamespaces' ? 'Namespaced' : ''
  const middle =
    operation.word === 'deleteCollection' ? 'Collection' : operation.word === 'connect' ? capital(operation.method) : ''
  const word = operation.word === 'deleteCollection' ? 'delete' : operation.word
  const id = `${word}${group0}${middle}${scope}${resource.kind}${suffix}`
  const message = messageOfKind(gvk)
  return {
    tags: [tag],
    operationId: id,
    parameters: queryParameters(operation, options),
    ...(operation.body === undefined ? {} : { requestBody: bodyOf(operation.body, message) }),
    responses: {
      ...Object.fromEntries(operation.codes.map((code) => [String(code), responseOf(operation, gvk, message, code)])),
      '401': { description: 'Unauthorized' },
    },
    'x-kubernetes-action': operation.action,
    'x-kubernetes-group-version-kind': { group, version, kind },
  }
}

/** The verb's own parameters, or the fields of the options message. */
function queryParameters(operation: Operation, options: string | undefined): readonly Json[] {
  const named = [...operation.query, ...(operation.action === 'connect' ? [] : ['pretty'])]
  const own = named.map((name) => ({ name, in: 'query', schema: QUERY[name] }))
  if (options === undefined) return own
  const fields = messageOf(options).fields.filter((field) => field.json !== 'kind' && field.json !== 'apiVersion')
  return [...fields.map((field) => ({ name: field.json, in: 'query', schema: querySchema(field.shape.of) })), ...own]
}

function querySchema(of: string): Json {
  if (of === 'bool') return flag
  return of === 'int32' || of === 'int64' ? number : text
}

function bodyOf(body: 'object' | 'patch' | 'DeleteOptions', message: string | undefined): Json {
  if (body === 'patch') return { required: true, content: content(PATCH_TYPES, PATCH) }
  if (body === 'DeleteOptions') return { content: content(['*/*'], modelOf('DeleteOptions')) }
  return { required: true, content: content(['*/*'], message === undefined ? PATCH : modelOf(message)) }
}

const TITLES: Readonly<Record<number, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted' }

function responseOf(operation: Operation, gvk: Gvk, message: string | undefined, code: number): Json {
  const description = TITLES[code] ?? ''
  if (operation.answer === 'text') return { description, content: { '*/*': { schema: { type: 'string' } } } }
  const list = operation.answer === 'list' ? messageOfKind({ ...gvk, kind: `${gvk.kind}List` }) : undefined
  const answered = operation.answer === 'Status' ? 'Status' : (list ?? message)
  const types = operation.answer === 'list' ? [...CONTENT_TYPES, ...WATCH_TYPES] : CONTENT_TYPES
  return { description, ...(answered === undefined ? {} : { content: content(types, modelOf(answered)) }) }
}

function content(types: readonly string[], model: string): Json {
  return Object.fromEntries(types.map((type) => [type, { schema: schemaRef(model) }]))
}

function pathParameters(path: string): readonly Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string', uniqueItems: true },
  }))
}

/** `rbac.authorization.k8s.io` becomes `rbacAuthorization`. */
function groupName(group: string): string {
  const [first = '', ...rest] = group.replace(/\.k8s\.io$/, '').split('.')
  return first + rest.map(capital).join('')
}

function capital(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1)
}
