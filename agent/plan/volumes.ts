// A pod's volumes, translated: which directories must exist on the node and what is in them. Contents are final
// bytes; a ConfigMap, Secret or key that is missing and not optional is an Unmet with upstream's sentence.
import { fromBase64 } from '../../schema/k8s/base64.ts'
import type {
  ConfigMap,
  DownwardAPIVolumeFile,
  KeyToPath,
  Pod,
  Secret,
  Volume,
  VolumeProjection,
} from '../../schema/k8s/generated/types.ts'
import { toUtf8 } from '../../schema/k8s/utf8.ts'
import type { PodAddress } from './downward.ts'
import { fieldValue, resourceValue } from './downward.ts'
import { wholeOf } from './quantities.ts'
import type { NodeFacts, Sources } from './sources.ts'
import { Unmet } from './sources.ts'

export interface VolumeFile {
  /** inside the volume, no `..`, no leading slash */
  readonly path: string
  readonly mode: number
  readonly bytes: Uint8Array
}

export type VolumeDescription =
  | {
      readonly kind: 'directory'
      readonly name: string
      readonly path: string
      readonly memory: boolean
      readonly sizeLimitBytes: number
      readonly fsGroup: number | undefined
    }
  | {
      readonly kind: 'files'
      readonly name: string
      readonly path: string
      readonly memory: boolean
      readonly files: readonly VolumeFile[]
      readonly fsGroup: number | undefined
    }
  | { readonly kind: 'host'; readonly name: string; readonly path: string; readonly type: string }

export interface VolumesInput {
  readonly pod: Pod
  readonly node: NodeFacts
  readonly address: PodAddress
  readonly sources: Sources
}

/** A volume that cannot be set up, with its name for the event. */
export class VolumeUnmet extends Unmet {
  readonly volume: string
  constructor(volume: string, message: string) {
    super(message)
    this.name = 'VolumeUnmet'
    this.volume = volume
  }
}

export function describeVolumes(input: VolumesInput): VolumeDescription[] {
  return (input.pod.spec?.volumes ?? []).map((volume) => {
    try {
      return describe(volume, input)
    } catch (error) {
      if (error instanceof Unmet) throw new VolumeUnmet(volume.name, error.message)
      throw error
    }
  })
}

function describe(volume: Volume, input: VolumesInput): VolumeDescription {
  const { pod, node } = input
  const { name } = volume
  const fsGroup = pod.spec?.securityContext?.fsGroup
  const home = (plugin: string): string => volumePath(node.podsDir, pod.metadata.uid ?? '', plugin, name)
  const namespace = pod.metadata.namespace ?? ''
  if (volume.hostPath !== undefined) {
    return { kind: 'host', name, path: volume.hostPath.path, type: volume.hostPath.type ?? '' }
  }
  if (volume.configMap !== undefined) {
    const { name: from = '', items, defaultMode = 0o644, optional } = volume.configMap
    const map = input.sources.configMap(namespace, from)
    if (map === undefined && optional !== true) throw new Unmet(`configmap "${from}" not found`)
    const files = chosen(configMapFiles(map), items, { defaultMode, optional, missing: configKeyMissing })
    return { kind: 'files', name, path: home('configmap'), memory: false, files, fsGroup }
  }
  if (volume.secret !== undefined) {
    const { secretName: from = '', items, defaultMode = 0o644, optional } = volume.secret
    const secret = input.sources.secret(namespace, from)
    if (secret === undefined && optional !== true) throw new Unmet(`secret "${from}" not found`)
    const files = chosen(secretFiles(secret), items, { defaultMode, optional, missing: secretKeyMissing })
    return { kind: 'files', name, path: home('secret'), memory: true, files, fsGroup }
  }
  if (volume.downwardAPI !== undefined) {
    const files = downwardFiles(volume.downwardAPI.items ?? [], volume.downwardAPI.defaultMode ?? 0o644, input)
    return { kind: 'files', name, path: home('downward-api'), memory: true, files, fsGroup }
  }
  if (volume.projected !== undefined) {
    const mode = volume.projected.defaultMode ?? 0o644
    const files = (volume.projected.sources ?? []).flatMap((source) => projectedFiles(source, mode, input))
    return { kind: 'files', name, path: home('projected'), memory: true, files, fsGroup }
  }
  if (volume.emptyDir !== undefined || Object.keys(volume).length === 1) {
    const memory = volume.emptyDir?.medium === 'Memory'
    const sizeLimitBytes = wholeOf(volume.emptyDir?.sizeLimit)
    return { kind: 'directory', name, path: home('empty-dir'), memory, sizeLimitBytes, fsGroup }
  }
  const kind = Object.keys(volume).find((key) => key !== 'name') ?? ''
  throw new Unmet(`kedge does not mount volumes of type ${kind}`)
}

