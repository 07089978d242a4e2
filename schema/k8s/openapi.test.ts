import { describe, expect, test } from 'vitest'
import { kindsIn, messageNames } from './facts.ts'
import { openApiV3 } from './openapi.ts'
import type { OpenApiResource } from './openapi.ts'
import { messageSchema, schemasOf, SPECIAL_SCHEMAS } from './openapi-schema.ts'

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']
const deployments: OpenApiResource = {
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  namespaced: true,
  verbs,
  hasStatus: true,
  scale: {},
}
const pods: OpenApiResource = {
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  namespaced: true,
  verbs,
  subresources: [
    { name: 'exec', group: '', version: 'v1', kind: 'PodExecOptions', verbs: ['create', 'get'] },
    { name: 'eviction', group: 'policy', version: 'v1', kind: 'Eviction', verbs: ['create'] },
  ],
}
const nodes: OpenApiResource = {
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  namespaced: false,
  verbs: ['get', 'list'],
}

interface Document {
  readonly paths: Record<
    string,
    Record<
      string,
      {
        operationId: string
        parameters: { name: string }[]
        'x-kubernetes-group-version-kind': unknown
        'x-kubernetes-action': string
      }
    >
  >
  readonly components: { readonly schemas: Record<string, Record<string, unknown>> }
}
const documentOf = (groupVersion: string): Document =>
  openApiV3(groupVersion, [deployments, pods, nodes]) as unknown as Document

describe('the document of apps/v1', () => {
  const document = documentOf('apps/v1')

  test('has a path for every place a deployment can be reached', () => {
    expect(Object.keys(document.paths)).toEqual([
      '/apis/apps/v1/deployments',
      '/apis/apps/v1/namespaces/{namespace}/deployments',
      '/apis/apps/v1/namespaces/{namespace}/deployments/{name}',
      '/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale',
      '/apis/apps/v1/namespaces/{namespace}/deployments/{name}/status',
    ])
  })

  test('tells kubectl that the server validates fields and runs dry', () => {
    const patch = document.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}']?.['patch']
    expect(patch?.parameters.map(({ name }) => name)).toEqual([
      'dryRun',
      'fieldManager',
      'fieldValidation',
      'force',
      'pretty',
    ])
    expect(patch?.['x-kubernetes-group-version-kind']).toEqual({ group: 'apps', version: 'v1', kind: 'Deployment' })
    expect(patch?.['x-kubernetes-action']).toBe('patch')
    expect(patch?.operationId).toBe('patchAppsV1NamespacedDeployment')
  })

  test('names the kind of a schema and of a subresource', () => {
    expect(document.components.schemas['io.k8s.api.apps.v1.Deployment']?.['x-kubernetes-group-version-kind']).toEqual([
      { group: 'apps', version: 'v1', kind: 'Deployment' },
    ])
    const scale = document.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale']?.['get']
    expect(scale?.['x-kubernetes-group-version-kind']).toEqual({ group: 'autoscaling', version: 'v1', kind: 'Scale' })
  })
})

test('operation ids are those of upstream', () => {
  const { paths } = documentOf('v1')
  const ids = Object.values(paths).flatMap((path) =>
    Object.values(path).flatMap((operation) => operation.operationId ?? []),
  )
  expect(ids).toEqual(
    expect.arrayContaining([
      'listCoreV1PodForAllNamespaces',
      'createCoreV1NamespacedPod',
      'deleteCoreV1CollectionNamespacedPod',
      'readCoreV1NamespacedPod',
      'readCoreV1Node',
      'connectCoreV1PostNamespacedPodExec',
      'createCoreV1NamespacedPodEviction',
    ]),
  )
})

test('exec takes its options as query parameters', () => {
  const exec = documentOf('v1').paths['/api/v1/namespaces/{namespace}/pods/{name}/exec']?.['post']
  expect(exec?.parameters.map(({ name }) => name)).toEqual(['stdin', 'stdout', 'stderr', 'tty', 'container', 'command'])
  expect(exec?.['x-kubernetes-action']).toBe('connect')
})

test('a property carries its type, its keys and its default', () => {
  expect((messageSchema('Container')['properties'] as Record<string, unknown>)['ports']).toEqual({
    type: 'array',
    items: { allOf: [{ $ref: '#/components/schemas/io.k8s.api.core.v1.ContainerPort' }] },
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['containerPort', 'protocol'],
    'x-kubernetes-patch-merge-key': 'containerPort',
    'x-kubernetes-patch-strategy': 'merge',
  })
  expect((messageSchema('ContainerPort')['properties'] as Record<string, unknown>)['protocol']).toEqual({
    type: 'string',
    default: 'TCP',
    enum: ['SCTP', 'TCP', 'UDP'],
  })
  expect(messageSchema('ContainerPort')['required']).toEqual(['containerPort'])
  expect(messageSchema('Volume')['required']).toEqual(['name'])
})

test('every reference leads to a schema', () => {
  const all = schemasOf(messageNames())
  for (const [, ref] of JSON.stringify(all).matchAll(/"#\/components\/schemas\/([^"]+)"/g))
    expect(all).toHaveProperty([ref ?? ''])
  expect(Object.keys(all)).toEqual(
    expect.arrayContaining(Object.keys(SPECIAL_SCHEMAS).filter((name) => !name.endsWith('Patch'))),
  )
  expect(kindsIn('apps/v1').length).toBeGreaterThan(5)
  for (const groupVersion of ['v1', 'apps/v1']) {
    const document = documentOf(groupVersion)
    for (const [, ref] of JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g))
      expect(document.components.schemas).toHaveProperty([ref ?? ''])
  }
})
