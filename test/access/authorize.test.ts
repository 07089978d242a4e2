import { describe, expect, test } from 'vitest'
import {
  authorize,
  authorizeAgent,
  authorizePath,
  authorizeRequest,
  review,
  systemAllowed,
} from '../../api/access/authorize.ts'
import { NODE_RULES } from '../../api/access/node-rules.ts'
import type { Known, User, Verb } from '../../api/access/request.ts'
import { ADMIN, nodeUser } from '../../api/access/user.ts'
import type { Cluster } from '../../api/platform/port.ts'
import { memoryCluster } from '../build/cluster.ts'

const NOBODY: User = { name: 'jane', groups: ['system:authenticated'] }
const verbs: readonly Verb[] = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection']

const known = (cluster: Cluster, user: User, verb: Verb, path: string, more: Partial<Known> = {}): Known => {
  const [resource = '', subresource] = path.split('/')
  const [plural = '', ...group] = resource.split('.')
  return {
    cluster,
    user,
    verb,
    resource: plural,
    group: group.join('.'),
    version: 'v1',
    subresource,
    namespace: undefined,
    name: undefined,
    ...more,
  }
}

const verdict = async (ask: () => unknown): Promise<string> => {
  try {
    await ask()
    return 'yes'
  } catch (error) {
    return (error as Error).message
  }
}

describe('the words of a refusal are those of upstream', () => {
  const rows: readonly (readonly [Verb, string, Partial<Known>, string])[] = [
    [
      'list',
      'pods',
      { namespace: 'y' },
      'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "y"',
    ],
    [
      'list',
      'pods',
      {},
      'pods is forbidden: User "jane" cannot list resource "pods" in API group "" at the cluster scope',
    ],
    [
      'get',
      'deployments.apps',
      { namespace: 'y', name: 'web' },
      'deployments.apps "web" is forbidden: User "jane" cannot get resource "deployments" in API group "apps" in the namespace "y"',
    ],
    [
      'create',
      'pods/exec',
      { namespace: 'y', name: 'web' },
      'pods "web" is forbidden: User "jane" cannot create resource "pods/exec" in API group "" in the namespace "y"',
    ],
  ]
  test.each(rows)('%s %s', async (verb, path, more, message) => {
    const cluster = await memoryCluster()
    expect(await verdict(() => authorize(known(cluster, NOBODY, verb, path, more)))).toBe(message)
  })
})

describe('default deny', () => {
  test('administrators and the control plane may everything, somebody merely known nothing but ask about themselves', async () => {
    const cluster = await memoryCluster()
    for (const path of ['pods', 'secrets', 'nodes/status', 'pods/exec', 'clusterroles.rbac.authorization.k8s.io']) {
      for (const verb of verbs) {
        expect(await verdict(() => authorize(known(cluster, ADMIN, verb, path)))).toBe('yes')
        expect(await verdict(() => authorize(known(cluster, NOBODY, verb, path)))).toMatch(/^\S+ is forbidden: /)
        const { user: _, cluster: __, ...request } = known(cluster, ADMIN, verb, path)
        expect(systemAllowed(cluster, 'system:kube-scheduler', request).user.name).toBe('system:kube-scheduler')
      }
    }
    const self = known(cluster, NOBODY, 'create', 'selfsubjectaccessreviews.authorization.k8s.io')
    expect(await verdict(() => authorize(self))).toBe('yes')
    expect(await review(known(cluster, NOBODY, 'get', 'pods'))).toEqual({ allowed: false, reason: '' })
  })

  test('a name that looks like a node is none without the group, and the group is none without the name', async () => {
    const cluster = await memoryCluster()
    const services = (user: User) => verdict(() => authorize(known(cluster, user, 'list', 'services')))
    expect(await services({ name: 'system:node:n1', groups: ['system:authenticated'] })).toMatch('forbidden')
    expect(await services({ name: 'jane', groups: ['system:nodes'] })).toMatch('forbidden')
    expect(await services({ name: 'system:node:', groups: ['system:nodes'] })).toMatch('forbidden')
  })

  test('paths that are no resource', () => {
    for (const path of ['/api', '/apis/apps/v1', '/openapi/v3', '/version']) authorizePath(NOBODY, 'get', path)
    for (const path of ['/metrics', '/debug/pprof', '/apiserver', '/']) {
      authorizePath(ADMIN, 'get', path)
      expect(() => authorizePath(NOBODY, 'get', path)).toThrow(`forbidden: User "jane" cannot get path "${path}"`)
    }
  })
})

