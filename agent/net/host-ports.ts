// Ports of the node that lead into one pod: a table of the packet filter for each pod that has any, named like its
// interface. It is made and removed as one, and outlives the agent as the pod does.
import { writeFile } from 'node:fs/promises'
import type { HostPort } from '../plan/host-ports.ts'
import { run, ToolError } from './run.ts'

export interface Mapped {
  readonly veth: string
  readonly ip: string
  readonly ports: readonly HostPort[]
}

export async function mapHostPorts(pod: Mapped, signal: AbortSignal): Promise<void> {
  if (pod.ports.length === 0) return
  // Else the kernel drops what comes from 127.0.0.1 and leaves by another interface than lo.
  await writeFile(`/proc/sys/net/ipv4/conf/${pod.veth}/route_localnet`, '1')
  await run('nft', ['-f', '-'], { input: hostPortTable(pod), signal })
}

export async function unmapHostPorts(veth: string, signal: AbortSignal): Promise<void> {
  await run('nft', ['delete', 'table', 'ip', `kedge-${veth}`], { signal }).catch((error: unknown) => {
    // Most pods have none.
    if (!(error instanceof ToolError)) throw error
  })
}

/** From outside and other pods it is routed in; from the node itself it leaves by `output`. */
function hostPortTable({ veth, ip, ports }: Mapped): string {
  const table = `ip kedge-${veth}`
  const rules = ports.map(({ protocol, hostPort, containerPort, hostIP }) => {
    const to = hostIP === '' ? 'fib daddr type local' : `ip daddr ${hostIP}`
    return `    ${to} ${protocol} dport ${hostPort} dnat to ${ip}:${containerPort}`
  })
  return `add table ${table}
delete table ${table}
table ${table} {
  chain prerouting {
    type nat hook prerouting priority -101;
${rules.join('\n')}
  }
  chain output {
    type nat hook output priority -101;
${rules.join('\n')}
  }
  chain postrouting {
    type nat hook postrouting priority 99;
    ip saddr { 127.0.0.0/8, ${ip} } ip daddr ${ip} oifname "${veth}" masquerade
  }
}
`
}
