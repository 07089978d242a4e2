// A container's environment: envFrom first, env over it, each value expanded with those before it.
import { fromBase64 } from '../../schema/k8s/base64.ts'
import type { Container, EnvVar, Pod } from '../../schema/k8s/generated/types.ts'
import { fromUtf8 } from '../../schema/k8s/utf8.ts'
import type { PodAddress } from './downward.ts'
import { fieldValue, resourceValue } from './downward.ts'
import { expand } from './expand.ts'
import type { NodeFacts, Sources } from './sources.ts'
import { Unmet } from './sources.ts'

export interface EnvInput {
  readonly pod: Pod
  readonly container: Container
  readonly node: NodeFacts
  readonly address: PodAddress
  readonly sources: Sources
}

/** Throws Unmet with upstream's sentence when a ConfigMap, a Secret or a key is missing and not optional. */
export function environment(input: EnvInput): Map<string, string> {
  const env = new Map<string, string>()
  for (const [name, value] of fromWholeObjects(input)) env.set(name, value)
  for (const variable of input.container.env ?? []) {
    const value = valueOf(variable, input, env)
    if (value !== undefined) env.set(variable.name, value)
  }
  return env
}

function* fromWholeObjects(input: EnvInput): Generator<[string, string]> {
  const namespace = input.pod.metadata.namespace ?? ''
  for (const from of input.container.envFrom ?? []) {
    const prefix = from.prefix ?? ''
    if (from.configMapRef !== undefined) {
      const name = from.configMapRef.name ?? ''
      const map = input.sources.configMap(namespace, name)
      if (map === undefined && from.configMapRef.optional !== true) throw new Unmet(`configmap "${name}" not found`)
      for (const [key, value] of Object.entries(map?.data ?? {})) yield [prefix + key, value]
    }
    if (from.secretRef !== undefined) {
      const name = from.secretRef.name ?? ''
      const secret = input.sources.secret(namespace, name)
      if (secret === undefined && from.secretRef.optional !== true) throw new Unmet(`secret "${name}" not found`)
      for (const [key, value] of Object.entries(secret?.data ?? {})) yield [prefix + key, fromUtf8(fromBase64(value))]
    }
  }
}

function valueOf(variable: EnvVar, input: EnvInput, env: ReadonlyMap<string, string>): string | undefined {
  if (variable.value !== undefined && variable.value !== '') return expand(variable.value, (name) => env.get(name))
  const from = variable.valueFrom
  const namespace = input.pod.metadata.namespace ?? ''
  if (from?.fieldRef !== undefined) return fieldValue(from.fieldRef.fieldPath, input.pod, input.node, input.address)
  if (from?.resourceFieldRef !== undefined) {
    const other = from.resourceFieldRef.containerName
    const whose = input.pod.spec?.containers.find((one) => one.name === other) ?? input.container
    return resourceValue(from.resourceFieldRef, whose, input.node)
  }
  if (from?.configMapKeyRef !== undefined) {
    const { name = '', key, optional } = from.configMapKeyRef
    const map = input.sources.configMap(namespace, name)
    if (map === undefined && optional !== true) throw new Unmet(`configmap "${name}" not found`)
    const value = map?.data?.[key]
    if (value === undefined && optional !== true) {
      throw new Unmet(`couldn't find key ${key} in ConfigMap ${namespace}/${name}`)
    }
    return value
  }
  if (from?.secretKeyRef !== undefined) {
    const { name = '', key, optional } = from.secretKeyRef
    const secret = input.sources.secret(namespace, name)
    if (secret === undefined && optional !== true) throw new Unmet(`secret "${name}" not found`)
    const value = secret?.data?.[key]
    if (value === undefined && optional !== true) {
      throw new Unmet(`couldn't find key ${key} in Secret ${namespace}/${name}`)
    }
    return value === undefined ? undefined : fromUtf8(fromBase64(value))
  }
  return ''
}
