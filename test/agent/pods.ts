// Builders for the agent's tests: a valid pod, of which a test states only what matters.
import { randomUUID } from 'node:crypto'
import type { ConfigMap, Container, Pod, PodSpec, Secret } from '../../schema/k8s/generated/types.ts'

export const IMAGE = 'kedge.test/busybox:1'
/** ends at once when asked, unlike a plain sleep as first process */
export const SLEEP = 'trap "exit 0" TERM; while true; do sleep 0.1; done'

export function aContainer(script: string, more: Partial<Container> = {}): Container {
  return { name: 'main', image: IMAGE, command: ['sh', '-c', script], imagePullPolicy: 'IfNotPresent', ...more }
}

export function aPod(spec: Partial<PodSpec> & { readonly containers: readonly Container[] }, name = 'web'): Pod {
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {
      name,
      namespace: 'default',
      uid: randomUUID(),
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
    },
    spec: { restartPolicy: 'Always', terminationGracePeriodSeconds: 5, nodeName: 'node', ...spec },
  }
}

export function uidOf(pod: Pod): string {
  return pod.metadata.uid ?? ''
}

export function aConfigMap(name: string, data: { readonly [key: string]: string }): ConfigMap {
  const resourceVersion = String(Math.floor(Math.random() * 1e9))
  return {
    kind: 'ConfigMap',
    apiVersion: 'v1',
    metadata: { name, namespace: 'default', uid: name, resourceVersion },
    data,
  }
}

export function aSecret(name: string, data: { readonly [key: string]: string }): Secret {
  const encoded = Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  )
  const resourceVersion = String(Math.floor(Math.random() * 1e9))
  return {
    kind: 'Secret',
    apiVersion: 'v1',
    metadata: { name, namespace: 'default', uid: name, resourceVersion },
    data: encoded,
  }
}
