import { describe, expect, test } from 'vitest'
import type { PodSpec } from '../../schema/k8s/generated/types.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { MAX_FACTS_BYTES, readPodFacts } from '../../schema/k8s/pod-facts.ts'
import { deployment } from './deployment.ts'
import { pod } from './pod.ts'

const AT = '2026-01-02T03:04:05Z'

function aPod(spec: Partial<PodSpec> = {}, container: object = {}, more: object = {}): K8sObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default', uid: 'u' },
    spec: { containers: [{ name: 'c', image: 'i:1', ...container }], ...spec },
    ...more,
  }
}

const created = (object: K8sObject): K8sObject => pod.prepareCreate(pod.defaults(object), AT)
const status = (object: K8sObject): Record<string, unknown> => object['status'] as Record<string, unknown>

describe('a new pod', () => {
  test('is Pending, whatever status it came with', () => {
    expect(status(created(aPod({}, {}, { status: { phase: 'Running' } })))).toEqual({
      phase: 'Pending',
      qosClass: 'BestEffort',
    })
  })

  test.each<readonly [string, object, string]>([
    ['nothing said', {}, 'BestEffort'],
    ['requests', { requests: { cpu: '1' } }, 'Burstable'],
    ['one limit', { limits: { memory: '1Gi' } }, 'Burstable'],
    ['both limits', { limits: { cpu: '1', memory: '1Gi' } }, 'Guaranteed'],
    [
      'the same amounts, spelled differently',
      { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1000m', memory: '1024Mi' } },
      'Guaranteed',
    ],
    [
      'requests below limits',
      { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1', memory: '512Mi' } },
      'Burstable',
    ],
    ['only other resources', { requests: { 'ephemeral-storage': '1Gi' } }, 'BestEffort'],
  ])('with %s has its QoS class', (_, resources, qos) => {
    expect(status(created(aPod({}, { resources })))['qosClass']).toBe(qos)
  })

  test('behind a gate says so', () => {
    const conditions = status(created(aPod({ schedulingGates: [{ name: 'a.io/b' }] })))['conditions']
    expect(conditions).toMatchObject([{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }])
  })
})

describe('the index of a pod', () => {
  const facts = (object: K8sObject) => readPodFacts(pod.index(created(object)).facts)

  test('names its node only when it has one', () => {
    expect(pod.index(aPod())).not.toHaveProperty('nodeName')
    expect(pod.index(aPod({ nodeName: 'n1' })).nodeName).toBe('n1')
  })

  test('carries requests, host ports and what it reads', () => {
    const object = aPod(
      {
        overhead: { cpu: '100m' },
        imagePullSecrets: [{ name: 'pull' }],
        initContainers: [{ name: 'i', image: 'i:1', resources: { requests: { cpu: '2', memory: '1Mi' } } }],
        volumes: [
          { name: 'v', secret: { secretName: 'tls' } },
          { name: 'w', configMap: { name: 'conf' } },
        ],
      },
      {
        resources: { requests: { cpu: '250m', memory: '64Mi' } },
        ports: [{ containerPort: 80, hostPort: 8080 }],
        env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'db', key: 'k' } } }],
        envFrom: [{ configMapRef: { name: 'env' } }],
      },
    )
    expect(facts(object)).toEqual({
      phase: 'Pending',
      cpuMilli: 2100,
      memoryBytes: 64 * 2 ** 20,
      otherRequests: false,
      hostPorts: ['8080/TCP/'],
      deleting: false,
      secrets: ['pull', 'tls', 'db'],
      configMaps: ['conf', 'env'],
    })
  })

  test('says when it does not fit, in at most 200 bytes', () => {
    const envFrom = Array.from({ length: 30 }, (_, at) => ({ secretRef: { name: `secret-number-${at}` } }))
    const text = pod.index(created(aPod({}, { envFrom }))).facts ?? ''
    expect(text.length).toBeLessThanOrEqual(MAX_FACTS_BYTES)
    expect(readPodFacts(text)).toBeUndefined()
    expect(readPodFacts(undefined)).toBeUndefined()
  })
})

