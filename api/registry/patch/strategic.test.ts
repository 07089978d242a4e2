import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applyStrategicPatch } from './strategic.ts'
import type { JsonMap } from './value.ts'

const POD: JsonMap = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', labels: { app: 'web', tier: 'front' }, finalizers: ['a.io/x', 'b.io/y'] },
  spec: {
    containers: [
      {
        name: 'one',
        image: 'one:1',
        args: ['a', 'b'],
        ports: [
          { containerPort: 80, protocol: 'TCP' },
          { containerPort: 443, name: 'tls' },
        ],
        env: [
          { name: 'A', value: '1' },
          { name: 'B', value: '2' },
          { name: 'C', value: '3' },
        ],
        volumeMounts: [{ name: 'data', mountPath: '/data' }],
      },
      { name: 'two', image: 'two:1' },
    ],
    volumes: [
      { name: 'data', hostPath: { path: '/x' } },
      { name: 'conf', configMap: { name: 'conf' } },
    ],
    tolerations: [{ key: 'a' }],
    nodeSelector: { disk: 'ssd' },
  },
}

/** name, patch of spec, what to read of the result, what it is */
// oxlint-disable-next-line typescript/no-explicit-any -- the rows read results of every shape
type Row = readonly [string, JsonMap, (spec: any) => unknown, unknown]

const names = (list: readonly { name: string }[]): readonly string[] => list.map((item) => item.name)

