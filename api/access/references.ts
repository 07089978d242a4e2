/** The Secrets and ConfigMaps a pod names, as upstream's node authorizer counts them: what a node may read for it. */
import type { Container, EphemeralContainer, Pod, Volume } from '../../schema/k8s/generated/types.ts'

export interface References {
  readonly secrets: ReadonlySet<string>
  readonly configMaps: ReadonlySet<string>
}

/** Names within the pod's namespace, optional ones included. */
export function referencesOf(pod: Pod): References {
  const secrets = new Set<string>()
  const configMaps = new Set<string>()
  const add = (names: Set<string>, name: string | undefined): void => {
    if (name !== undefined && name !== '') names.add(name)
  }
  const { spec } = pod
  for (const secret of spec?.imagePullSecrets ?? []) add(secrets, secret.name)
  const containers: readonly (Container | EphemeralContainer)[] = [
    ...(spec?.initContainers ?? []),
    ...(spec?.containers ?? []),
    ...(spec?.ephemeralContainers ?? []),
  ]
  for (const container of containers) {
    for (const source of container.envFrom ?? []) {
      add(secrets, source.secretRef?.name)
      add(configMaps, source.configMapRef?.name)
    }
    for (const { valueFrom } of container.env ?? []) {
      add(secrets, valueFrom?.secretKeyRef?.name)
      add(configMaps, valueFrom?.configMapKeyRef?.name)
    }
  }
  for (const volume of spec?.volumes ?? []) {
    for (const name of secretsOfVolume(volume)) add(secrets, name)
    add(configMaps, volume.configMap?.name)
    for (const source of volume.projected?.sources ?? []) {
      add(secrets, source.secret?.name)
      add(configMaps, source.configMap?.name)
    }
  }
  return { secrets, configMaps }
}

function secretsOfVolume(volume: Volume): readonly (string | undefined)[] {
  return [
    volume.secret?.secretName,
    volume.csi?.nodePublishSecretRef?.name,
    volume.azureFile?.secretName,
    volume.cephfs?.secretRef?.name,
    volume.flexVolume?.secretRef?.name,
    volume.iscsi?.secretRef?.name,
    volume.rbd?.secretRef?.name,
    volume.scaleIO?.secretRef?.name,
    volume.storageos?.secretRef?.name,
  ]
}
