/** kubectl --as: an administrator sees what somebody else would; nobody else acts as anybody. */
import { describe, expect, test } from 'vitest'
import { signNodeCredential } from '../../api/access/credential.ts'
import { openDoor } from '../http/door.ts'

const REVIEW = '/apis/authentication.k8s.io/v1/selfsubjectreviews'
const PODS = '/api/v1/namespaces/default/pods'
type Headers = Readonly<Record<string, string>>

const whoIs = async (headers: Headers): Promise<unknown> => {
  const door = await openDoor()
  return (await door.send('POST', REVIEW, {}, headers)).body.status.userInfo
}

describe('impersonation', () => {
  test.each<readonly [string, Headers, unknown]>([
    ['nobody', {}, { username: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] }],
    ['a user', { 'impersonate-user': 'bob' }, { username: 'bob', groups: ['system:authenticated'] }],
    [
      'groups, a uid and extra',
      {
        'impersonate-user': 'bob',
        'impersonate-group': 'dev, ops',
        'impersonate-uid': 'u1',
        'impersonate-extra-example.com%2fteam': 'red',
      },
      {
        username: 'bob',
        uid: 'u1',
        groups: ['dev', 'ops', 'system:authenticated'],
        extra: { 'example.com/team': ['red'] },
      },
    ],
    [
      'a service account',
      { 'impersonate-user': 'system:serviceaccount:default:bot' },
      {
        username: 'system:serviceaccount:default:bot',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
      },
    ],
    [
      'an administrator',
      { 'impersonate-user': 'eve', 'impersonate-group': 'system:masters' },
      { username: 'eve', groups: ['system:masters', 'system:authenticated'] },
    ],
  ])('an administrator acts as %s', async (_, headers, expected) => {
    expect(await whoIs(headers)).toEqual(expected)
  })

  test('rights are those of who is acted as', async () => {
    const door = await openDoor()
    const bob = { 'impersonate-user': 'bob' }
    const list = await door.send('GET', PODS, undefined, bob)
    expect([list.status, list.body.message]).toEqual([
      403,
      'pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "default"',
    ])
    const spec = { resourceAttributes: { verb: 'delete', resource: 'pods', namespace: 'default' } }
    const may = await door.send('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { spec }, bob)
    expect([may.status, may.body.status.allowed]).toEqual([201, false])
    const admin = { ...bob, 'impersonate-group': 'system:masters' }
    expect((await door.send('GET', PODS, undefined, admin)).status).toBe(200)
  })

  test.each(['impersonate-group', 'impersonate-uid', 'impersonate-extra-scopes'])(
    '%s without a user',
    async (header) => {
      const door = await openDoor()
      const answer = await door.send('GET', PODS, undefined, { [header]: 'dev' })
      expect([answer.status, answer.body.reason]).toEqual([400, 'BadRequest'])
    },
  )

  test.each([
    [
      'bob',
      'users "bob" is forbidden: User "system:node:n1" cannot impersonate resource "users" in API group "" at the cluster scope',
    ],
    [
      'system:serviceaccount:default:bot',
      'serviceaccounts "bot" is forbidden: User "system:node:n1" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "default"',
    ],
  ])('a node may not act as %s', async (name, message) => {
    const door = await openDoor()
    const { token } = await signNodeCredential(door.cluster, { name: 'n1', uid: 'n1-uid' })
    const answer = await door.send('GET', PODS, undefined, {
      authorization: `Bearer ${token}`,
      'impersonate-user': name,
      'impersonate-group': 'system:masters',
    })
    expect([answer.status, answer.body.message]).toEqual([403, message])
  })
})
