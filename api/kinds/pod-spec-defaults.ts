/**
 * Defaults of a pod spec, for pods and for templates, as upstream's scheme fills them. Idempotent. What only a Pod
 * gets (requests from limits, service links, host ports) is in `pod-defaults.ts`, so that templates stay as written.
 */
import type {
  Container,
  ContainerPort,
  EnvVar,
  EphemeralContainer,
  HTTPGetAction,
  Lifecycle,
  LifecycleHandler,
  PodSpec,
  Probe,
  Volume,
  VolumeProjection,
} from '../../schema/k8s/generated/types.ts'

/** Octal 0644. */
const FILE_MODE = 420

export function withPodSpecDefaults(spec: PodSpec): PodSpec {
  return {
    ...spec,
    ...(spec.volumes === undefined ? {} : { volumes: spec.volumes.map(withVolumeDefaults) }),
    ...(spec.initContainers === undefined ? {} : { initContainers: spec.initContainers.map(withContainerDefaults) }),
    // A pod without containers is refused later; until then the list stays absent, as it came.
    containers: (spec.containers as PodSpec['containers'] | undefined)?.map(
      withContainerDefaults,
    ) as PodSpec['containers'],
    ...(spec.ephemeralContainers === undefined
      ? {}
      : { ephemeralContainers: spec.ephemeralContainers.map(withContainerDefaults) }),
    restartPolicy: orText(spec.restartPolicy, 'Always'),
    terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds ?? 30,
    dnsPolicy: orText(spec.dnsPolicy, 'ClusterFirst'),
    ...serviceAccountOf(spec),
    securityContext: spec.securityContext ?? {},
    schedulerName: orText(spec.schedulerName, 'default-scheduler'),
  }
}

/** The deprecated `serviceAccount` is an alias of `serviceAccountName`. */
function serviceAccountOf(spec: PodSpec): Pick<PodSpec, 'serviceAccount' | 'serviceAccountName'> {
  const name = orText(spec.serviceAccountName, spec.serviceAccount ?? '')
  return name === '' ? {} : { serviceAccountName: name, serviceAccount: name }
}

function withContainerDefaults<T extends Container | EphemeralContainer>(container: T): T {
  const pullPolicy = isLatest(container.image ?? '') ? 'Always' : 'IfNotPresent'
  return {
    ...container,
    ...(container.ports === undefined ? {} : { ports: container.ports.map(withPortDefaults) }),
    ...(container.env === undefined ? {} : { env: container.env.map(withEnvDefaults) }),
    resources: container.resources ?? {},
    ...(container.livenessProbe === undefined ? {} : { livenessProbe: withProbeDefaults(container.livenessProbe) }),
    ...(container.readinessProbe === undefined ? {} : { readinessProbe: withProbeDefaults(container.readinessProbe) }),
    ...(container.startupProbe === undefined ? {} : { startupProbe: withProbeDefaults(container.startupProbe) }),
    ...(container.lifecycle === undefined ? {} : { lifecycle: withLifecycleDefaults(container.lifecycle) }),
    terminationMessagePath: orText(container.terminationMessagePath, '/dev/termination-log'),
    terminationMessagePolicy: orText(container.terminationMessagePolicy, 'File'),
    imagePullPolicy: orText(container.imagePullPolicy, pullPolicy),
  }
}

/** The tag `latest`, said or, without tag and digest, meant: pulled always. A port of the registry is no tag. */
function isLatest(image: string): boolean {
  if (image === '') return false
  const [name = '', digest] = image.split('@')
  const last = name.slice(name.lastIndexOf('/') + 1)
  const colon = last.indexOf(':')
  return colon < 0 ? digest === undefined : last.slice(colon + 1) === 'latest'
}

function withPortDefaults(port: ContainerPort): ContainerPort {
  return { ...port, protocol: orText(port.protocol, 'TCP') }
}

function withEnvDefaults(env: EnvVar): EnvVar {
  const ref = env.valueFrom?.fieldRef
  if (ref === undefined) return env
  return { ...env, valueFrom: { ...env.valueFrom, fieldRef: { ...ref, apiVersion: orText(ref.apiVersion, 'v1') } } }
}

function withProbeDefaults(probe: Probe): Probe {
  return {
    ...probe,
    ...(probe.httpGet === undefined ? {} : { httpGet: withHttpDefaults(probe.httpGet) }),
    ...(probe.grpc === undefined ? {} : { grpc: { ...probe.grpc, service: probe.grpc.service ?? '' } }),
    timeoutSeconds: orNumber(probe.timeoutSeconds, 1),
    periodSeconds: orNumber(probe.periodSeconds, 10),
    successThreshold: orNumber(probe.successThreshold, 1),
    failureThreshold: orNumber(probe.failureThreshold, 3),
  }
}

function withHttpDefaults(action: HTTPGetAction): HTTPGetAction {
  return { ...action, path: orText(action.path, '/'), scheme: orText(action.scheme, 'HTTP') }
}

