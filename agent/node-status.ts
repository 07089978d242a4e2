// This machine as a Node: what it has, what it gives to pods, how it is.
import { readFile, statfs } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { createSocket } from 'node:dgram'
import type { NodeCondition, NodeStatus } from '../schema/k8s/generated/types.ts'
import { printTime } from '../schema/k8s/time.ts'
import type { EngineFacts, ImageFacts } from './driver/driver.ts'

const KUBELET_VERSION = 'v1.35.0-kedge.1'
const MAX_PODS = 110
/** kept back for the host, as the kubelet's default eviction threshold does */
const MEMORY_RESERVE_BYTES = 100 * 2 ** 20
const DISK_PRESSURE_SHARE = 0.1
const MAX_IMAGES = 50

export interface NodeView {
  readonly status: NodeStatus
  readonly labels: { readonly [key: string]: string }
}

export interface NodeInput {
  readonly name: string
  readonly ip: string
  readonly engine: EngineFacts
  readonly images: readonly ImageFacts[]
  readonly diskDir: string
  readonly nowMs: number
  /** what keeps pods from being run, in the kubelet's words; none: the node is ready */
  readonly problems: readonly string[]
}

export async function nodeView(input: NodeInput): Promise<NodeView> {
  const { engine } = input
  const disk = await statfs(input.diskDir).catch(() => undefined)
  const diskBytes = disk === undefined ? 0 : disk.blocks * disk.bsize
  const pressed = disk !== undefined && disk.bavail < disk.blocks * DISK_PRESSURE_SHARE
  const memoryKi = Math.floor(engine.memoryBytes / 1024)
  const common = { cpu: String(engine.cpus), pods: String(MAX_PODS), 'hugepages-1Gi': '0', 'hugepages-2Mi': '0' }
  return {
    labels: {
      'kubernetes.io/hostname': input.name,
      'kubernetes.io/os': 'linux',
      'kubernetes.io/arch': engine.architecture,
      'beta.kubernetes.io/os': 'linux',
      'beta.kubernetes.io/arch': engine.architecture,
    },
    status: {
      capacity: { ...common, memory: `${memoryKi}Ki`, 'ephemeral-storage': `${Math.floor(diskBytes / 1024)}Ki` },
      allocatable: {
        ...common,
        memory: `${Math.max(0, memoryKi - MEMORY_RESERVE_BYTES / 1024)}Ki`,
        'ephemeral-storage': String(Math.floor(diskBytes * (1 - DISK_PRESSURE_SHARE))),
      },
      conditions: conditions(input, pressed),
      addresses: [
        { type: 'InternalIP', address: input.ip },
        // The name given to the agent overrides the machine's, as with a kubelet.
        { type: 'Hostname', address: input.name },
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: 0 } },
      nodeInfo: {
        machineID: (await line('/etc/machine-id')).replaceAll('-', ''),
        systemUUID: await line('/sys/class/dmi/id/product_uuid'),
        bootID: await line('/proc/sys/kernel/random/boot_id'),
        kernelVersion: engine.kernelVersion,
        osImage: engine.operatingSystem,
        containerRuntimeVersion: `${engine.name}://${engine.version}`,
        kubeletVersion: KUBELET_VERSION,
        kubeProxyVersion: '',
        operatingSystem: 'linux',
        architecture: engine.architecture,
      },
      images: input.images
        .toSorted((a, b) => b.sizeBytes - a.sizeBytes)
        .slice(0, MAX_IMAGES)
        .filter((image) => image.names.length > 0)
        .map((image) => ({ names: image.names, sizeBytes: image.sizeBytes })),
    },
  }
}

function conditions({ nowMs, problems }: NodeInput, diskPressure: boolean): NodeCondition[] {
  const time = printTime(nowMs)
  const condition = (type: string, status: 'True' | 'False', reason: string, message: string): NodeCondition => ({
    type,
    status,
    lastHeartbeatTime: time,
    lastTransitionTime: time,
    reason,
    message,
  })
  return [
    condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
    diskPressure
      ? condition('DiskPressure', 'True', 'KubeletHasDiskPressure', 'kubelet has disk pressure')
      : condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
    condition('PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
    problems.length === 0
      ? condition('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status')
      : condition(
          'Ready',
          'False',
          'KubeletNotReady',
          problems.length === 1 ? problems.join('') : `[${problems.join(', ')}]`,
        ),
  ]
}

async function line(path: string): Promise<string> {
  return (await readFile(path, 'utf8').catch(() => '')).trim()
}

/**
 * The address of this host on the way to the control plane: the one others are most likely to reach it by. A
 * datagram socket is connected, nothing is sent. On loopback the first other address stands in.
 */
export async function nodeAddress(server: string): Promise<string> {
  const { hostname: host, port, protocol } = new URL(server)
  const target = Number(port === '' ? (protocol === 'https:' ? 443 : 80) : port)
  const found = await new Promise<string | undefined>((resolve) => {
    const socket = createSocket('udp4')
    const done = (address: string | undefined): void => {
      socket.close()
      resolve(address)
    }
    socket.on('error', () => done(undefined))
    socket.connect(target, host, () => done(socket.address().address))
  })
  if (found !== undefined && !found.startsWith('127.')) return found
  const others = Object.entries(networkInterfaces()).flatMap(([name, list]) =>
    /^(docker|br-|veth|kg|lo)/.test(name) ? [] : (list ?? []).filter((one) => one.family === 'IPv4' && !one.internal),
  )
  return others[0]?.address ?? found ?? '127.0.0.1'
}

/** Without the times, which change at each look. */
export function stableNode(view: NodeView): string {
  const { conditions, ...rest } = view.status
  const plain = conditions?.map(({ lastHeartbeatTime: _a, lastTransitionTime: _b, ...condition }) => condition)
  return JSON.stringify([rest, plain, view.labels])
}
