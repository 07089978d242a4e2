// The first translation: a Kubernetes container (or a pod's sandbox) becomes our own description of it.
// agent/driver/docker.ts holds the second.
import type { Container, Pod, VolumeMount } from '../../schema/k8s/generated/types.ts'
import { cgroupParent } from './cgroup.ts'
import type { ContainerDescription, MountDescription } from './description.ts'
import { environment } from './env.ts'
import { expand } from './expand.ts'
import { podHostname } from './files.ts'
import { containerName, specHash } from './names.ts'
import { LABEL, SANDBOX } from './observed.ts'
import { oomScoreAdj, qosClass } from './qos.ts'
import { milliOf, wholeOf } from './quantities.ts'
import type { NodeFacts, Sources } from './sources.ts'
import { Unmet } from './sources.ts'
import type { VolumeDescription } from './volumes.ts'

const LOG_MAX_BYTES = 10 * 2 ** 20
const LOG_MAX_FILES = 5
const DEFAULT_GRACE_SECONDS = 30
const CPU_PERIOD_US = 100_000

export interface SandboxInput {
  readonly pod: Pod
  readonly node: NodeFacts
  readonly attempt: number
  /** empty on the host's network */
  readonly ip: string
  readonly veth: string
}

/** The pause container that holds the pod's namespaces. */
export function describeSandbox(input: SandboxInput): ContainerDescription {
  const { pod, node, attempt } = input
  const spec = pod.spec
  const host = spec?.hostNetwork === true
  const sysctls = Object.fromEntries((spec?.securityContext?.sysctls ?? []).map(({ name, value }) => [name, value]))
  return {
    ...common(pod, node, SANDBOX, attempt),
    image: node.pauseImage,
    labels: {
      ...labels(pod, node, SANDBOX, attempt),
      [LABEL.type]: 'podsandbox',
      ...(input.ip === '' ? {} : { [LABEL.ip]: input.ip }),
      ...(input.veth === '' ? {} : { [LABEL.veth]: input.veth }),
    },
    env: [],
    tty: false,
    stdin: false,
    stdinOnce: false,
    groups: [],
    mounts: [],
    network: host ? 'host' : 'none',
    ipc: spec?.hostIPC === true ? 'host' : 'shareable',
    pidNamespace: spec?.hostPID === true ? 'host' : 'own',
    ...(host ? {} : { hostname: podHostname(pod) }),
    sysctls,
    cpuShares: 2,
    cpuQuota: 0,
    memoryBytes: 0,
    oomScoreAdj: node.canLowerOomScore ? -998 : 0,
    privileged: false,
    readOnlyRoot: true,
    noNewPrivileges: true,
    capAdd: [],
    capDrop: [],
    seccomp: 'default',
    unmaskedProc: false,
  }
}

export interface ContainerInput {
  readonly pod: Pod
  readonly container: Container
  readonly node: NodeFacts
  readonly sources: Sources
  readonly volumes: readonly VolumeDescription[]
  readonly attempt: number
  readonly sandbox: { readonly id: string; readonly attempt: number }
  readonly podIP: string
  readonly backoffMs: number
}