describe('a strategic merge patch of a pod', () => {
  test.each<Row>([
    [
      'merges a container by its name',
      { containers: [{ name: 'two', image: 'two:2' }] },
      (s) => s.containers[1],
      { name: 'two', image: 'two:2' },
    ],
    [
      'keeps the other containers',
      { containers: [{ name: 'two', image: 'two:2' }] },
      (s) => names(s.containers),
      ['one', 'two'],
    ],
    [
      'adds a container in front, without an order',
      { containers: [{ name: 'three', image: 'x' }] },
      (s) => names(s.containers),
      ['three', 'one', 'two'],
    ],
    ['deletes a container', { containers: [{ name: 'one', $patch: 'delete' }] }, (s) => names(s.containers), ['two']],
    [
      'replaces a list',
      { containers: [{ $patch: 'replace' }, { name: 'new', image: 'x' }] },
      (s) => names(s.containers),
      ['new'],
    ],
    [
      'merges ports by containerPort',
      { containers: [{ name: 'one', ports: [{ containerPort: 443, name: 'https' }] }] },
      (s) => s.containers[0].ports,
      [
        { containerPort: 80, protocol: 'TCP' },
        { containerPort: 443, name: 'https' },
      ],
    ],
    [
      'merges env by name',
      { containers: [{ name: 'one', env: [{ name: 'B', value: 'x' }] }] },
      (s) => s.containers[0].env[1],
      { name: 'B', value: 'x' },
    ],
    [
      'turns a value into a reference',
      {
        containers: [
          { name: 'one', env: [{ name: 'A', value: null, valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] },
        ],
      },
      (s) => s.containers[0].env[0],
      { name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    ],
    [
      'merges mounts by path',
      { containers: [{ name: 'one', volumeMounts: [{ mountPath: '/data', name: 'data', readOnly: true }] }] },
      (s) => s.containers[0].volumeMounts,
      [{ name: 'data', mountPath: '/data', readOnly: true }],
    ],
    ['replaces lists without a merge key', { tolerations: [{ key: 'b' }] }, (s) => s.tolerations, [{ key: 'b' }]],
    ['replaces args', { containers: [{ name: 'one', args: ['z'] }] }, (s) => s.containers[0].args, ['z']],
    [
      'removes with null',
      { containers: [{ name: 'one', args: null }], nodeSelector: null },
      (s) => ['args' in s.containers[0], 'nodeSelector' in s],
      [false, false],
    ],
    ['replaces a map', { nodeSelector: { $patch: 'replace', zone: 'a' } }, (s) => s.nodeSelector, { zone: 'a' }],
    ['empties a map', { nodeSelector: { $patch: 'delete' } }, (s) => s.nodeSelector, {}],
    [
      'retains only the named keys',
      { volumes: [{ name: 'data', $retainKeys: ['name', 'emptyDir'], emptyDir: {} }] },
      (s) => s.volumes[0],
      { name: 'data', emptyDir: {} },
    ],
    [
      'drops nulls of what is new',
      { affinity: { nodeAffinity: null, podAffinity: {} } },
      (s) => s.affinity,
      { podAffinity: {} },
    ],
    [
      'orders env as told',
      { containers: [{ name: 'one', '$setElementOrder/env': [{ name: 'C' }, { name: 'A' }, { name: 'B' }] }] },
      (s) => names(s.containers[0].env),
      ['C', 'A', 'B'],
    ],
    [
      'inserts where it is told',
      {
        containers: [
          {
            name: 'one',
            '$setElementOrder/env': [{ name: 'A' }, { name: 'N' }, { name: 'B' }, { name: 'C' }],
            env: [{ name: 'N', value: 'n' }],
          },
        ],
      },
      (s) => names(s.containers[0].env),
      ['A', 'N', 'B', 'C'],
    ],
    [
      'keeps what only the server has near its neighbours',
      { containers: [{ name: 'one', '$setElementOrder/env': [{ name: 'C' }, { name: 'A' }] }] },
      (s) => names(s.containers[0].env),
      ['B', 'C', 'A'],
    ],
    [
      'deletes and orders in one',
      { '$setElementOrder/containers': [{ name: 'two' }], containers: [{ $patch: 'delete', name: 'one' }] },
      (s) => names(s.containers),
      ['two'],
    ],
    [
      'puts an added item in the place that a deletion left, behind what only the server has',
      {
        containers: [
          {
            name: 'one',
            '$setElementOrder/env': [{ name: 'N' }],
            env: [
              { name: 'N', value: 'n' },
              { name: 'A', $patch: 'delete' },
            ],
          },
        ],
      },
      (s) => names(s.containers[0].env),
      ['B', 'C', 'N'],
    ],
    [
      'orders a list that was not there',
      {
        '$setElementOrder/initContainers': [{ name: 'i' }, { name: 'j' }],
        initContainers: [{ name: 'i' }, { name: 'j' }],
      },
      (s) => names(s.initContainers),
      ['i', 'j'],
    ],
    [
      'applies what kubectl apply sends',
      {
        '$setElementOrder/containers': [{ name: 'one' }, { name: 'two' }],
        containers: [
          {
            name: 'one',
            image: 'one:2',
            '$setElementOrder/ports': [{ containerPort: 80 }, { containerPort: 8080 }],
            ports: [{ containerPort: 8080 }, { $patch: 'delete', containerPort: 443 }],
          },
        ],
      },
      (s) => s.containers[0].ports,
      [{ containerPort: 80, protocol: 'TCP' }, { containerPort: 8080 }],
    ],
  ])('%s', (_, patch, read, expected) => {
    const before = JSON.stringify(POD)
    const result = applyStrategicPatch(POD, { spec: patch }, 'Pod') as { readonly spec: unknown }
    expect(read(result.spec)).toEqual(expected)
    expect(JSON.stringify(POD)).toBe(before)
  })

  test.each<readonly [string, JsonMap, readonly string[]]>([
    ['adds scalars once', { finalizers: ['b.io/y', 'c.io/z'] }, ['a.io/x', 'b.io/y', 'c.io/z']],
    ['deletes scalars', { '$deleteFromPrimitiveList/finalizers': ['a.io/x'] }, ['b.io/y']],
    [
      'deletes and adds',
      {
        '$deleteFromPrimitiveList/finalizers': ['a.io/x'],
        '$setElementOrder/finalizers': ['c.io/z', 'b.io/y'],
        finalizers: ['c.io/z'],
      },
      ['c.io/z', 'b.io/y'],
    ],
    ['orders scalars', { '$setElementOrder/finalizers': ['b.io/y', 'a.io/x'] }, ['b.io/y', 'a.io/x']],
  ])('%s', (_, metadata, expected) => {
    const result = applyStrategicPatch(POD, { metadata }, 'Pod') as {
      readonly metadata: { readonly finalizers: unknown }
    }
    expect(result.metadata.finalizers).toEqual(expected)
  })

  test.each<readonly [JsonMap, string]>([
    [{ containers: [{ image: 'x' }] }, 'map: map[image:x] does not contain declared merge key: name'],
    [{ containers: [{ $patch: 'delete' }] }, 'map: map[$patch:delete] does not contain declared merge key: name'],
    [{ containers: [{ name: 'one', $patch: 'merge' }] }, 'merging lists cannot yet be specified in the patch'],
    [{ nodeSelector: { $patch: 'shred' } }, 'unknown patch type: shred in map: map[$patch:shred]'],
    [{ volumes: [{ name: 'data', $retainKeys: ['name'], emptyDir: {} }] }, 'invalid patch format of retainKeys'],
    [{ volumes: [{ name: 'data', $retainKeys: 'name' }] }, 'invalid patch format of retainKeys'],
    [{ $setElementOrder: [] }, 'invalid patch format of setElementOrder list'],
    [{ '$setElementOrder/nope': [] }, 'unable to find api field in struct PodSpec for the json field "nope"'],
    [
      { '$setElementOrder/containers': [{ name: 'two' }], containers: [{ name: 'x' }] },
      "The order in patch list:\n[map[name:x]]\n doesn't match $setElementOrder list:\n[map[name:two]]\n",
    ],
    [
      { '$setElementOrder/containers': [{ name: 'one' }], containers: null },
      'expected a []interface {}, but received a <nil>',
    ],
    [{ containers: ['one'] }, 'list element types are not identical: map[string]interface {}, string'],
  ])('%j is refused with 400', (patch, message) => {
    const run = (): unknown => applyStrategicPatch(POD, { spec: patch }, 'Pod')
    expect(run).toThrow(expect.objectContaining({ code: 400, message }))
  })

  test('of 50,000 items is merged in linear time', () => {
    const env = Array.from({ length: 50_000 }, (_, at) => ({ name: `E${at}`, value: 'x' }))
    const spec = { containers: [{ name: 'one', env }] }
    const order = { '$setElementOrder/env': env.map(({ name }) => ({ name })).toReversed() }
    const patch = {
      spec: {
        containers: [{ name: 'one', ...order, env: env.map(({ name }) => ({ name, value: 'y' })).toReversed() }],
      },
    }
    const result = applyStrategicPatch({ spec }, patch, 'Pod') as {
      spec: { containers: [{ env: { name: string }[] }] }
    }
    expect(result.spec.containers[0].env[0]?.name).toBe('E49999')
  }, 5000)
})

test('a Deployment keeps only the strategy that is retained', () => {
  const live = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } }
  const patch = { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } }
  expect(applyStrategicPatch(live, patch, 'Deployment')).toEqual({ spec: { strategy: { type: 'Recreate' } } })
})

