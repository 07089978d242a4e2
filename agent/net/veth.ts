// A pod's network on a real host: one point-to-point veth per pod, everything routed, no bridge. The gateway is
// a /32 on the node's `lo`. Docker knows no address, so none of its rules for containers applies; only its
// FORWARD drop does, which DOCKER-USER is there for.
import { readdir, readFile, writeFile } from 'node:fs/promises'
import type { HostPort } from '../plan/host-ports.ts'
import { mapHostPorts, unmapHostPorts } from './host-ports.ts'
import type { PodNetwork } from './network.ts'
import { run, ToolError } from './run.ts'

export interface VethOptions {
  readonly gateway: string
  readonly podCIDR: string
  /** addresses that are reached without masquerading: all pods of the cluster */
  readonly clusterCIDR: string
  /** start of the name of every interface of this node: 6 characters */
  readonly prefix: string
  readonly mtu: number
}

/** The start of every kedge interface of a host, whichever node it belongs to. */
const VETH_START = 'kg'
const NETNS_DIR = '/run/netns'

export function vethNetwork(options: VethOptions): PodNetwork {
  return {
    prepare: (signal) => prepare(options, signal),
    attach: (pod, signal) => attach({ ...pod, ...options }, signal),
    detach,
    attached: async () => {
      const names = await readdir(NETNS_DIR).catch(() => [])
      return names.filter((name) => name.startsWith(options.prefix))
    },
  }
}

async function prepare(options: VethOptions, signal: AbortSignal): Promise<void> {
  await writeFile('/proc/sys/net/ipv4/ip_forward', '1')
  await run('ip', ['addr', 'replace', `${options.gateway}/32`, 'dev', 'lo'], { signal })
  await acceptForwarding(signal)
  await masquerade(options, signal)
}

/** Only when Docker's own chain is there: without it nothing drops what is forwarded. */
async function acceptForwarding(signal: AbortSignal): Promise<void> {
  const there = await dockerUserRules(signal)
  if (there === undefined) return
  for (const direction of ['-i', '-o']) {
    const rule = [direction, `${VETH_START}+`, '-j', 'ACCEPT']
    if (there.includes(['-A', 'DOCKER-USER', ...rule].join(' '))) continue
    await run('iptables', ['-w', '-I', 'DOCKER-USER', ...rule], { signal })
  }
}

/** The rules of the chain as iptables prints them; undefined without one, as with Docker's `--iptables=false`. */
async function dockerUserRules(signal: AbortSignal): Promise<string[] | undefined> {
  try {
    return (await run('iptables', ['-w', '-S', 'DOCKER-USER'], { signal })).split('\n')
  } catch (error) {
    // "incompatible": a chain of nftables by that name, which iptables cannot add to.
    if (error instanceof ToolError && /No chain|incompatible|is not installed/.test(error.stderr)) return undefined
    throw error
  }
}

/** From a pod to outside the cluster: with the node's address. In a table of its own, replaced as one. */
async function masquerade(options: VethOptions, signal: AbortSignal): Promise<void> {
  const table = `ip kedge-${options.prefix}`
  const input = `
add table ${table}
delete table ${table}
table ${table} {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    ip saddr ${options.podCIDR} ip daddr != ${options.clusterCIDR} oifname != "${VETH_START}*" masquerade
  }
}
`
  await run('nft', ['-f', '-'], { input, signal })
}

interface Attachment extends VethOptions {
  readonly veth: string
  readonly pid: number
  readonly ip: string
  readonly ports: readonly HostPort[]
}

async function attach(to: Attachment, signal: AbortSignal): Promise<void> {
  const { veth, ip, gateway, mtu } = to
  // Left behind by an earlier try with another process.
  await detach(veth, signal)
  await run('ip', ['netns', 'attach', veth, String(to.pid)], { signal })
  try {
    const host = [
      `link add ${veth} mtu ${mtu} type veth peer name eth0 mtu ${mtu} netns ${veth}`,
      `link set ${veth} up`,
      `route replace ${ip}/32 dev ${veth} src ${gateway}`,
    ]
    const pod = [
      'link set lo up',
      `addr add ${ip}/32 dev eth0`,
      'link set eth0 up',
      `route add ${gateway} dev eth0 scope link`,
      `route add default via ${gateway} dev eth0 src ${ip}`,
    ]
    await run('ip', ['-batch', '-'], { input: `${host.join('\n')}\n`, signal })
    await run('ip', ['-n', veth, '-batch', '-'], { input: `${pod.join('\n')}\n`, signal })
    await mapHostPorts(to, signal)
  } catch (error) {
    await detach(veth, AbortSignal.timeout(5000)).catch(() => {})
    throw error
  }
}

/** The namespace's name first: with it the interface and its route go, even if the pause process is gone. */
async function detach(veth: string, signal: AbortSignal): Promise<void> {
  const known = await readFile(`${NETNS_DIR}/${veth}`).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  )
  if (!known) return
  await unmapHostPorts(veth, signal)
  // The interface is deleted by name as well: the namespace lives on as long as a process is in it.
  await run('ip', ['link', 'del', veth], { signal }).catch(ignoreTool)
  await run('ip', ['netns', 'del', veth], { signal }).catch(ignoreTool)
}

function ignoreTool(error: unknown): void {
  if (!(error instanceof ToolError)) throw error
}