/** Throws Unmet when something the container names is not there. */
export function describeContainer(input: ContainerInput): ContainerDescription {
  const { pod, container, node, attempt } = input
  const env = environment({ pod, container, node, sources: input.sources, address: { podIP: input.podIP } })
  const filled = (text: string): string => expand(text, (name) => env.get(name))
  const context = { ...pod.spec?.securityContext, ...container.securityContext }
  const own = container.securityContext
  const user = userOf(context.runAsUser, context.runAsGroup)
  const limits = container.resources?.limits ?? {}
  const requests = container.resources?.requests ?? {}
  const cpuLimit = milliOf(limits['cpu'])
  const cpuRequest = requests['cpu'] === undefined ? cpuLimit : milliOf(requests['cpu'])
  const privileged = own?.privileged === true
  const pid = pod.spec?.shareProcessNamespace === true ? { pod: input.sandbox.id } : 'own'
  return {
    ...common(pod, node, container.name, attempt),
    image: container.image ?? '',
    labels: {
      ...labels(pod, node, container.name, attempt),
      [LABEL.type]: 'container',
      [LABEL.specHash]: specHash(container),
      [LABEL.sandbox]: String(input.sandbox.attempt),
      [LABEL.backoffMs]: String(input.backoffMs),
      [LABEL.terminationMessagePath]: terminationPath(container),
    },
    ...(container.command === undefined ? {} : { command: container.command.map(filled) }),
    ...(container.args === undefined ? {} : { args: container.args.map(filled) }),
    env: [...env].map(([name, value]) => `${name}=${value}`),
    ...(container.workingDir === undefined || container.workingDir === '' ? {} : { workingDir: container.workingDir }),
    tty: container.tty === true,
    stdin: container.stdin === true,
    stdinOnce: container.stdinOnce === true,
    ...(user === undefined ? {} : { user }),
    groups: groupsOf(pod),
    mounts: [...volumeMounts(input, env), ...fileMounts(input)],
    network: pod.spec?.hostNetwork === true ? 'host' : { pod: input.sandbox.id },
    ipc: pod.spec?.hostIPC === true ? 'host' : { pod: input.sandbox.id },
    pidNamespace: pod.spec?.hostPID === true ? 'host' : pid,
    sysctls: {},
    cpuShares: cpuRequest === 0 ? 2 : Math.min(Math.max(Math.floor((cpuRequest * 1024) / 1000), 2), 262_144),
    cpuQuota: cpuLimit === 0 ? 0 : Math.max(Math.floor((cpuLimit * CPU_PERIOD_US) / 1000), 1000),
    memoryBytes: wholeOf(limits['memory']),
    oomScoreAdj: oomScoreAdj(pod, container, node),
    privileged,
    readOnlyRoot: own?.readOnlyRootFilesystem === true,
    noNewPrivileges: own?.allowPrivilegeEscalation === false,
    capAdd: own?.capabilities?.add ?? [],
    capDrop: own?.capabilities?.drop ?? [],
    seccomp: seccompOf(context.seccompProfile, privileged),
    unmaskedProc: own?.procMount === 'Unmasked',
    ...(container.lifecycle?.stopSignal === undefined ? {} : { stopSignal: container.lifecycle.stopSignal }),
  }
}

/**
 * runAsNonRoot against the user the image names. The image is only known when it is there, so this is asked
 * after the pull. Answers upstream's sentence, or undefined when all is well.
 */
export function rootRefusal(pod: Pod, container: Container, imageUser: string): string | undefined {
  const context = { ...pod.spec?.securityContext, ...container.securityContext }
  if (context.runAsNonRoot !== true) return undefined
  const where = `(pod: "${podText(pod)}", container: ${container.name})`
  if (context.runAsUser !== undefined) {
    return context.runAsUser === 0 ? `container's runAsUser breaks non-root policy ${where}` : undefined
  }
  const user = imageUser.split(':')[0] ?? ''
  if (user === '' || user === '0') return `container has runAsNonRoot and image will run as root ${where}`
  if (!/^\d+$/.test(user)) {
    return `container has runAsNonRoot and image has non-numeric user (${user}), cannot verify user is non-root ${where}`
  }
  return undefined
}

function podText(pod: Pod): string {
  return `${pod.metadata.name ?? ''}_${pod.metadata.namespace ?? ''}(${pod.metadata.uid ?? ''})`
}

function common(
  pod: Pod,
  node: NodeFacts,
  container: string,
  attempt: number,
): Pick<ContainerDescription, 'name' | 'cgroupParent' | 'logMaxBytes' | 'logMaxFiles'> {
  const { name = '', namespace = '', uid = '' } = pod.metadata
  return {
    name: containerName({ container, pod: name, namespace, uid, attempt }),
    cgroupParent: cgroupParent(node.cgroups, qosClass(pod), uid),
    logMaxBytes: LOG_MAX_BYTES,
    logMaxFiles: LOG_MAX_FILES,
  }
}