function withLifecycleDefaults(lifecycle: Lifecycle): Lifecycle {
  const handler = (one: LifecycleHandler): LifecycleHandler =>
    one.httpGet === undefined ? one : { ...one, httpGet: withHttpDefaults(one.httpGet) }
  return {
    ...lifecycle,
    ...(lifecycle.postStart === undefined ? {} : { postStart: handler(lifecycle.postStart) }),
    ...(lifecycle.preStop === undefined ? {} : { preStop: handler(lifecycle.preStop) }),
  }
}

function withVolumeDefaults(volume: Volume): Volume {
  const { name: _name, ...sources } = volume
  if (Object.values(sources).every((source) => source === undefined)) return { ...volume, emptyDir: {} }
  const { secret, configMap, downwardAPI, projected, hostPath, image } = volume
  return {
    ...volume,
    ...(secret === undefined ? {} : { secret: { ...secret, defaultMode: secret.defaultMode ?? FILE_MODE } }),
    ...(configMap === undefined
      ? {}
      : { configMap: { ...configMap, defaultMode: configMap.defaultMode ?? FILE_MODE } }),
    ...(downwardAPI === undefined
      ? {}
      : {
          downwardAPI: {
            ...downwardAPI,
            ...(downwardAPI.items === undefined ? {} : { items: downwardAPI.items.map(withFileDefaults) }),
            defaultMode: downwardAPI.defaultMode ?? FILE_MODE,
          },
        }),
    ...(projected === undefined
      ? {}
      : {
          projected: {
            ...projected,
            ...(projected.sources === undefined ? {} : { sources: projected.sources.map(withProjectionDefaults) }),
            defaultMode: projected.defaultMode ?? FILE_MODE,
          },
        }),
    ...(hostPath === undefined ? {} : { hostPath: { ...hostPath, type: hostPath.type ?? '' } }),
    ...(image === undefined
      ? {}
      : {
          image: {
            ...image,
            pullPolicy: orText(image.pullPolicy, isLatest(image.reference ?? '') ? 'Always' : 'IfNotPresent'),
          },
        }),
    ...remoteVolumeDefaults(volume),
  }
}

/** Volumes of networks and clouds, for templates that other clusters wrote. */
function remoteVolumeDefaults(volume: Volume): Partial<Volume> {
  const { iscsi, rbd, azureDisk, scaleIO, ephemeral } = volume
  const claim = ephemeral?.volumeClaimTemplate
  return {
    ...(iscsi === undefined ? {} : { iscsi: { ...iscsi, iscsiInterface: orText(iscsi.iscsiInterface, 'default') } }),
    ...(rbd === undefined
      ? {}
      : {
          rbd: {
            ...rbd,
            pool: orText(rbd.pool, 'rbd'),
            user: orText(rbd.user, 'admin'),
            keyring: orText(rbd.keyring, '/etc/ceph/keyring'),
          },
        }),
    ...(azureDisk === undefined
      ? {}
      : {
          azureDisk: {
            ...azureDisk,
            cachingMode: azureDisk.cachingMode ?? 'ReadWrite',
            fsType: azureDisk.fsType ?? 'ext4',
            readOnly: azureDisk.readOnly ?? false,
            kind: azureDisk.kind ?? 'Shared',
          },
        }),
    ...(scaleIO === undefined
      ? {}
      : {
          scaleIO: {
            ...scaleIO,
            storageMode: orText(scaleIO.storageMode, 'ThinProvisioned'),
            fsType: orText(scaleIO.fsType, 'xfs'),
          },
        }),
    ...(claim === undefined
      ? {}
      : {
          ephemeral: {
            ...ephemeral,
            volumeClaimTemplate: {
              ...claim,
              spec: { ...claim.spec, volumeMode: claim.spec.volumeMode ?? 'Filesystem' },
            },
          },
        }),
  }
}

function withProjectionDefaults(source: VolumeProjection): VolumeProjection {
  const { serviceAccountToken: token, downwardAPI } = source
  return {
    ...source,
    ...(token === undefined
      ? {}
      : { serviceAccountToken: { ...token, expirationSeconds: token.expirationSeconds ?? 3600 } }),
    ...(downwardAPI?.items === undefined
      ? {}
      : { downwardAPI: { ...downwardAPI, items: downwardAPI.items.map(withFileDefaults) } }),
  }
}

type DownwardFile = NonNullable<NonNullable<Volume['downwardAPI']>['items']>[number]

function withFileDefaults(file: DownwardFile): DownwardFile {
  const ref = file.fieldRef
  return ref === undefined ? file : { ...file, fieldRef: { ...ref, apiVersion: orText(ref.apiVersion, 'v1') } }
}

function orText<T extends string>(value: T | undefined, fallback: T): T {
  return value === undefined || value === '' ? fallback : value
}

function orNumber(value: number | undefined, fallback: number): number {
  return value === undefined || value === 0 ? fallback : value
}
