/** The index columns of a pod: its node, and the facts that others ask for without reading it. */
import type { Container, Pod, PodSpec } from '../../schema/k8s/generated/types.ts'
import type { PodFacts } from '../../schema/k8s/pod-facts.ts'
import { printPodFacts } from '../../schema/k8s/pod-facts.ts'
import { milliValue, wholeValue } from '../../schema/k8s/quantity.ts'
import { podRequests } from './pod-requests.ts'

export function podIndex(pod: Pod): { readonly nodeName?: string; readonly facts: string } {
  const node = pod.spec?.nodeName ?? ''
  return { ...(node === '' ? {} : { nodeName: node }), facts: printPodFacts(podFacts(pod)) }
}

function podFacts(pod: Pod): PodFacts {
  const spec = pod.spec ?? { containers: [] }
  const { cpu = '0', memory = '0', ...others } = podRequests(spec)
  return {
    phase: pod.status?.phase ?? '',
    cpuMilli: milliValue(cpu),
    memoryBytes: wholeValue(memory),
    otherRequests: Object.keys(others).length > 0,
    hostPorts: hostPorts(spec),
    deleting: pod.metadata.deletionTimestamp !== undefined,
    ...references(spec),
  }
}

function hostPorts(spec: PodSpec): readonly string[] {
  return allContainers(spec)
    .flatMap((container) => container.ports ?? [])
    .filter((port) => (port.hostPort ?? 0) !== 0)
    .map((port) => `${port.hostPort}/${port.protocol ?? 'TCP'}/${port.hostIP ?? ''}`)
}

function references(spec: PodSpec): { readonly secrets: readonly string[]; readonly configMaps: readonly string[] } {
  const secrets = new Set<string>()
  const configMaps = new Set<string>()
  const note = (names: Set<string>, name: string | undefined): void => {
    if (name !== undefined && name !== '') names.add(name)
  }
  for (const { name } of spec.imagePullSecrets ?? []) note(secrets, name)
  for (const { configMap, secret, projected } of spec.volumes ?? []) {
    note(configMaps, configMap?.name)
    note(secrets, secret?.secretName)
    for (const source of projected?.sources ?? []) {
      note(configMaps, source.configMap?.name)
      note(secrets, source.secret?.name)
    }
  }
  for (const container of allContainers(spec)) {
    for (const { configMapRef, secretRef } of container.envFrom ?? []) {
      note(configMaps, configMapRef?.name)
      note(secrets, secretRef?.name)
    }
    for (const { valueFrom } of container.env ?? []) {
      note(configMaps, valueFrom?.configMapKeyRef?.name)
      note(secrets, valueFrom?.secretKeyRef?.name)
    }
  }
  return { secrets: [...secrets], configMaps: [...configMaps] }
}

function allContainers(spec: PodSpec): readonly Container[] {
  return [...(spec.initContainers ?? []), ...(spec.containers ?? [])]
}
