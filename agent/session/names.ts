// The Secrets and ConfigMaps a pod names, as `Secret ns/name` and `ConfigMap ns/name`.
import type { Container, Pod } from '../../schema/k8s/generated/types.ts'

export function namesOf(pod: Pod): Set<string> {
  const namespace = pod.metadata.namespace ?? ''
  const names = new Set<string>()
  const secret = (name: string | undefined): void => void (name && names.add(`Secret ${namespace}/${name}`))
  const configMap = (name: string | undefined): void => void (name && names.add(`ConfigMap ${namespace}/${name}`))

  for (const reference of pod.spec?.imagePullSecrets ?? []) secret(reference.name)
  for (const volume of pod.spec?.volumes ?? []) {
    secret(volume.secret?.secretName)
    configMap(volume.configMap?.name)
    for (const source of volume.projected?.sources ?? []) {
      secret(source.secret?.name)
      configMap(source.configMap?.name)
    }
  }
  const containers: readonly Container[] = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]
  for (const container of containers) {
    for (const from of container.envFrom ?? []) {
      secret(from.secretRef?.name)
      configMap(from.configMapRef?.name)
    }
    for (const variable of container.env ?? []) {
      secret(variable.valueFrom?.secretKeyRef?.name)
      configMap(variable.valueFrom?.configMapKeyRef?.name)
    }
  }
  return names
}
