// The ports of the node that lead into a pod. On the host's network the containers listen there themselves.
import type { Pod } from '../../schema/k8s/generated/types.ts'

export interface HostPort {
  readonly protocol: 'tcp' | 'udp' | 'sctp'
  readonly hostPort: number
  readonly containerPort: number
  /** empty: every address of the node */
  readonly hostIP: string
}

const PROTOCOL: { readonly [name: string]: HostPort['protocol'] } = { TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' }

export function hostPorts(pod: Pod): HostPort[] {
  if (pod.spec?.hostNetwork === true) return []
  return [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].flatMap(({ ports }) =>
    (ports ?? []).flatMap(({ hostPort = 0, containerPort, hostIP = '', protocol = 'TCP' }): HostPort[] => {
      const known = PROTOCOL[protocol]
      if (hostPort === 0 || known === undefined) return []
      return [{ protocol: known, hostPort, containerPort, hostIP: hostIP === '0.0.0.0' ? '' : hostIP }]
    }),
  )
}