function labels(pod: Pod, node: NodeFacts, container: string, attempt: number): { [key: string]: string } {
  return {
    [LABEL.podName]: pod.metadata.name ?? '',
    [LABEL.podNamespace]: pod.metadata.namespace ?? '',
    [LABEL.podUid]: pod.metadata.uid ?? '',
    [LABEL.container]: container,
    [LABEL.cluster]: node.clusterUid,
    [LABEL.node]: node.name,
    [LABEL.attempt]: String(attempt),
    [LABEL.graceSeconds]: String(pod.spec?.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS),
  }
}

function userOf(user: number | undefined, group: number | undefined): string | undefined {
  if (user === undefined && group === undefined) return undefined
  return group === undefined ? String(user) : `${user ?? ''}:${group}`
}

function groupsOf(pod: Pod): string[] {
  const context = pod.spec?.securityContext
  const groups = [...(context?.supplementalGroups ?? [])]
  if (context?.fsGroup !== undefined) groups.push(context.fsGroup)
  return groups.map(String)
}

function seccompOf(profile: { type: string; localhostProfile?: string } | undefined, privileged: boolean): string {
  if (privileged || profile?.type === 'Unconfined') return 'unconfined'
  if (profile?.type === 'Localhost') {
    throw new Unmet(`seccomp profile ${profile.localhostProfile ?? ''}: kedge loads no profiles from the node's disk`)
  }
  return 'default'
}

function terminationPath(container: Container): string {
  return container.terminationMessagePath ?? '/dev/termination-log'
}

/** Where the agent keeps what a container wrote as its last words. */
export function terminationFile(podsDir: string, uid: string, container: string, attempt: number): string {
  return `${podsDir}/${uid}/containers/${container}/${attempt}`
}

function volumeMounts(input: ContainerInput, env: ReadonlyMap<string, string>): MountDescription[] {
  return (input.container.volumeMounts ?? []).map((mount) => {
    const volume = input.volumes.find((one) => one.name === mount.name)
    if (volume === undefined) throw new Unmet(`volumeMounts: volume ${mount.name} is not one of the pod's volumes`)
    const subPath = subPathOf(mount, env)
    return {
      source: volume.path,
      target: mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`,
      readOnly: mount.readOnly === true || volume.kind === 'files',
      propagation: PROPAGATION[mount.mountPropagation ?? 'None'],
      createMissing: volume.kind === 'host' && volume.type === '',
      ...(subPath === '' ? {} : { subPath }),
    }
  })
}

const PROPAGATION = { None: 'private', HostToContainer: 'rslave', Bidirectional: 'rshared' } as const

function subPathOf(mount: VolumeMount, env: ReadonlyMap<string, string>): string {
  if (mount.subPathExpr === undefined || mount.subPathExpr === '') return mount.subPath ?? ''
  const text = expand(mount.subPathExpr, (name) => {
    const value = env.get(name)
    if (value === undefined) throw new Unmet(`missing value for "${name}"`)
    return value
  })
  return text
}

/** Files of the agent's own, unless the pod mounts something of its own there. */
function fileMounts(input: ContainerInput): MountDescription[] {
  const { pod, container, node, attempt } = input
  const uid = pod.metadata.uid ?? ''
  const home = `${node.podsDir}/${uid}`
  const taken = new Set((container.volumeMounts ?? []).map((mount) => mount.mountPath))
  const wanted: [string, string][] = [
    [`${home}/resolv.conf`, '/etc/resolv.conf'],
    [terminationFile(node.podsDir, uid, container.name, attempt), terminationPath(container)],
  ]
  if (pod.spec?.hostNetwork !== true) wanted.unshift([`${home}/etc-hosts`, '/etc/hosts'])
  return wanted
    .filter(([, target]) => target !== '' && !taken.has(target))
    .map(([source, target]) => ({ source, target, readOnly: false, propagation: 'private', createMissing: false }))
}
