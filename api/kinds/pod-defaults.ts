/** What only a Pod gets beyond the defaults of its spec: requests from limits, service links, host ports. */
import type { Container, Pod, PodSpec, Quantity } from '../../schema/k8s/generated/types.ts'
import { printQuantity } from '../../schema/k8s/quantity.ts'
import { containerRequests } from './pod-requests.ts'
import { withPodSpecDefaults } from './pod-spec-defaults.ts'

const POD_LEVEL: ReadonlySet<string> = new Set(['cpu', 'memory'])

export function withPodDefaults(pod: Pod): Pod {
  const spec = withPodSpecDefaults(pod.spec ?? ({} as PodSpec))
  const host = spec.hostNetwork === true
  const each = (container: Container): Container => withHostPorts(withRequests(container), host)
  const filled: PodSpec = {
    ...spec,
    ...(spec.containers === undefined ? {} : { containers: spec.containers.map(each) }),
    ...(spec.initContainers === undefined ? {} : { initContainers: spec.initContainers.map(each) }),
    // A negative grace means the shortest one.
    terminationGracePeriodSeconds: graceSeconds(spec),
    enableServiceLinks: spec.enableServiceLinks ?? true,
  }
  return {
    ...pod,
    spec: withPodRequests(filled),
    ...(pod.status === undefined ? {} : { status: withAddresses(pod.status) }),
  }
}

function graceSeconds(spec: PodSpec): number {
  const seconds = spec.terminationGracePeriodSeconds ?? 30
  return seconds < 0 ? 1 : seconds
}

/** What has a limit requests as much, unless it says otherwise. */
function withRequests(container: Container): Container {
  const { limits, requests } = container.resources ?? {}
  if (limits === undefined) return container
  return { ...container, resources: { ...container.resources, requests: { ...limits, ...requests } } }
}

/** A pod with limits of its own requests what its containers request, else its limits. */
function withPodRequests(spec: PodSpec): PodSpec {
  const own = spec.resources
  if (own?.limits === undefined || Object.keys(own.limits).length === 0) return spec
  const requests: Record<string, Quantity> = { ...own.requests }
  for (const [name, amount] of Object.entries(containerRequests(spec))) {
    if (POD_LEVEL.has(name)) requests[name] ??= printQuantity(amount)
  }
  for (const [name, amount] of Object.entries(own.limits)) {
    if (POD_LEVEL.has(name) || name.startsWith('hugepages-')) requests[name] ??= amount
  }
  return Object.keys(requests).length === 0 ? spec : { ...spec, resources: { ...own, requests } }
}

/** In the network of the host a container port is a host port. */
function withHostPorts(container: Container, host: boolean): Container {
  if (!host || container.ports === undefined) return container
  return {
    ...container,
    ports: container.ports.map((port) =>
      (port.hostPort ?? 0) === 0 ? { ...port, hostPort: port.containerPort } : port,
    ),
  }
}

/** `podIP` is the first of `podIPs`; either fills the other. */
function withAddresses(status: NonNullable<Pod['status']>): NonNullable<Pod['status']> {
  const first = status.podIPs?.[0]?.ip
  if (first !== undefined) return (status.podIP ?? '') === '' ? { ...status, podIP: first } : status
  return (status.podIP ?? '') === '' ? status : { ...status, podIPs: [{ ip: status.podIP ?? '' }] }
}
