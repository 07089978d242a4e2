import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { kindOf } from './facts.ts'
import defaulted from './generated/defaulted.json' with { type: 'json' }
import fixtures from './generated/fixtures.json' with { type: 'json' }
import { cannotBeHandled, checkFields, pruned, strictErrorText } from './strict.ts'

const deployment = (spec: unknown) => ({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'x' }, spec })
const podSpec = (spec: unknown) => deployment({ template: { spec } })

describe('unknown fields are named by path and dropped', () => {
  test.each<[unknown, string[]]>([
    [deployment({ replicas: 1 }), []],
    [deployment({ foo: 1, bar: null }), ['spec.foo', 'spec.bar']],
    [podSpec({ containers: [{ name: 'a' }, { name: 'b', foo: 1 }] }), ['spec.template.spec.containers[1].foo']],
    [podSpec({ Containers: [] }), ['spec.template.spec.Containers']],
    [podSpec({ volumes: [{ name: 'v', emptyDir: {}, emptydir: {} }] }), ['spec.template.spec.volumes[0].emptydir']],
    [{ ...deployment({}), metadata: { labels: { anything: 'goes' } } }, []],
  ])('%j', (value, unknown) => {
    expect(checkFields(value, 'Deployment').unknown).toEqual(unknown)
  })
  test('what is kept', () => {
    expect(pruned({ foo: 1, ...deployment({ bar: 1, replicas: null, paused: true }) }, 'Deployment')).toEqual(
      deployment({ paused: true }),
    )
  })
})

describe('a value of the wrong type is refused in the words of Go', () => {
  test.each<[unknown, string]>([
    [
      deployment({ replicas: 'x' }),
      'json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
    ],
    [
      deployment({ replicas: 1.5 }),
      'json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32',
    ],
    [
      podSpec({ containers: [{ ports: [{ containerPort: 'http' }] }] }),
      'json: cannot unmarshal string into Go struct field ContainerPort.spec.template.spec.containers.ports.containerPort of type int32',
    ],
    [
      podSpec({ containers: {} }),
      'json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container',
    ],
    [
      podSpec({ containers: ['a'] }),
      'json: cannot unmarshal string into Go struct field PodSpec.spec.template.spec.containers of type v1.Container',
    ],
    [
      podSpec({ containers: [{ env: [{ name: 'a', value: true }] }] }),
      'json: cannot unmarshal bool into Go struct field EnvVar.spec.template.spec.containers.env.value of type string',
    ],
    [
      { metadata: { labels: { app: true } } },
      'json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels of type string',
    ],
    [
      podSpec({ containers: [{ resources: { limits: { cpu: 'lots' } } }] }),
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
    [
      { metadata: { creationTimestamp: 'now' } },
      'parsing time "now" as "2006-01-02T15:04:05Z07:00": cannot parse "now" as "2006"',
    ],
    [
      podSpec('x'),
      'json: cannot unmarshal string into Go struct field PodTemplateSpec.spec.template.spec of type v1.PodSpec',
    ],
    [[], 'json: cannot unmarshal array into Go value of type v1.Deployment'],
  ])('%j', (value, text) => {
    expect(checkFields(value, 'Deployment').typeErrors[0]).toBe(text)
    expect(() => pruned(value, 'Deployment')).toThrow(text)
  })
})

test('quantities, times, bytes and map keys take the form in which upstream prints them', () => {
  const pod = pruned(
    {
      metadata: { deletionTimestamp: '2026-01-02T03:04:05.5+01:00', annotations: { b: '', a: null } },
      spec: { overhead: { memory: 1024, cpu: '1000m' } },
    },
    'Pod',
  )
  expect(JSON.stringify(pod)).toBe(
    '{"metadata":{"deletionTimestamp":"2026-01-02T02:04:05Z","annotations":{"a":"","b":""}},"spec":{"overhead":{"cpu":"1","memory":"1024"}}}',
  )
})

test('the zero time counts as null', () => {
  expect(pruned({ metadata: { creationTimestamp: '0001-01-01T00:00:00Z' } }, 'Pod')).toEqual({ metadata: {} })
})

test('whatever upstream writes is kept to the letter', () => {
  for (const [name, { filled }] of Object.entries(fixtures)) {
    const [apiVersion = '', kind = ''] = name.split(' ')
    const checked = checkFields(filled.json, kindOf(apiVersion, kind)?.message ?? '')
    expect(checked.unknown).toEqual([])
    expect(checked.typeErrors).toEqual([])
    expect(JSON.stringify(checked.value)).toBe(JSON.stringify(filled.json))
  }
})

test('every row of the table of defaults fits its kind', () => {
  for (const { given, defaulted: after } of defaulted) {
    const message = kindOf(given.apiVersion, given.kind)?.message ?? ''
    for (const object of [given, after]) {
      const { unknown, typeErrors } = checkFields(object, message)
      expect([unknown, typeErrors]).toEqual([[], []])
    }
  }
})

test('any JSON is checked without a throw, and what is kept stays as it is', () => {
  const keys = fc.constantFrom(
    'metadata',
    'spec',
    'containers',
    'name',
    'labels',
    'volumes',
    'emptyDir',
    'ports',
    'sizeLimit',
    'env',
  )
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 6 },
      fc.constantFrom(null, true, 1, -1.5, '', '5', '1Gi'),
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(keys, tie('tree'), { maxKeys: 5 }),
    ),
  }))
  fc.assert(
    fc.property(tree, (value) => {
      const once = checkFields(value, 'Pod')
      const twice = checkFields(once.value, 'Pod')
      expect(twice.unknown).toEqual([])
      expect(twice.typeErrors).toEqual([])
      expect(twice.value).toEqual(once.value)
    }),
    { numRuns: 500 },
  )
})

test('the sentences around it', () => {
  expect(cannotBeHandled('Deployment', 'v1', strictErrorText(['spec.foo'], ['spec.bar']))).toBe(
    'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.foo", duplicate field "spec.bar"',
  )
})
