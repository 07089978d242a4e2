import { SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { authenticate } from '../../api/access/authenticate.ts'
import { signNodeCredential, signSession, verifyNodeCredential } from '../../api/access/credential.ts'
import type { ManualClock } from '../../api/platform/memory.ts'
import { manualClock } from '../../api/platform/memory.ts'
import type { Cluster } from '../../api/platform/port.ts'
import type { Store } from '../../api/store/store.ts'
import { adminTokenOf, memoryCluster, START } from '../build/cluster.ts'

const HOUR = 3_600_000
const node = { name: 'n1', uid: 'uid-n1' }

async function setup(name = 'default'): Promise<{ cluster: Cluster; clock: ManualClock; reads: () => number }> {
  const clock = manualClock(START)
  let reads = 0
  const counted = (store: Store): Store =>
    new Proxy(store, {
      get(target, property, receiver) {
        if (property !== 'meta') reads++
        return Reflect.get(target, property, receiver) as unknown
      },
    })
  const cluster = await memoryCluster({ name, clock, store: counted })
  return { cluster, clock, reads: () => reads }
}

const who = async (cluster: Cluster, header: string | null): Promise<string | undefined> =>
  (await authenticate(cluster, header))?.name

describe('a bearer token', () => {
  test('of the administrator is known, by every spelling of the scheme', async () => {
    const { cluster } = await setup()
    for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
      expect(await who(cluster, `${scheme} ${adminTokenOf()}`)).toBe('kubernetes-admin')
    }
    expect((await authenticate(cluster, `Bearer ${adminTokenOf()}`))?.groups).toEqual([
      'system:masters',
      'system:authenticated',
    ])
  })

  test('of a node is known until it ends, after it was seen before as well', async () => {
    const { cluster, clock } = await setup()
    const { token, expiresAt } = await signNodeCredential(cluster, node)
    expect(expiresAt - clock.now()).toBeLessThanOrEqual(24 * HOUR)
    expect(await who(cluster, `Bearer ${token}`)).toBe('system:node:n1')
    await clock.advance(24 * HOUR - 1000)
    expect(await who(cluster, `Bearer ${token}`)).toBe('system:node:n1')
    await clock.advance(1000)
    expect(await who(cluster, `Bearer ${token}`)).toBeUndefined()
    expect(await who(cluster, `Bearer ${token}`)).toBeUndefined()
  })

  test('that is not ours is nobody, and costs no query', async () => {
    const { cluster, reads } = await setup()
    const other = await setup('other')
    const { signing } = cluster.keys
    const claims = (sub: string) =>
      new SignJWT({ nodeUid: 'u' })
        .setIssuer(cluster.uid)
        .setAudience(cluster.uid)
        .setSubject(sub)
        .setIssuedAt(START / 1000)
        .setExpirationTime(START / 1000 + 60)
    const header = { alg: 'EdDSA', typ: 'kedge-node+jwt', kid: signing.id }
    const good = await claims('system:node:n1').setProtectedHeader(header).sign(signing.privateKey)
    expect(await who(cluster, `Bearer ${good}`)).toBe('system:node:n1')
    const [, body = '', signature = ''] = good.split('.')
    const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const forged: Readonly<Record<string, string | null>> = {
      'no header': null,
      empty: '',
      'no scheme': adminTokenOf(),
      'another scheme': `Basic ${adminTokenOf()}`,
      'nothing after the scheme': 'Bearer ',
      'a prefix of the admin token': `Bearer ${adminTokenOf().slice(0, -1)}`,
      'more than the admin token': `Bearer ${adminTokenOf()}x`,
      'the admin token of another cluster': `Bearer ${adminTokenOf('other')}`,
      'a node of another cluster': `Bearer ${(await signNodeCredential(other.cluster, node)).token}`,
      'a session in place of a credential': `Bearer ${await signSession(cluster, node, { instance: 'i', id: 'x' })}`,
      'algorithm none': `Bearer ${encode({ ...header, alg: 'none' })}.${body}.`,
      'algorithm HS256, signed with the public key': `Bearer ${await claims('system:node:n1')
        .setProtectedHeader({ ...header, alg: 'HS256' })
        .sign(Buffer.from(await crypto.subtle.exportKey('raw', signing.publicKey)))}`,
      'no type': `Bearer ${await claims('system:node:n1').setProtectedHeader({ alg: 'EdDSA', kid: signing.id }).sign(signing.privateKey)}`,
      'another key id': `Bearer ${await claims('system:node:n1')
        .setProtectedHeader({ ...header, kid: '../s1' })
        .sign(signing.privateKey)}`,
      'not a node': `Bearer ${await claims('kubernetes-admin').setProtectedHeader(header).sign(signing.privateKey)}`,
      'a node without a name': `Bearer ${await claims('system:node:').setProtectedHeader(header).sign(signing.privateKey)}`,
      'another body': `Bearer ${encode(header)}.${encode({ sub: 'system:node:n2' })}.${signature}`,
      'too long': `Bearer ${'x'.repeat(100_000)}`,
    }
    for (const [what, header_] of Object.entries(forged))
      expect([what, await who(cluster, header_)]).toEqual([what, undefined])
    expect(reads()).toBe(0)
  })

  test('was signed for one audience and one issuer', async () => {
    const { cluster } = await setup()
    for (const wrong of ['iss', 'aud'] as const) {
      const token = await new SignJWT({ nodeUid: 'u' })
        .setProtectedHeader({ alg: 'EdDSA', typ: 'kedge-node+jwt', kid: cluster.keys.signing.id })
        .setIssuer(wrong === 'iss' ? 'other' : cluster.uid)
        .setAudience(wrong === 'aud' ? 'other' : cluster.uid)
        .setSubject('system:node:n1')
        .setIssuedAt(START / 1000)
        .setExpirationTime(START / 1000 + 60)
        .sign(cluster.keys.signing.privateKey)
      expect(await verifyNodeCredential(cluster, token)).toBeUndefined()
    }
  })

  test('is remembered, and the memory is bounded', async () => {
    const { cluster } = await setup()
    expect(authenticate(cluster, `Bearer ${adminTokenOf()}`)).toBeInstanceOf(Promise)
    await authenticate(cluster, `Bearer ${adminTokenOf()}`)
    expect(authenticate(cluster, `Bearer ${adminTokenOf()}`)).toMatchObject({ name: 'kubernetes-admin' })
    // Wrong ones push nothing out.
    await Promise.all(Array.from({ length: 5_000 }, async (_, at) => authenticate(cluster, `Bearer wrong-${at}`)))
    expect(authenticate(cluster, `Bearer ${adminTokenOf()}`)).toMatchObject({ name: 'kubernetes-admin' })
  })
})