describe('nothing of a pod is ignored silently', () => {
  const warnings = (object: K8sObject): readonly string[] => pod.warnings(created(object), undefined)
  const errors = (object: K8sObject): readonly string[] =>
    pod.validate(created(object)).map((error) => `${error.field}: ${error.detail}`)

  test('a plain pod gets no warning', () => {
    expect(warnings(aPod())).toEqual([])
    expect(
      warnings({
        ...aPod({ priority: 0, preemptionPolicy: 'PreemptLowerPriority', hostUsers: true, os: { name: 'linux' } }),
      }),
    ).toEqual([])
  })

  test.each<readonly [K8sObject, string]>([
    [
      aPod({ affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [] } } }),
      'spec.affinity.podAntiAffinity',
    ],
    [aPod({ setHostnameAsFQDN: true }), 'spec.setHostnameAsFQDN'],
    [
      aPod({
        initContainers: [
          { name: 'i', image: 'i:1', resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }] },
        ],
      }),
      'spec.initContainers[0].resizePolicy',
    ],
  ])('%# is stored with a warning', (object, field) => {
    expect(warnings(object)).toEqual([`kedge: stored; nothing acts on ${field} yet`])
    expect(errors(object)).toEqual([])
  })

  test.each<readonly [K8sObject, string]>([
    [
      aPod({ volumes: [{ name: 'v', nfs: { server: 's', path: '/' } }] }),
      'spec.volumes[0].nfs: kedge: no node can mount a volume of this type',
    ],
    [
      aPod({ volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] }),
      'spec.volumes[0].persistentVolumeClaim: kedge: no node can mount a volume of this type',
    ],
    [
      aPod({ runtimeClassName: 'gvisor' }),
      'spec.runtimeClassName: kedge: containers run with the default runtime of the node',
    ],
    [aPod({ os: { name: 'windows' } }), 'spec.os: kedge: nodes run Linux'],
    [aPod({ hostUsers: false }), 'spec.hostUsers: kedge: pods have no user namespace of their own'],
  ])('%# is refused', (object, error) => {
    expect(errors(object)).toEqual([error])
  })

  test('a template says where in the template', () => {
    const spec = {
      containers: [{ name: 'c', image: 'i', resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }] }],
    }
    const object = deployment.defaults({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'd', namespace: 'default' },
      spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec } },
    })
    const warning = 'kedge: stored; nothing acts on spec.template.spec.containers[0].resizePolicy yet'
    expect(deployment.warnings(object, undefined)).toEqual([warning])
    expect(deployment.warnings(object, object)).toEqual([])
  })
})

describe('an update of a pod', () => {
  const before = created(aPod())
  const after = (spec: object): readonly string[] =>
    pod
      .validateUpdate({ ...before, spec: { ...(before['spec'] as object), ...spec } }, before)
      .map((error) => `${error.field}: ${error.detail}`)

  test('names the fields that may not change', () => {
    expect(after({ nodeName: 'n2', hostname: 'h' })[0]).toMatch(
      /^spec: pod updates may not change fields other than `spec\.containers\[\*\]\.image`,.*\n {2}spec\.nodeName\n {2}spec\.hostname$/s,
    )
  })

  test('keeps the old status, and bumps the generation when the spec differs', () => {
    const sent = { ...before, status: { phase: 'Failed' } }
    expect(pod.prepareUpdate(sent, before)['status']).toEqual(before['status'])
    expect(pod.bumpsGeneration(sent, before)).toBe(false)
    expect(pod.bumpsGeneration(created(aPod({ activeDeadlineSeconds: 5 })), before)).toBe(true)
  })

  test('of its status leaves spec and owners alone, and QoS as it was', () => {
    const sent = { ...aPod({ nodeName: 'other' }), status: { phase: 'Running' } }
    const result = pod.prepareStatus({ ...sent, metadata: { ...sent.metadata, ownerReferences: [] } }, before)
    expect(result['spec']).toEqual(before['spec'])
    expect(result.metadata).not.toHaveProperty('ownerReferences')
    expect(status(result)).toEqual({ phase: 'Running', qosClass: 'BestEffort' })
  })

  test('may not bring an ended container back', () => {
    const ended = { containerStatuses: [{ name: 'c', state: { terminated: { exitCode: 1 } } }], qosClass: 'BestEffort' }
    const running = { containerStatuses: [{ name: 'c', state: { running: {} } }], qosClass: 'BestEffort' }
    const errorsFor = (restartPolicy: 'Always' | 'OnFailure' | 'Never'): number => {
      const old = { ...created(aPod({ restartPolicy })), status: ended }
      return pod.validateStatus({ ...old, status: running }, old).length
    }
    expect([errorsFor('Always'), errorsFor('OnFailure'), errorsFor('Never')]).toEqual([0, 0, 1])
  })
})

test.each<readonly [string, object, string, number | undefined, number]>([
  ['on a node', { nodeName: 'n' }, 'Running', undefined, 30],
  ['with its own grace', { nodeName: 'n', terminationGracePeriodSeconds: 5 }, 'Running', undefined, 5],
  ['as asked', { nodeName: 'n' }, 'Running', 7, 7],
  ['by force', { nodeName: 'n' }, 'Running', 0, 0],
  ['with a negative grace', { nodeName: 'n' }, 'Running', -3, 1],
  ['without a node', {}, 'Pending', 7, 0],
  ['that has ended', { nodeName: 'n' }, 'Succeeded', undefined, 0],
])('a pod %s is deleted with the right grace', (_, spec, phase, asked, grace) => {
  expect(pod.grace({ ...created(aPod(spec)), status: { phase } }, asked)).toBe(grace)
})

test('finished pods have a row condition', () => {
  const conditions = (phase: string) => pod.rowConditions?.({ ...aPod(), status: { phase } })
  expect(conditions('Running')).toEqual([])
  expect(conditions('Failed')).toEqual([
    { type: 'Completed', status: 'True', reason: 'Failed', message: 'The pod failed.' },
  ])
})
