import { describe, expect, test } from 'vitest'
import { CONFIG_MAPS, configMap, type Door, openDoor } from './door.ts'

const door: Door = await openDoor()
await door.send('POST', CONFIG_MAPS, configMap('here', { a: '1' }))
await door.send('POST', '/api/v1/namespaces', { metadata: { name: 'leaving' } })
const JSON_TYPE = { 'content-type': 'application/json' }

interface Row {
  readonly what: string
  readonly send: readonly [method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>]
  readonly code: number
  readonly reason: string
  readonly message: string | RegExp
}

const rows: readonly Row[] = [
  {
    what: 'truncated JSON',
    send: ['POST', CONFIG_MAPS, '{"kind":"ConfigMap",'],
    code: 400,
    reason: 'BadRequest',
    message:
      /^the object provided is unrecognized \(must be of type ConfigMap\): couldn't get version\/kind; json parse error: .* \(\{"kind":"ConfigMap",\)$/,
  },
  {
    what: 'a JSON list',
    send: ['POST', CONFIG_MAPS, '[]'],
    code: 400,
    reason: 'BadRequest',
    message: /must be of type ConfigMap/,
  },
  { what: 'an empty body', send: ['POST', CONFIG_MAPS, ''], code: 400, reason: 'BadRequest', message: /<empty>/ },
  {
    what: 'malformed YAML',
    send: ['POST', CONFIG_MAPS, 'kind: [a', { 'content-type': 'application/yaml' }],
    code: 400,
    reason: 'BadRequest',
    message: /yaml parse error/,
  },
  {
    what: 'a YAML bomb',
    send: ['POST', CONFIG_MAPS, bomb(), { 'content-type': 'application/yaml' }],
    code: 400,
    reason: 'BadRequest',
    message: /alias/i,
  },
  {
    what: 'broken protobuf',
    send: ['POST', CONFIG_MAPS, new Uint8Array([1, 2, 3]), { 'content-type': 'application/vnd.kubernetes.protobuf' }],
    code: 400,
    reason: 'BadRequest',
    message: /protobuf/,
  },
  {
    what: 'truncated protobuf',
    send: [
      'POST',
      CONFIG_MAPS,
      new Uint8Array([0x6b, 0x38, 0x73, 0, 0x0a, 0x20, 1]),
      { 'content-type': 'application/vnd.kubernetes.protobuf' },
    ],
    code: 400,
    reason: 'BadRequest',
    message: /must be of type ConfigMap/,
  },
  {
    what: 'an unknown content type',
    send: ['POST', CONFIG_MAPS, 'x', { 'content-type': 'text/csv' }],
    code: 415,
    reason: 'UnsupportedMediaType',
    message:
      'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
  },
  {
    what: 'nesting without end',
    send: ['POST', CONFIG_MAPS, `{"data":${'['.repeat(100_000)}`],
    code: 400,
    reason: 'BadRequest',
    message: /nested deeper/,
  },
  {
    what: 'a body over 3 MiB',
    send: ['POST', CONFIG_MAPS, configMap('big', { a: 'x'.repeat(4_000_000) })],
    code: 413,
    reason: 'RequestEntityTooLarge',
    message: 'Request entity too large: limit is 3145728',
  },
  {
    what: 'an object over 1.5 MiB',
    send: ['POST', '/api/v1/namespaces/default/pods', bigPod()],
    code: 413,
    reason: 'RequestEntityTooLarge',
    message: /limit is 1572864/,
  },
  {
    what: 'another kind',
    send: ['POST', CONFIG_MAPS, { apiVersion: 'v1', kind: 'Secret' }],
    code: 400,
    reason: 'BadRequest',
    message:
      'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion',
  },
  {
    what: 'an unknown kind',
    send: ['POST', CONFIG_MAPS, { apiVersion: 'v1', kind: 'Nope' }],
    code: 400,
    reason: 'BadRequest',
    message: /no kind "Nope" is registered for version "v1"/,
  },
  {
    what: 'a wrong type',
    send: ['POST', CONFIG_MAPS, { ...(configMap('t') as object), data: { a: 1 } }],
    code: 400,
    reason: 'BadRequest',
    message: /^ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number/,
  },
  {
    what: 'unknown and repeated fields, strictly',
    send: [
      'POST',
      `${CONFIG_MAPS}?fieldValidation=Strict`,
      '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"s"},"foo":1,"data":{"a":"1","a":"2"}}',
    ],
    code: 400,
    reason: 'BadRequest',
    message:
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "foo", duplicate field "data.a"',
  },
  {
    what: 'an invalid name',
    send: ['POST', CONFIG_MAPS, configMap('Not_Good')],
    code: 422,
    reason: 'Invalid',
    message:
      /^ConfigMap "Not_Good" is invalid: metadata\.name: Invalid value: "Not_Good": a lowercase RFC 1123 subdomain must consist/,
  },
  {
    what: 'no name',
    send: ['POST', CONFIG_MAPS, { metadata: {} }],
    code: 422,
    reason: 'Invalid',
    message: 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
  },
  {
    what: 'an invalid label',
    send: ['POST', CONFIG_MAPS, configMap('l', {}, { 'a b': 'c' })],
    code: 422,
    reason: 'Invalid',
    message: /metadata\.labels: Invalid value: "a b": name part must consist of/,
  },
  {
    what: 'annotations over 256 KiB',
    send: ['POST', CONFIG_MAPS, { metadata: { name: 'a', annotations: { a: 'x'.repeat(300_000) } } }],
    code: 422,
    reason: 'Invalid',
    message: 'ConfigMap "a" is invalid: metadata.annotations: Too long: may not be more than 262144 bytes',
  },
  {
    what: 'a resourceVersion on create',
    send: ['POST', CONFIG_MAPS, { metadata: { name: 'a', resourceVersion: '7' } }],
    code: 400,
    reason: 'BadRequest',
    message: 'resourceVersion should not be set on objects to be created',
  },
  {
    what: 'another namespace in the object',
    send: ['POST', CONFIG_MAPS, { metadata: { name: 'a', namespace: 'b' } }],
    code: 400,
    reason: 'BadRequest',
    message: 'the namespace of the provided object does not match the namespace sent on the request',
  },
  {
    what: 'a name that exists',
    send: ['POST', CONFIG_MAPS, configMap('here')],
    code: 409,
    reason: 'AlreadyExists',
    message: 'configmaps "here" already exists',
  },
  {
    what: 'a namespace that exists',
    send: ['POST', '/api/v1/namespaces', { metadata: { name: 'default' } }],
    code: 409,
    reason: 'AlreadyExists',
    message: 'namespaces "default" already exists',
  },
  {
    what: 'data over 1 MiB',
    send: ['POST', CONFIG_MAPS, { metadata: { name: 'a' }, data: { key: 'x'.repeat(1_048_577) } }],
    code: 422,
    reason: 'Invalid',
    message: 'ConfigMap "a" is invalid: []: Too long: may not be more than 1048576 bytes',
  },
  {
    what: 'a template without a spec',
    send: [
      'POST',
      '/apis/apps/v1/namespaces/default/deployments',
      {
        metadata: { name: 'a' },
        spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } } } },
      },
    ],
    code: 422,
    reason: 'Invalid',
    message: 'Deployment.apps "a" is invalid: spec.template.spec.containers: Required value',
  },
  {
    what: 'a namespace that does not exist',
    send: ['POST', '/api/v1/namespaces/nowhere/configmaps', configMap('a')],
    code: 404,
    reason: 'NotFound',
    message: 'namespaces "nowhere" not found',
  },
  {
    what: 'an unknown resource',
    send: ['GET', '/api/v1/namespaces/default/gizmos'],
    code: 404,
    reason: 'NotFound',
    message: 'the server could not find the requested resource',
  },
  {
    what: 'an unknown group',
    send: ['GET', '/apis/nope.example.com/v1/things'],
    code: 404,
    reason: 'NotFound',
    message: 'the server could not find the requested resource',
  },
  {
    what: 'an unknown path',
    send: ['GET', '/nope'],
    code: 404,
    reason: 'NotFound',
    message: 'the server could not find the requested resource',
  },
  {
    what: 'a namespaced kind at cluster scope',
    send: ['POST', '/api/v1/configmaps', configMap('a')],
    code: 405,
    reason: 'MethodNotAllowed',
    message: 'the server does not allow this method on the requested resource',
  },
  {
    what: 'a cluster-scoped kind in a namespace',
    send: ['GET', '/api/v1/namespaces/default/nodes'],
    code: 404,
    reason: 'NotFound',
    message: 'the server could not find the requested resource',
  },
  {
    what: 'an unknown subresource',
    send: ['GET', `${CONFIG_MAPS}/here/status`],
    code: 404,
    reason: 'NotFound',
    message: 'the server could not find the requested resource',
  },
  {
    what: 'an unknown method',
    send: ['OPTIONS', `${CONFIG_MAPS}/here`],
    code: 405,
    reason: 'MethodNotAllowed',
    message: 'the server does not allow this method on the requested resource',
  },
  {
    what: 'a stale resourceVersion',
    send: ['PUT', `${CONFIG_MAPS}/here`, { metadata: { name: 'here', resourceVersion: '1' } }],
    code: 409,
    reason: 'Conflict',
    message:
      'Operation cannot be fulfilled on configmaps "here": the object has been modified; please apply your changes to the latest version and try again',
  },
  {
    what: 'a resourceVersion that is none',
    send: ['PUT', `${CONFIG_MAPS}/here`, { metadata: { name: 'here', resourceVersion: 'x' } }],
    code: 422,
    reason: 'Invalid',
    message: /metadata\.resourceVersion: Invalid value: "x"/,
  },
  {
    what: 'another uid',
    send: ['PUT', `${CONFIG_MAPS}/here`, { metadata: { name: 'here', uid: 'u' } }],
    code: 409,
    reason: 'Conflict',
    message:
      /^Operation cannot be fulfilled on configmaps "here": Precondition failed: UID in precondition: u, UID in object meta: /,
  },
  {
    what: 'another name than the path',
    send: ['PUT', `${CONFIG_MAPS}/here`, { metadata: { name: 'there' } }],
    code: 400,
    reason: 'BadRequest',
    message: 'the name of the object (there) does not match the name on the URL (here)',
  },
  {
    what: 'an update of nothing',
    send: ['PUT', `${CONFIG_MAPS}/gone`, { metadata: { name: 'gone' } }],
    code: 404,
    reason: 'NotFound',
    message: 'configmaps "gone" not found',
  },
  {
    what: 'an unknown field selector',
    send: ['GET', `${CONFIG_MAPS}?fieldSelector=spec.foo%3Dx`],
    code: 400,
    reason: 'BadRequest',
    message: '"spec.foo" is not a known field selector: only "metadata.name", "metadata.namespace"',
  },
  {
    what: 'a field selector pods do not have',
    send: ['GET', '/api/v1/pods?fieldSelector=spec.foo%3Dx'],
    code: 400,
    reason: 'BadRequest',
    message: 'field label not supported: spec.foo',
  },
  {
    what: 'a bad label selector',
    send: ['GET', `${CONFIG_MAPS}?labelSelector=a%3Db%3Dc`],
    code: 400,
    reason: 'BadRequest',
    message: /found '='/,
  },
  {
    what: 'a limit that is no number',
    send: ['GET', `${CONFIG_MAPS}?limit=many`],
    code: 400,
    reason: 'BadRequest',
    message: /strconv\.ParseInt: parsing "many"/,
  },
  {
    what: 'a match without a revision',
    send: ['GET', `${CONFIG_MAPS}?resourceVersionMatch=Exact`],
    code: 422,
    reason: 'Invalid',
    message:
      'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
  },
  {
    what: 'initial events on a list',
    send: ['GET', `${CONFIG_MAPS}?sendInitialEvents=true`],
    code: 422,
    reason: 'Invalid',
    message: /sendInitialEvents is forbidden for list/,
  },
  {
    what: 'initial events without a match',
    send: ['GET', `${CONFIG_MAPS}?watch=1&sendInitialEvents=true`],
    code: 422,
    reason: 'Invalid',
    message: /sendInitialEvents requires setting resourceVersionMatch to NotOlderThan/,
  },
  {
    what: 'a revision from the future',
    send: ['GET', `${CONFIG_MAPS}?resourceVersion=99999999`],
    code: 504,
    reason: 'Timeout',
    message: /Too large resource version: 99999999, current: /,
  },
  {
    what: 'an exact revision from the future',
    send: ['GET', `${CONFIG_MAPS}?resourceVersion=99999999&resourceVersionMatch=Exact`],
    code: 504,
    reason: 'Timeout',
    message: /Too large resource version/,
  },
  {
    what: 'a continue token of nobody',
    send: ['GET', `${CONFIG_MAPS}?continue=abc`],
    code: 400,
    reason: 'BadRequest',
    message: /continue key is not valid/,
  },
  {
    what: 'a continue token that climbs',
    send: [
      'GET',
      `${CONFIG_MAPS}?limit=1&continue=${btoa('{"v":"meta.k8s.io/v1","rv":1,"start":"../a"}').replaceAll('=', '')}`,
    ],
    code: 400,
    reason: 'BadRequest',
    message: /continue key is not valid/,
  },
  {
    what: 'a continue token from the future',
    send: [
      'GET',
      `${CONFIG_MAPS}?limit=1&continue=${btoa('{"v":"meta.k8s.io/v1","rv":99999999,"start":"default/a"}').replaceAll('=', '')}`,
    ],
    code: 504,
    reason: 'Timeout',
    message: /Too large resource version/,
  },
  {
    what: 'an unknown patch type',
    send: ['PATCH', `${CONFIG_MAPS}/here`, '{}', JSON_TYPE],
    code: 415,
    reason: 'UnsupportedMediaType',
    message: /application\/json-patch\+json, application\/merge-patch\+json, application\/strategic-merge-patch\+json$/,
  },
  {
    what: 'server-side apply',
    send: ['PATCH', `${CONFIG_MAPS}/here?fieldManager=me`, 'a: b', { 'content-type': 'application/apply-patch+yaml' }],
    code: 415,
    reason: 'UnsupportedMediaType',
    message: /accepted media types include/,
  },
  {
    what: 'a patch that is no JSON',
    send: ['PATCH', `${CONFIG_MAPS}/here`, '{', { 'content-type': 'application/merge-patch+json' }],
    code: 400,
    reason: 'BadRequest',
    message: /error decoding patch/,
  },
  {
    what: 'a JSON patch that does not apply',
    send: [
      'PATCH',
      `${CONFIG_MAPS}/here`,
      [{ op: 'remove', path: '/nope' }],
      { 'content-type': 'application/json-patch+json' },
    ],
    code: 422,
    reason: 'Invalid',
    message: 'the server rejected our request due to an error in our request',
  },
  {
    what: 'a patch to a wrong type',
    send: ['PATCH', `${CONFIG_MAPS}/here`, { data: 7 }, { 'content-type': 'application/merge-patch+json' }],
    code: 422,
    reason: 'Invalid',
    message: /cannot unmarshal number/,
  },
  {
    what: 'a patch of a name',
    send: [
      'PATCH',
      `${CONFIG_MAPS}/here`,
      { metadata: { name: 'there' } },
      { 'content-type': 'application/merge-patch+json' },
    ],
    code: 422,
    reason: 'Invalid',
    message: /metadata\.name: Invalid value: "there": field is immutable/,
  },
  {
    what: 'a patch of nothing',
    send: ['PATCH', `${CONFIG_MAPS}/gone`, {}, { 'content-type': 'application/merge-patch+json' }],
    code: 404,
    reason: 'NotFound',
    message: 'configmaps "gone" not found',
  },
  {
    what: 'an unknown dryRun',
    send: ['POST', `${CONFIG_MAPS}?dryRun=Some`, configMap('a')],
    code: 422,
    reason: 'Invalid',
    message: 'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"',
  },
  {
    what: 'an unknown propagation',
    send: ['DELETE', `${CONFIG_MAPS}/here?propagationPolicy=Some`],
    code: 422,
    reason: 'Invalid',
    message: /propagationPolicy: Unsupported value: "Some"/,
  },
  {
    what: 'a delete of another uid',
    send: ['DELETE', `${CONFIG_MAPS}/here`, { preconditions: { uid: 'u' } }],
    code: 409,
    reason: 'Conflict',
    message: /the UID in the precondition \(u\) does not match the UID in record/,
  },
  {
    what: 'a delete of nothing',
    send: ['DELETE', `${CONFIG_MAPS}/gone`],
    code: 404,
    reason: 'NotFound',
    message: 'configmaps "gone" not found',
  },
  {
    what: 'a delete of the default namespace',
    send: ['DELETE', '/api/v1/namespaces/default'],
    code: 403,
    reason: 'Forbidden',
    message: 'namespaces "default" is forbidden: this namespace may not be deleted',
  },
  {
    what: 'a form that is not served',
    send: ['GET', `${CONFIG_MAPS}/here`, undefined, { accept: 'text/html' }],
    code: 406,
    reason: 'NotAcceptable',
    message: 'only the following media types are accepted: application/json',
  },
  {
    what: 'a review as a Table',
    send: [
      'POST',
      '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      { spec: {} },
      { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
    ],
    code: 406,
    reason: 'NotAcceptable',
    message: /only the following media types/,
  },
  {
    what: 'an encoded slash',
    send: ['GET', `${CONFIG_MAPS}/a%2fb`],
    code: 400,
    reason: 'BadRequest',
    message: /invalid segment/,
  },
  { what: 'a NUL', send: ['GET', `${CONFIG_MAPS}/a%00b`], code: 400, reason: 'BadRequest', message: /invalid segment/ },
  {
    what: 'a broken percent',
    send: ['GET', `${CONFIG_MAPS}/a%zz`],
    code: 400,
    reason: 'BadRequest',
    message: /broken percent-encoding/,
  },
  {
    what: 'a service account token',
    send: ['POST', '/api/v1/namespaces/default/serviceaccounts/default/token', { spec: {} }],
    code: 404,
    reason: 'NotFound',
    message: /no service account tokens/,
  },
]