/**
 * Everything a node might ask for, each with what `own` and `other` mean. The table below is the expectation, written
 * by hand; every cell that is not in it is expected to be refused.
 */
describe('a node', () => {
  const pod = (name: string, nodeName: string, spec: object) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'ns', uid: `uid-${name}` },
    spec: { nodeName, containers: [], ...spec },
  })

  async function world(): Promise<Cluster> {
    const cluster = await memoryCluster()
    const put = (resource: string, namespace: string, object: { metadata: { name: string } }, nodeName?: string) =>
      cluster.store.write({
        effects: [
          {
            op: 'put',
            key: { resource, namespace, name: object.metadata.name },
            expect: 'absent',
            value: JSON.stringify(object),
            index: nodeName === undefined ? {} : { nodeName },
          },
        ],
      })
    for (const name of ['own', 'other']) {
      await put('nodes', '', { metadata: { name, uid: `uid-${name}` } } as { metadata: { name: string } })
      const used = {
        volumes: [
          { name: 's', secret: { secretName: name } },
          { name: 'c', configMap: { name } },
        ],
      }
      await put('pods', 'ns', pod(name, name, used), name)
    }
    return cluster
  }

  /** what each object is called, and how a list or watch names it */
  const objects: Readonly<
    Record<string, { readonly namespace?: string; readonly selector: (name: string) => string }>
  > = {
    nodes: { selector: (name) => `metadata.name=${name}` },
    'nodes/status': { selector: (name) => `metadata.name=${name}` },
    'nodes/proxy': { selector: (name) => `metadata.name=${name}` },
    pods: { namespace: 'ns', selector: (name) => `spec.nodeName=${name}` },
    'pods/status': { namespace: 'ns', selector: (name) => `spec.nodeName=${name}` },
    'pods/exec': { namespace: 'ns', selector: (name) => `spec.nodeName=${name}` },
    'pods/log': { namespace: 'ns', selector: (name) => `spec.nodeName=${name}` },
    'pods/binding': { namespace: 'ns', selector: (name) => `spec.nodeName=${name}` },
    'pods/eviction': { namespace: 'ns', selector: (name) => `spec.nodeName=${name}` },
    'pods/ephemeralcontainers': { namespace: 'ns', selector: (name) => `spec.nodeName=${name}` },
    secrets: { namespace: 'ns', selector: (name) => `metadata.name=${name}` },
    configmaps: { namespace: 'ns', selector: (name) => `metadata.name=${name}` },
    events: { namespace: 'ns', selector: (name) => `involvedObject.name=${name}` },
    services: { namespace: 'ns', selector: (name) => `metadata.name=${name}` },
    'endpointslices.discovery.k8s.io': { namespace: 'ns', selector: (name) => `metadata.name=${name}` },
    'leases.coordination.k8s.io': { namespace: 'kube-node-lease', selector: (name) => `metadata.name=${name}` },
    namespaces: { selector: (name) => `metadata.name=${name}` },
    serviceaccounts: { namespace: 'ns', selector: (name) => `metadata.name=${name}` },
    'serviceaccounts/token': { namespace: 'ns', selector: (name) => `metadata.name=${name}` },
    'deployments.apps': { namespace: 'ns', selector: (name) => `metadata.name=${name}` },
    'clusterrolebindings.rbac.authorization.k8s.io': { selector: (name) => `metadata.name=${name}` },
  }

  const mayRead: Readonly<Record<string, readonly string[]>> = {
    own: [
      'get nodes',
      'list nodes',
      'watch nodes',
      'get pods',
      'list pods',
      'watch pods',
      'get secrets',
      'list secrets',
      'watch secrets',
      'get configmaps',
      'list configmaps',
      'watch configmaps',
      'get leases.coordination.k8s.io',
      'get services',
      'list services',
      'watch services',
      'get endpointslices.discovery.k8s.io',
      'list endpointslices.discovery.k8s.io',
      'watch endpointslices.discovery.k8s.io',
    ],
    other: [
      'get services',
      'list services',
      'watch services',
      'get endpointslices.discovery.k8s.io',
      'list endpointslices.discovery.k8s.io',
      'watch endpointslices.discovery.k8s.io',
    ],
  }
  const mayWrite = [
    'create nodes',
    'update nodes/status',
    'patch nodes/status',
    'delete pods',
    'update pods/status',
    'patch pods/status',
    'create events',
    'update events',
    'patch events',
  ]

  test('every resource, verb, own and other: at the door of the API and at the agents’', async () => {
    const cluster = await world()
    const user = nodeUser('own', 'uid-own')
    const wrong: string[] = []
    let cells = 0
    for (const [path, { namespace, selector }] of Object.entries(objects)) {
      for (const verb of verbs) {
        for (const whose of ['own', 'other']) {
          const many = verb === 'list' || verb === 'watch' || verb === 'deletecollection'
          const request = known(cluster, user, verb, path, { namespace, name: many ? undefined : whose })
          const narrowed = many ? { fieldSelector: selector(whose) } : {}
          const api = (await verdict(() => authorizeRequest(request, narrowed))) === 'yes'
          const agents = (await verdict(() => authorizeAgent(request, whose === 'own'))) === 'yes'
          const cell = `${verb} ${path}`
          const read = mayRead[whose]?.includes(cell) === true
          if (api !== read) wrong.push(`api: ${cell} ${whose}: ${String(api)}`)
          if (agents !== (read || (whose === 'own' && mayWrite.includes(cell))))
            wrong.push(`agents: ${cell} ${whose}: ${String(agents)}`)
          cells += 2
        }
      }
    }
    expect(wrong).toEqual([])
    expect(cells).toBe(Object.keys(objects).length * verbs.length * 2 * 2)
    for (const path of Object.keys(NODE_RULES)) expect(Object.keys(objects)).toContain(path)
  })

  test('reads pods only when it asks for its own, however it words it', async () => {
    const cluster = await world()
    const user = nodeUser('own', 'uid-own')
    const list = (fieldSelector?: string) =>
      verdict(() => authorizeRequest(known(cluster, user, 'list', 'pods'), { fieldSelector }))
    for (const good of [
      'spec.nodeName=own',
      'spec.nodeName==own',
      'status.phase!=Failed,spec.nodeName=own',
      'spec.nodeName=own,status.phase=Running',
    ]) {
      expect([good, await list(good)]).toEqual([good, 'yes'])
    }
    for (const bad of [
      undefined,
      '',
      'spec.nodeName!=own',
      'spec.nodeName=other',
      'spec.nodeName=',
      'metadata.name!=a\\,spec.nodeName=own',
      'metadata.name=spec.nodeName=own',
    ]) {
      expect([bad, await list(bad)]).toEqual([bad, expect.stringContaining('forbidden')])
    }
  })

  test('whose Node was deleted, or made anew, reads nothing any more', async () => {
    const cluster = await world()
    for (const user of [nodeUser('own', 'uid-of-an-older-one'), nodeUser('gone', 'uid-gone')]) {
      for (const path of ['nodes', 'pods', 'secrets', 'services', 'endpointslices.discovery.k8s.io']) {
        const request = known(cluster, user, 'get', path, { namespace: 'ns', name: 'own' })
        expect(await verdict(() => authorizeRequest(request))).toMatch('is not registered, or was made anew')
      }
    }
  })

  test('is told why', async () => {
    const cluster = await world()
    const request = known(cluster, nodeUser('own', 'uid-own'), 'get', 'secrets', { namespace: 'ns', name: 'other' })
    expect(await verdict(() => authorizeRequest(request))).toBe(
      `secrets "other" is forbidden: User "system:node:own" cannot get resource "secrets" in API group "" in the namespace "ns": no relationship found between node 'own' and this object`,
    )
  })
})
