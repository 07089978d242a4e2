import { expect, it } from 'vitest'
import type { ContainerPort, PodSpec } from '../../schema/k8s/generated/types.ts'
import { hostPorts } from './host-ports.ts'

const of = (ports: readonly ContainerPort[], more: Partial<PodSpec> = {}): string[] =>
  hostPorts({
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {},
    spec: { containers: [{ name: 'main', ports }], ...more },
  }).map((one) => `${one.protocol} ${one.hostIP}:${one.hostPort} ${one.containerPort}`)

it.each([
  ['no port', [], {}, []],
  ['a port of the pod alone', [{ containerPort: 80 }], {}, []],
  ['tcp unless said', [{ containerPort: 80, hostPort: 8080 }], {}, ['tcp :8080 80']],
  ['udp', [{ containerPort: 53, hostPort: 53, protocol: 'UDP' }], {}, ['udp :53 53']],
  ['one address', [{ containerPort: 80, hostPort: 81, hostIP: '10.0.0.1' }], {}, ['tcp 10.0.0.1:81 80']],
  ['every address', [{ containerPort: 80, hostPort: 81, hostIP: '0.0.0.0' }], {}, ['tcp :81 80']],
  ["the host's network", [{ containerPort: 80, hostPort: 80 }], { hostNetwork: true }, []],
] as const)('%s', (_, ports, more, wanted) => expect(of(ports, more)).toEqual(wanted))
