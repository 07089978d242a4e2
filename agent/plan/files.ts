// Two files every container of a pod shares: /etc/hosts and /etc/resolv.conf.
import type { Pod } from '../../schema/k8s/generated/types.ts'
import type { NodeFacts } from './sources.ts'

const LOCAL = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::0\tip6-localnet',
  'fe00::0\tip6-mcastprefix',
  'fe00::1\tip6-allnodes',
  'fe00::2\tip6-allrouters',
]

export function podHostname(pod: Pod): string {
  const wanted = pod.spec?.hostnameOverride ?? pod.spec?.hostname ?? pod.metadata.name ?? ''
  return wanted.slice(0, 63).replace(/[-.]+$/, '')
}

export function hostsFile(pod: Pod, podIP: string, clusterDomain: string): string {
  const hostname = podHostname(pod)
  const subdomain = pod.spec?.subdomain
  const names =
    subdomain === undefined || subdomain === ''
      ? hostname
      : `${hostname}.${subdomain}.${pod.metadata.namespace ?? ''}.svc.${clusterDomain}\t${hostname}`
  const lines = ['# Kubernetes-managed hosts file.', ...LOCAL, `${podIP}\t${names}`]
  const aliases = pod.spec?.hostAliases ?? []
  if (aliases.length > 0) {
    lines.push('', '# Entries added by HostAliases.')
    for (const alias of aliases) lines.push(`${alias.ip}\t${(alias.hostnames ?? []).join('\t')}`)
  }
  return `${lines.join('\n')}\n`
}

interface Resolver {
  readonly nameservers: readonly string[]
  readonly searches: readonly string[]
  readonly options: readonly string[]
}

/** At most 3 servers, 32 search domains: what resolvers read. */
export function resolvConf(pod: Pod, node: NodeFacts): string {
  const policy = pod.spec?.dnsPolicy ?? 'ClusterFirst'
  const host = parseResolvConf(node.hostResolvConf)
  const cluster: Resolver = {
    nameservers: [node.clusterDNS],
    searches: [
      `${pod.metadata.namespace ?? ''}.svc.${node.clusterDomain}`,
      `svc.${node.clusterDomain}`,
      node.clusterDomain,
      ...host.searches,
    ],
    options: ['ndots:5'],
  }
  const fromCluster =
    policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && pod.spec?.hostNetwork !== true)
  const base: Resolver =
    policy === 'None' ? { nameservers: [], searches: [], options: [] } : fromCluster ? cluster : host
  const extra = pod.spec?.dnsConfig
  const named = (extra?.options ?? []).map(({ name = '', value }) => (value === undefined ? name : `${name}:${value}`))
  const replaced = new Set(named.map((option) => option.split(':')[0]))
  const nameservers = unique([...base.nameservers, ...(extra?.nameservers ?? [])]).slice(0, 3)
  const searches = unique([...base.searches, ...(extra?.searches ?? [])]).slice(0, 32)
  const options = [...base.options.filter((option) => !replaced.has(option.split(':')[0])), ...named]
  const lines = searches.length > 0 ? [`search ${searches.join(' ')}`] : []
  for (const server of nameservers) lines.push(`nameserver ${server}`)
  if (options.length > 0) lines.push(`options ${options.join(' ')}`)
  return `${lines.join('\n')}\n`
}

function parseResolvConf(text: string): Resolver {
  const nameservers: string[] = []
  let searches: string[] = []
  let options: string[] = []
  for (const line of text.split('\n')) {
    const [word, ...rest] = line.trim().split(/\s+/)
    if (word === 'nameserver' && rest[0] !== undefined) nameservers.push(rest[0])
    if (word === 'search') searches = rest
    if (word === 'options') options = rest
  }
  return { nameservers, searches, options }
}

function unique(words: readonly string[]): string[] {
  return [...new Set(words)]
}
