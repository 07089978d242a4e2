// Both translations in a row: a pod per feature, and the exact request Docker gets for it. A change of a file under
// test/golden/pod-to-docker is a change of what runs on every node; `vitest -u` writes them anew.
import { expect, it } from 'vitest'
import { dockerCreate } from '../../agent/driver/docker-create.ts'
import { describeContainer, describeSandbox } from '../../agent/plan/container.ts'
import { describeVolumes } from '../../agent/plan/volumes.ts'
import type { Pod, PodSpec } from '../../schema/k8s/generated/types.ts'
import { aNode } from '../build/node-facts.ts'

const PODS: { readonly [name: string]: PodSpec } = {
  plain: { containers: [{ name: 'main', image: 'nginx:1' }] },
  'command-args-env': {
    containers: [
      {
        name: 'main',
        image: 'busybox:1',
        command: ['sh', '-c', 'echo $(GREETING)'],
        args: ['$(NODE)', '$$(NODE)'],
        workingDir: '/work',
        env: [
          { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
          { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
          { name: 'APP', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
          { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
          { name: 'MEMORY', valueFrom: { resourceFieldRef: { resource: 'requests.memory', divisor: '1Mi' } } },
          { name: 'GREETING', value: 'hello from $(NODE)' },
        ],
        resources: { limits: { cpu: '1500m' }, requests: { memory: '64Mi' } },
      },
    ],
  },
  'resources-guaranteed': {
    containers: [
      {
        name: 'main',
        image: 'i',
        resources: { limits: { cpu: '2', memory: '512Mi' }, requests: { cpu: '2', memory: '512Mi' } },
      },
    ],
  },
  'resources-burstable': {
    containers: [{ name: 'main', image: 'i', resources: { requests: { cpu: '100m', memory: '1Gi' } } }],
  },
  'security-context': {
    securityContext: {
      runAsUser: 1000,
      runAsGroup: 2000,
      fsGroup: 3000,
      supplementalGroups: [4000],
      sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }],
    },
    containers: [
      {
        name: 'main',
        image: 'i',
        securityContext: {
          readOnlyRootFilesystem: true,
          allowPrivilegeEscalation: false,
          capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] },
          seccompProfile: { type: 'Unconfined' },
          procMount: 'Unmasked',
        },
      },
    ],
  },
  privileged: { containers: [{ name: 'main', image: 'i', securityContext: { privileged: true } }] },
  'host-namespaces': { hostNetwork: true, hostPID: true, hostIPC: true, containers: [{ name: 'main', image: 'i' }] },
  'shared-processes': { shareProcessNamespace: true, containers: [{ name: 'main', image: 'i' }] },
  terminal: { containers: [{ name: 'main', image: 'i', stdin: true, stdinOnce: true, tty: true }] },
  'stop-signal': {
    os: { name: 'linux' },
    containers: [{ name: 'main', image: 'i', lifecycle: { stopSignal: 'SIGUSR1' } }],
  },
  volumes: {
    volumes: [
      { name: 'scratch', emptyDir: {} },
      { name: 'ram', emptyDir: { medium: 'Memory', sizeLimit: '16Mi' } },
      { name: 'config', configMap: { name: 'settings' } },
      { name: 'secret', secret: { secretName: 'key' } },
      { name: 'host', hostPath: { path: '/srv' } },
      { name: 'host-dir', hostPath: { path: '/srv/data', type: 'Directory' } },
    ],
    containers: [
      {
        name: 'main',
        image: 'i',
        env: [{ name: 'WHO', value: 'me' }],
        volumeMounts: [
          { name: 'scratch', mountPath: '/scratch', subPathExpr: 'of/$(WHO)' },
          { name: 'ram', mountPath: '/ram' },
          { name: 'config', mountPath: '/config' },
          { name: 'secret', mountPath: '/secret', readOnly: true },
          { name: 'host', mountPath: '/srv', mountPropagation: 'HostToContainer' },
          { name: 'host-dir', mountPath: '/data', readOnly: true },
        ],
        terminationMessagePath: '/tmp/last-words',
      },
    ],
  },
}

it.each(Object.keys(PODS))('%s', async (name) => {
  const pod: Pod = {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name, namespace: 'shop', uid: '0f1e2d3c-0000-4000-8000-000000000001', labels: { app: 'web' } },
    ...(PODS[name] === undefined ? {} : { spec: PODS[name] }),
  }
  const node = aNode({ cgroups: 'v1-cgroupfs' })
  const podIP = '10.244.1.2'
  const sources = {
    secret: () => ({
      kind: 'Secret' as const,
      apiVersion: 'v1' as const,
      metadata: {},
      data: { password: 'aHVzaA==' },
    }),
    configMap: () => ({ kind: 'ConfigMap' as const, apiVersion: 'v1' as const, metadata: {}, data: { a: '1' } }),
  }
  const volumes = describeVolumes({ pod, node, sources, address: { podIP } })
  const sandbox = dockerCreate(describeSandbox({ pod, node, attempt: 0, ip: podIP, veth: 'kg0123456789abc' }))
  const containers = (pod.spec?.containers ?? []).map((container) =>
    dockerCreate(
      describeContainer({
        pod,
        container,
        node,
        sources,
        volumes,
        attempt: 0,
        sandbox: { id: 'sandbox-id', attempt: 0 },
        podIP,
        backoffMs: 0,
      }),
    ),
  )
  const shown = JSON.stringify({ sandbox, containers }, null, 2)
  await expect(`${shown}\n`).toMatchFileSnapshot(`../golden/pod-to-docker/${name}.json`)
})
