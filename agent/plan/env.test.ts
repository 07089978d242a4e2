import { describe, expect, it } from 'vitest'
import { aNode } from '../../test/build/node-facts.ts'
import type { Container } from '../../schema/k8s/generated/types.ts'
import { environment } from './env.ts'
import { rootRefusal } from './container.ts'
import { describeVolumes } from './volumes.ts'

const sources = {
  configMap: (_: string, name: string) =>
    name === 'settings'
      ? { kind: 'ConfigMap' as const, apiVersion: 'v1' as const, metadata: {}, data: { LEVEL: 'info', OTHER: 'x' } }
      : undefined,
  secret: (_: string, name: string) =>
    name === 'key'
      ? { kind: 'Secret' as const, apiVersion: 'v1' as const, metadata: {}, data: { PASSWORD: 'aHVzaA==' } }
      : undefined,
}
const podOf = (container: Container) => ({
  kind: 'Pod' as const,
  apiVersion: 'v1' as const,
  metadata: { name: 'web', namespace: 'shop', uid: 'u' },
  spec: { containers: [container] },
})
const env = (more: Partial<Container>): { [name: string]: string } => {
  const container = { name: 'main', ...more }
  const input = { pod: podOf(container), container, node: aNode(), address: { podIP: '10.0.0.2' }, sources }
  return Object.fromEntries(environment(input))
}

describe('the environment of a container', () => {
  it('takes whole objects first, under their prefix, and single variables over them', () => {
    expect(
      env({
        envFrom: [{ configMapRef: { name: 'settings' } }, { prefix: 'K_', secretRef: { name: 'key' } }],
        env: [{ name: 'LEVEL', value: 'debug of $(OTHER)' }],
      }),
    ).toEqual({ LEVEL: 'debug of x', OTHER: 'x', K_PASSWORD: 'hush' })
  })

  it('leaves out what is optional and not there', () => {
    expect(
      env({
        envFrom: [{ configMapRef: { name: 'none', optional: true } }],
        env: [
          { name: 'A', valueFrom: { secretKeyRef: { name: 'none', key: 'k', optional: true } } },
          { name: 'B', valueFrom: { configMapKeyRef: { name: 'settings', key: 'none', optional: true } } },
        ],
      }),
    ).toEqual({})
  })

  it.each<[string, Partial<Container>, string]>([
    ['a ConfigMap', { envFrom: [{ configMapRef: { name: 'none' } }] }, 'configmap "none" not found'],
    ['a Secret', { envFrom: [{ secretRef: { name: 'none' } }] }, 'secret "none" not found'],
    [
      'a key of a ConfigMap',
      { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'settings', key: 'none' } } }] },
      "couldn't find key none in ConfigMap shop/settings",
    ],
    [
      'a key of a Secret',
      { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'key', key: 'none' } } }] },
      "couldn't find key none in Secret shop/key",
    ],
  ])('says what is missing: %s', (_, more, message) => {
    expect(() => env(more)).toThrow(message)
  })
})

describe('the volumes of a pod', () => {
  const files = (volume: object): unknown => {
    const pod = { ...podOf({ name: 'main' }), spec: { containers: [], volumes: [{ name: 'v', ...volume }] } }
    const described = describeVolumes({ pod, node: aNode(), address: { podIP: '' }, sources })[0]
    if (described?.kind !== 'files') return described
    return described.files.map(({ path, mode, bytes }) => [path, mode.toString(8), Buffer.from(bytes).toString('utf8')])
  }

  it('hold a ConfigMap whole, or the chosen keys under other names and modes', () => {
    expect(files({ configMap: { name: 'settings' } })).toEqual([
      ['LEVEL', '644', 'info'],
      ['OTHER', '644', 'x'],
    ])
    expect(
      files({
        configMap: { name: 'settings', defaultMode: 0o600, items: [{ key: 'LEVEL', path: 'a/b', mode: 0o400 }] },
      }),
    ).toEqual([['a/b', '400', 'info']])
  })

  it('hold several sources at once', () => {
    const sourcesOf = [
      { secret: { name: 'key' } },
      { configMap: { name: 'settings', items: [{ key: 'OTHER', path: 'o' }] } },
      { downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
    ]
    expect(files({ projected: { sources: sourcesOf } })).toEqual([
      ['PASSWORD', '644', 'hush'],
      ['o', '644', 'x'],
      ['name', '644', 'web'],
    ])
  })

  it.each([
    [{ configMap: { name: 'none' } }, 'configmap "none" not found'],
    [{ secret: { secretName: 'none' } }, 'secret "none" not found'],
    [
      { configMap: { name: 'settings', items: [{ key: 'none', path: 'p' }] } },
      'configmap references non-existent config key: none',
    ],
    [
      { secret: { secretName: 'key', items: [{ key: 'none', path: 'p' }] } },
      'references non-existent secret key: none',
    ],
  ])('say what is missing', (volume, message) => {
    expect(() => files(volume)).toThrow(message)
  })
})

describe('runAsNonRoot', () => {
  it.each([
    [{ runAsNonRoot: true }, '1000', undefined],
    [{ runAsNonRoot: true }, '', /image will run as root/],
    [{ runAsNonRoot: true }, '0:0', /image will run as root/],
    [{ runAsNonRoot: true }, 'nginx', /non-numeric user \(nginx\)/],
    [{ runAsNonRoot: true, runAsUser: 0 }, '1000', /runAsUser breaks non-root policy/],
    [{ runAsNonRoot: true, runAsUser: 5 }, '', undefined],
    [{}, '', undefined],
  ])('%j with the image user %j', (securityContext, user, expected) => {
    const container = { name: 'main', securityContext }
    const refusal = rootRefusal(podOf(container), container, user)
    if (expected === undefined) expect(refusal).toBeUndefined()
    else expect(refusal).toMatch(expected)
  })
})
