import { expect, test } from 'vitest'
import type { Store } from '../../api/store/store.ts'
import { CONFIG_MAPS, configMap, openDoor } from './door.ts'

const MERGE = { 'content-type': 'application/merge-patch+json' }
const PODS = '/api/v1/namespaces/default/pods'
const SERVICES = '/api/v1/namespaces/default/services'
const pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'a', image: 'b' }] } }

test('what each request costs the store does not grow', async () => {
  const calls: string[] = []
  const door = await openDoor({ store: (store) => counting(store, calls) })
  // The namespace is remembered from the first create on.
  await door.send('POST', CONFIG_MAPS, configMap('first'))
  const cost = async (
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<string> => {
    calls.length = 0
    const answer = await door.send(method, path, body, headers)
    return `${answer.status} ${calls.join(' ')}`.trim()
  }
  expect({
    'create a ConfigMap': await cost('POST', CONFIG_MAPS, configMap('a')),
    'create it again': await cost('POST', CONFIG_MAPS, configMap('a')),
    'get it': await cost('GET', `${CONFIG_MAPS}/a`),
    'get none': await cost('GET', `${CONFIG_MAPS}/b`),
    'list them': await cost('GET', CONFIG_MAPS),
    'list one by name': await cost('GET', `${CONFIG_MAPS}?fieldSelector=metadata.name%3Da`),
    'update it': await cost('PUT', `${CONFIG_MAPS}/a`, configMap('a', { x: '1' })),
    'update it to the same': await cost('PUT', `${CONFIG_MAPS}/a`, configMap('a', { x: '1' })),
    'patch it': await cost('PATCH', `${CONFIG_MAPS}/a`, { data: { x: '2' } }, MERGE),
    'delete it': await cost('DELETE', `${CONFIG_MAPS}/a`),
    'create a pod': await cost('POST', PODS, pod),
    'bind it': await cost('POST', `${PODS}/p/binding`, { metadata: { name: 'p' }, target: { name: 'n' } }),
    'report its status': await cost('PATCH', `${PODS}/p/status`, { status: { phase: 'Running' } }, MERGE),
    'mark it for deletion': await cost('DELETE', `${PODS}/p`),
    'create a Service': await cost('POST', SERVICES, { metadata: { name: 's' }, spec: { ports: [{ port: 80 }] } }),
    'delete the Service': await cost('DELETE', `${SERVICES}/s`),
    'ask what there is': await cost('GET', '/apis'),
    'ask who I am': await cost('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {}),
    'refuse a stranger': await cost('GET', CONFIG_MAPS, undefined, { authorization: 'Bearer nobody' }),
    'refuse a bad object': await cost('POST', CONFIG_MAPS, { metadata: { name: 'A_B' } }),
  }).toEqual({
    'create a ConfigMap': '201 write',
    'create it again': '409 write',
    'get it': '200 get',
    'get none': '404 get',
    'list them': '200 listText',
    'list one by name': '200 list',
    'update it': '200 get write',
    'update it to the same': '200 get',
    'patch it': '200 get write',
    'delete it': '200 get write',
    'create a pod': '201 write',
    'bind it': '201 get write',
    'report its status': '200 get write',
    'mark it for deletion': '200 get write',
    'create a Service': '201 write',
    'delete the Service': '200 get getMany write',
    'ask what there is': '200',
    'ask who I am': '201',
    'refuse a stranger': '401',
    'refuse a bad object': '422',
  })
})

function counting(store: Store, calls: string[]): Store {
  const counted = { ...store }
  for (const name of ['get', 'getMany', 'list', 'listText', 'index', 'after', 'head', 'write'] as const) {
    const call = store[name].bind(store) as (...given: unknown[]) => unknown
    Object.assign(counted, { [name]: (...given: unknown[]) => (calls.push(name), call(...given)) })
  }
  return counted
}
