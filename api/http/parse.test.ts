import { expect, test } from 'vitest'
import { clusterOf, parseResource, pathOf, queryOf } from './parse.ts'

const parse = (method: string, target: string) =>
  parseResource(method, pathOf(`https://h${target}`), queryOf(`https://h${target}`))

test.each([
  ['GET', '/api/v1/pods', 'list', '', 'pods', undefined, undefined, undefined],
  ['GET', '/api/v1/pods?watch=true', 'watch', '', 'pods', undefined, undefined, undefined],
  ['GET', '/api/v1/pods?watch=false', 'list', '', 'pods', undefined, undefined, undefined],
  ['GET', '/api/v1/watch/namespaces/ns/pods/a', 'watch', '', 'pods', 'ns', 'a', undefined],
  ['GET', '/api/v1/namespaces', 'list', '', 'namespaces', undefined, undefined, undefined],
  ['GET', '/api/v1/namespaces/ns', 'get', '', 'namespaces', undefined, 'ns', undefined],
  ['PUT', '/api/v1/namespaces/ns/finalize', 'update', '', 'namespaces', undefined, 'ns', 'finalize'],
  ['PATCH', '/api/v1/namespaces/ns/status', 'patch', '', 'namespaces', undefined, 'ns', 'status'],
  ['POST', '/api/v1/namespaces/ns/pods', 'create', '', 'pods', 'ns', undefined, undefined],
  ['POST', '/api/v1/namespaces/ns/pods/', 'create', '', 'pods', 'ns', undefined, undefined],
  ['GET', '/api/v1/namespaces/ns/pods/a/log', 'get', '', 'pods', 'ns', 'a', 'log'],
  [
    'DELETE',
    '/apis/apps/v1/namespaces/ns/deployments',
    'deletecollection',
    'apps',
    'deployments',
    'ns',
    undefined,
    undefined,
  ],
  ['DELETE', '/apis/apps/v1/namespaces/ns/deployments/a', 'delete', 'apps', 'deployments', 'ns', 'a', undefined],
  [
    'GET',
    '/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode',
    'get',
    'rbac.authorization.k8s.io',
    'clusterroles',
    undefined,
    'system:node',
    undefined,
  ],
  ['GET', '/api/v1/nodes?fieldSelector=metadata.name%3Dn1', 'list', '', 'nodes', undefined, 'n1', undefined],
])('%s %s is %s', (method, target, verb, group, resource, namespace, name, subresource) => {
  expect(parse(method, target)).toEqual({ verb, group, version: 'v1', resource, namespace, name, subresource })
})

test.each([
  ['/'],
  ['/api'],
  ['/api/v1'],
  ['/apis'],
  ['/apis/apps'],
  ['/apis/apps/v1'],
  ['/version'],
  ['/apix/v1/pods'],
])('%s is no resource', (target) => {
  expect(parse('GET', target)).toBeUndefined()
})

test.each([
  ['GET', '/api/v1/namespaces/ns/pods/a%2fb', 'invalid segment'],
  ['GET', '/api/v1/namespaces/ns/pods/%00', 'invalid segment'],
  ['GET', '/api/v1/namespaces/ns/pods/%25', 'invalid segment'],
  ['GET', '/api/v1/namespaces//pods', 'invalid segment'],
  ['GET', '/api/v1/namespaces/ns/pods/%ff', 'broken percent-encoding'],
  ['GET', '/api/v1/namespaces/ns/pods/a/log/more', 'could not find'],
  ['GET', '/api/v1/namespaces/ns/nodes', 'could not find'],
  ['GET', '/api/v1/pods/a', 'could not find'],
  ['DELETE', '/api/v1/pods', 'does not allow this method'],
  ['TRACE', '/api/v1/pods', 'does not allow this method'],
])('%s %s is refused: %s', (method, target, why) => {
  expect(() => parse(method, target)).toThrow(why)
})

test.each([
  ['/clusters/blue/api/v1', 'blue', '/api/v1'],
  ['/clusters/blue', 'blue', '/'],
  ['/api/v1', 'default', '/api/v1'],
])('%s is a path of one cluster', (path, name, rest) => {
  expect(clusterOf(path)).toEqual({ name, path: rest })
})