test('conditions of a status are merged by type', () => {
  const live = {
    status: {
      conditions: [
        { type: 'Ready', status: 'False' },
        { type: 'DiskPressure', status: 'False' },
      ],
    },
  }
  const patch = { status: { conditions: [{ type: 'Ready', status: 'True' }] } }
  expect(applyStrategicPatch(live, patch, 'Node')).toEqual({
    status: {
      conditions: [
        { type: 'Ready', status: 'True' },
        { type: 'DiskPressure', status: 'False' },
      ],
    },
  })
})

describe('a strategic merge patch made as kubectl makes it', () => {
  const container = fc.record(
    {
      name: fc.constantFrom('a', 'b', 'c', 'd'),
      image: fc.constantFrom('x:1', 'x:2'),
      env: fc.uniqueArray(fc.record({ name: fc.constantFrom('A', 'B', 'C', 'D'), value: fc.constantFrom('1', '2') }), {
        selector: (env) => env.name,
        minLength: 1,
      }),
    },
    { requiredKeys: ['name', 'image'] },
  )
  const containers = fc.uniqueArray(container, { selector: (one) => one.name, minLength: 1 })

  test('turns the live list into the wanted one, order included', () => {
    fc.assert(
      fc.property(containers, containers, (from, to) => {
        const patch = { spec: listPatch('containers', from, to) }
        const result = applyStrategicPatch({ spec: { containers: from } }, patch, 'Pod')
        expect(result).toEqual({ spec: { containers: to } })
        expect(applyStrategicPatch(result, patch, 'Pod')).toEqual(result)
      }),
    )
  })
})

type Item = { readonly name: string; readonly [key: string]: unknown }

/** Two-way patch of a list merged by name: changed items, deletions, and the order. */
function listPatch(key: string, from: readonly Item[], to: readonly Item[]): JsonMap {
  const kept = to.map((item) =>
    itemPatch(
      from.find((old) => old.name === item.name),
      item,
    ),
  )
  const gone = from.filter((old) => !to.some((item) => item.name === old.name))
  return {
    [`$setElementOrder/${key}`]: to.map(({ name }) => ({ name })),
    [key]: [...kept, ...gone.map(({ name }) => ({ $patch: 'delete', name }))],
  }
}

function itemPatch(old: Item | undefined, item: Item): JsonMap {
  if (old === undefined) return item
  const { env, ...rest } = item
  const before = old['env'] as readonly Item[] | undefined
  if (env === undefined) return before === undefined ? rest : { ...rest, env: null }
  return before === undefined ? item : { ...rest, ...listPatch('env', before, env as readonly Item[]) }
}