function volumePath(podsDir: string, uid: string, plugin: string, name: string): string {
  return `${podsDir}/${uid}/volumes/kubernetes.io~${plugin}/${name}`
}

const configKeyMissing = (key: string): string => `configmap references non-existent config key: ${key}`
const secretKeyMissing = (key: string): string => `references non-existent secret key: ${key}`

function configMapFiles(map: ConfigMap | undefined): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  for (const [key, value] of Object.entries(map?.data ?? {})) files.set(key, toUtf8(value))
  for (const [key, value] of Object.entries(map?.binaryData ?? {})) files.set(key, fromBase64(value))
  return files
}

function secretFiles(secret: Secret | undefined): Map<string, Uint8Array> {
  return new Map(Object.entries(secret?.data ?? {}).map(([key, value]) => [key, fromBase64(value)]))
}

interface Choice {
  readonly defaultMode: number
  readonly optional: boolean | undefined
  readonly missing: (key: string) => string
}

function chosen(
  all: ReadonlyMap<string, Uint8Array>,
  items: readonly KeyToPath[] | undefined,
  choice: Choice,
): VolumeFile[] {
  if (items === undefined || items.length === 0) {
    return [...all].map(([path, bytes]) => ({ path, mode: choice.defaultMode, bytes }))
  }
  return items.flatMap(({ key, path, mode }) => {
    const bytes = all.get(key)
    if (bytes !== undefined) return [{ path, mode: mode ?? choice.defaultMode, bytes }]
    if (choice.optional === true) return []
    throw new Unmet(choice.missing(key))
  })
}

function downwardFiles(
  items: readonly DownwardAPIVolumeFile[],
  defaultMode: number,
  input: VolumesInput,
): VolumeFile[] {
  return items.map(({ path, fieldRef, resourceFieldRef, mode }) => {
    let text = ''
    if (fieldRef !== undefined) text = fieldValue(fieldRef.fieldPath, input.pod, input.node, input.address)
    if (resourceFieldRef !== undefined) {
      const containers = [...(input.pod.spec?.containers ?? []), ...(input.pod.spec?.initContainers ?? [])]
      const container = containers.find((one) => one.name === resourceFieldRef.containerName)
      if (container === undefined) throw new Unmet(`container ${resourceFieldRef.containerName ?? ''} not found`)
      text = resourceValue(resourceFieldRef, container, input.node)
    }
    return { path, mode: mode ?? defaultMode, bytes: toUtf8(text) }
  })
}

function projectedFiles(source: VolumeProjection, defaultMode: number, input: VolumesInput): VolumeFile[] {
  const namespace = input.pod.metadata.namespace ?? ''
  if (source.configMap !== undefined) {
    const { name = '', items, optional } = source.configMap
    const map = input.sources.configMap(namespace, name)
    if (map === undefined && optional !== true) throw new Unmet(`configmap "${name}" not found`)
    return chosen(configMapFiles(map), items, { defaultMode, optional, missing: configKeyMissing })
  }
  if (source.secret !== undefined) {
    const { name = '', items, optional } = source.secret
    const secret = input.sources.secret(namespace, name)
    if (secret === undefined && optional !== true) throw new Unmet(`secret "${name}" not found`)
    return chosen(secretFiles(secret), items, { defaultMode, optional, missing: secretKeyMissing })
  }
  if (source.downwardAPI !== undefined) return downwardFiles(source.downwardAPI.items ?? [], defaultMode, input)
  throw new Unmet(`kedge does not project ${Object.keys(source)[0] ?? 'an empty source'}`)
}
