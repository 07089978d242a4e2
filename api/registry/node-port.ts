/**
 * Node ports, 30000-32767: one holder a port, recorded in the group that writes the Service. Ports of one
 * Service may share a number when their protocols differ.
 */
import type { Service, ServicePort, ServiceSpec } from '../../schema/k8s/generated/types.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { fieldInvalid, invalid, type Refusal } from '../../schema/k8s/status.ts'
import type { Allowed } from '../access/request.ts'
import type { Effect } from '../store/store.ts'
import { claim, claimKey, NODE_PORT, release } from './claim.ts'
import type { Admitted, Step } from './step.ts'

const FIRST = 30_000
const LAST = 32_767
const ALLOCATED = 'provided port is already allocated'

export const portsOnCreate: Step = (request, _kind, admitted) => allocate(request, admitted, new Set())

export async function portsOnUpdate(request: Allowed, admitted: Admitted, old: K8sObject): Promise<Admitted> {
  const held = new Set(numbersOf(specOf(old)))
  const inherited = { ...admitted, object: withPorts(admitted.object, inherit(specOf(admitted.object), specOf(old))) }
  const next = allocate(request, inherited, held)
  const kept = new Set(numbersOf(specOf(next.object)))
  const gone = [...held].filter((port) => !kept.has(port)).map((port) => claimKey(NODE_PORT, String(port)))
  return { ...next, effects: [...next.effects, ...(await release(request.cluster, gone, old))] }
}

/** Effects that give back the ports of a Service which is going away. */
export function releasePorts(request: Allowed, service: K8sObject): Promise<readonly Effect[]> {
  const keys = [...new Set(numbersOf(specOf(service)))].map((port) => claimKey(NODE_PORT, String(port)))
  return release(request.cluster, keys, service)
}

function allocate(request: Allowed, admitted: Admitted, held: ReadonlySet<number>): Admitted {
  const spec = specOf(admitted.object)
  const ports = spec.ports ?? []
  const wants =
    spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false)
  if (!wants && numbersOf(spec).length === 0) return admitted
  const asked = new Set(numbersOf(spec))
  const mine = new Set([...held, ...asked])
  const next: ServicePort[] = []
  for (const [at, port] of ports.entries()) {
    const number = port.nodePort ?? 0
    if (number === 0 && wants) {
      const sibling = next.find((one) => one.port === port.port && one.protocol !== port.protocol)?.nodePort
      const free =
        sibling !== undefined && !protocolsAt(next, sibling).includes(port.protocol) ? sibling : pick(request, mine)
      mine.add(free)
      next.push({ ...port, nodePort: free })
      continue
    }
    if (number !== 0 && !held.has(number) && (number < FIRST || number > LAST)) {
      throw refused(
        admitted.object,
        at,
        number,
        `provided port is not in the valid range. The range of valid ports is ${FIRST}-${LAST}`,
      )
    }
    next.push(port)
  }
  const object = withPorts(admitted.object, next)
  const fresh = [...new Set(numbersOf(specOf(object)))].filter((port) => !held.has(port))
  return {
    ...admitted,
    object,
    effects: [...admitted.effects, ...fresh.map((port) => claim(NODE_PORT, String(port), object))],
    judge: (lost) => {
      if (lost.key.resource !== NODE_PORT) return admitted.judge(lost)
      const port = Number(lost.key.name)
      if (!asked.has(port)) return 'again'
      return refused(
        object,
        next.findIndex((one) => one.nodePort === port),
        port,
        ALLOCATED,
      )
    },
  }
}

/** A port without a number keeps the one it has in the stored Service. */
function inherit(spec: ServiceSpec, old: ServiceSpec): readonly ServicePort[] {
  const keeps = (type: string | undefined) => type === 'NodePort' || type === 'LoadBalancer'
  if (!keeps(spec.type) || !keeps(old.type)) return spec.ports ?? []
  const taken = new Set(numbersOf(spec))
  return (spec.ports ?? []).map((port) => {
    if ((port.nodePort ?? 0) !== 0) return port
    const before = old.ports?.find((one) => one.port === port.port && one.protocol === port.protocol)?.nodePort
    return before === undefined || before === 0 || taken.has(before) ? port : { ...port, nodePort: before }
  })
}

function pick(request: Allowed, mine: ReadonlySet<number>): number {
  const size = LAST - FIRST + 1
  const start = Math.floor(request.cluster.random.fraction() * size)
  for (let step = 0; step < size; step++) {
    const port = FIRST + ((start + step) % size)
    if (!mine.has(port)) return port
  }
  return FIRST
}

function protocolsAt(ports: readonly ServicePort[], number: number): readonly (string | undefined)[] {
  return ports.filter((port) => port.nodePort === number).map((port) => port.protocol)
}

function refused(service: K8sObject, at: number, port: number, why: string): Refusal {
  return invalid('Service', '', service.metadata.name ?? '', [fieldInvalid(`spec.ports[${at}].nodePort`, port, why)])
}

function numbersOf(spec: ServiceSpec): number[] {
  return (spec.ports ?? []).map((port) => port.nodePort ?? 0).filter((port) => port !== 0)
}

function specOf(object: K8sObject): ServiceSpec {
  return (object as unknown as Service).spec ?? {}
}

function withPorts(object: K8sObject, ports: readonly ServicePort[]): K8sObject {
  const spec = specOf(object)
  return ports.length === 0 && spec.ports === undefined ? object : { ...object, spec: { ...spec, ports } }
}