function bomb(): string {
  const levels = ['a: &a [x,x,x,x,x,x,x,x,x,x]']
  for (let level = 1; level < 9; level++) {
    const [name, last] = [String.fromCharCode(97 + level), String.fromCharCode(96 + level)]
    levels.push(`${name}: &${name} [${Array.from({ length: 10 }, () => `*${last}`).join(',')}]`)
  }
  return levels.join('\n')
}

function bigPod(): unknown {
  const env = Array.from({ length: 16 }, (_, at) => ({ name: `E${at}`, value: 'x'.repeat(100_000) }))
  return { metadata: { name: 'big' }, spec: { containers: [{ name: 'a', image: 'b', env }] } }
}

describe('what is wrong is answered with one clear Status', () => {
  test.each(rows)('$what', async (row) => {
    const answer = await door.send(...row.send)
    expect(answer.body).toMatchObject({
      kind: 'Status',
      apiVersion: 'v1',
      status: 'Failure',
      code: row.code,
      reason: row.reason,
    })
    expect(answer.status).toBe(row.code)
    if (typeof row.message === 'string') expect(answer.body.message).toBe(row.message)
    else expect(answer.body.message).toMatch(row.message)
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect(answer.headers.get('audit-id')).toBeTruthy()
  })
})

test('a stranger learns nothing but that they are one', async () => {
  for (const path of ['/', '/api', '/apis/apps/v1', CONFIG_MAPS, '/nope', '/openapi/v3']) {
    const answer = await door.send('GET', path, undefined, { authorization: 'Bearer nobody' })
    expect(answer.status).toBe(401)
    expect(answer.body).toMatchObject({ reason: 'Unauthorized', message: 'Unauthorized' })
  }
  for (const path of ['/healthz', '/livez', '/readyz', '/version']) {
    expect((await door.send('GET', path, undefined, { authorization: '' })).status).toBe(200)
  }
})

test('unknown and repeated fields are warned about and dropped unless the client is strict', async () => {
  const text = '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"warned"},"foo":1,"data":{"a":"1","a":"2"}}'
  const answer = await door.send('POST', CONFIG_MAPS, text)
  expect(answer.status).toBe(201)
  expect(answer.headers.get('warning')).toBe('299 - "unknown field \\"foo\\"", 299 - "duplicate field \\"data.a\\""')
  expect(answer.body).not.toHaveProperty('foo')
  expect(answer.body.data).toEqual({ a: '2' })
})

test('another cluster is another door', async () => {
  expect((await door.send('GET', '/clusters/other/api')).body).toMatchObject({ code: 401, reason: 'Unauthorized' })
  expect((await door.send('GET', `/clusters/default${CONFIG_MAPS}/here`)).status).toBe(200)
})
