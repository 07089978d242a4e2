import { describe, expect, it } from 'vitest'
import type { Pod, PodSpec } from '../../schema/k8s/generated/types.ts'
import { hostsFile, podHostname, resolvConf } from './files.ts'
import { aNode } from '../../test/build/node-facts.ts'

const pod = (spec: Partial<PodSpec>, name = 'web'): Pod => ({
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: { name, namespace: 'shop', uid: 'u' },
  spec: { containers: [], ...spec },
})

describe('/etc/hosts', () => {
  it('has the pod by its name', () => {
    expect(hostsFile(pod({}), '10.0.0.9', 'cluster.local')).toMatch(
      /^# Kubernetes-managed hosts file\.\n127\.0\.0\.1\tlocalhost\n[^]*\n10\.0\.0\.9\tweb\n$/,
    )
  })

  it('has its full name in a subdomain, and the aliases', () => {
    const text = hostsFile(
      pod({ subdomain: 'db', hostAliases: [{ ip: '1.2.3.4', hostnames: ['a', 'b'] }] }),
      '10.0.0.9',
      'cluster.local',
    )
    expect(text).toContain(
      '10.0.0.9\tweb.db.shop.svc.cluster.local\tweb\n\n# Entries added by HostAliases.\n1.2.3.4\ta\tb\n',
    )
  })

  it.each([
    ['a'.repeat(70), 'a'.repeat(63)],
    [`${'a'.repeat(62)}-b`, 'a'.repeat(62)],
  ])('cuts a hostname to what a kernel takes', (name, expected) => {
    expect(podHostname(pod({}, name))).toBe(expected)
  })
})

describe('/etc/resolv.conf', () => {
  const node = aNode({ hostResolvConf: 'nameserver 9.9.9.9\nsearch corp.example\noptions timeout:1\n' })

  it.each<[string, Partial<PodSpec>, string]>([
    [
      'the cluster first',
      {},
      'search shop.svc.cluster.local svc.cluster.local cluster.local corp.example\nnameserver 10.96.0.10\noptions ndots:5\n',
    ],
    ['the host with Default', { dnsPolicy: 'Default' }, 'search corp.example\nnameserver 9.9.9.9\noptions timeout:1\n'],
    ['the host on its network', { hostNetwork: true }, 'search corp.example\nnameserver 9.9.9.9\noptions timeout:1\n'],
    [
      'the cluster there as well when asked',
      { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' },
      'search shop.svc.cluster.local svc.cluster.local cluster.local corp.example\nnameserver 10.96.0.10\noptions ndots:5\n',
    ],
    [
      'what the pod says alone with None',
      {
        dnsPolicy: 'None',
        dnsConfig: {
          nameservers: ['1.1.1.1'],
          searches: ['x.y'],
          options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
        },
      },
      'search x.y\nnameserver 1.1.1.1\noptions ndots:2 edns0\n',
    ],
    [
      'the pod over the cluster where both speak',
      { dnsConfig: { options: [{ name: 'ndots', value: '1' }] } },
      'search shop.svc.cluster.local svc.cluster.local cluster.local corp.example\nnameserver 10.96.0.10\noptions ndots:1\n',
    ],
  ])('names %s', (_, spec, expected) => {
    expect(resolvConf(pod(spec), node)).toBe(expected)
  })
})
