/** Rules for a pod spec, of a pod or of a template, with upstream's paths and sentences, in upstream's order. */
import type { FieldError } from '../../schema/k8s/field-error.ts'
import { fieldForbidden, fieldInvalid, fieldRequired } from '../../schema/k8s/field-error.ts'
import type { PodSpec } from '../../schema/k8s/generated/types.ts'
import { isDns1123Label, isDns1123Subdomain, isQualifiedName, isUserOrGroupId } from '../../schema/k8s/names.ts'
import { containerErrors, initContainerErrors } from './container-errors.ts'
import { invalidEach, oneOf, optionalAnd } from './errors.ts'
import { ipProblems } from './ip.ts'
import { labelErrors } from './metadata.ts'
import { nodeAffinityErrors, tolerationErrors } from './scheduling-errors.ts'
import { treatmentErrors } from './treated.ts'
import { volumeErrors } from './volume-errors.ts'

const MAX_INT32 = 2_147_483_647

export function podSpecErrors(spec: PodSpec, path: string, of: 'pod' | 'template'): readonly FieldError[] {
  const { errors, names: volumes } = volumeErrors(spec.volumes ?? [], `${path}.volumes`)
  const around = { volumes, graceSeconds: spec.terminationGracePeriodSeconds ?? 0 }
  const others = spec.containers ?? []
  return [
    ...treatmentErrors(spec, path),
    ...errors,
    ...containerErrors(others, `${path}.containers`, around),
    ...initContainerErrors(spec.initContainers ?? [], `${path}.initContainers`, { ...around, others }),
    ...hostNetworkErrors(spec, path, of),
    ...oneOf(`${path}.restartPolicy`, spec.restartPolicy, ['Always', 'OnFailure', 'Never']),
    ...oneOf(`${path}.dnsPolicy`, spec.dnsPolicy, ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None']),
    ...labelErrors(spec.nodeSelector, `${path}.nodeSelector`),
    ...securityErrors(spec, `${path}.securityContext`),
    ...nodeAffinityErrors(spec.affinity?.nodeAffinity, `${path}.affinity.nodeAffinity`),
    ...dnsErrors(spec, `${path}.dnsConfig`),
    ...gateErrors(spec, path),
    ...nameErrors(spec, path),
    ...tolerationErrors(spec.tolerations ?? [], `${path}.tolerations`),
    ...aliasErrors(spec, `${path}.hostAliases`),
  ]
}

/** In the network of the host, ports are the host's; a template may leave them out. */
function hostNetworkErrors(spec: PodSpec, path: string, of: 'pod' | 'template'): readonly FieldError[] {
  if (spec.hostNetwork !== true) return []
  return (spec.containers ?? []).flatMap((container, index) =>
    (container.ports ?? []).flatMap((port, at) => {
      const { hostPort = 0, containerPort } = port
      if (hostPort === containerPort || (of === 'template' && hostPort === 0)) return []
      const where = `${path}.containers[${index}].ports[${at}].hostPort`
      return [fieldInvalid(where, hostPort, 'must match `containerPort` when `hostNetwork` is true')]
    }),
  )
}

function securityErrors(spec: PodSpec, path: string): readonly FieldError[] {
  const { runAsUser, runAsGroup, fsGroup, supplementalGroups = [] } = spec.securityContext ?? {}
  const id = (name: string, value: number | undefined): readonly FieldError[] =>
    value === undefined ? [] : invalidEach(`${path}.${name}`, value, isUserOrGroupId(value))
  const shared =
    spec.shareProcessNamespace === true && spec.hostPID === true
      ? [
          fieldInvalid(
            `${path.replace(/\.securityContext$/, '')}.shareProcessNamespace`,
            true,
            'ShareProcessNamespace and HostPID cannot both be enabled',
          ),
        ]
      : []
  return [
    ...shared,
    ...id('fsGroup', fsGroup),
    ...id('runAsUser', runAsUser),
    ...id('runAsGroup', runAsGroup),
    ...supplementalGroups.flatMap((group, index) => id(`supplementalGroups[${index}]`, group)),
  ]
}

function dnsErrors(spec: PodSpec, path: string): readonly FieldError[] {
  const { dnsPolicy, dnsConfig } = spec
  const servers = dnsConfig?.nameservers ?? []
  if (dnsPolicy === 'None') {
    if (dnsConfig === undefined) return [fieldRequired(path, 'must provide `dnsConfig` when `dnsPolicy` is None')]
    if (servers.length === 0) {
      return [fieldRequired(`${path}.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None')]
    }
  }
  const errors: FieldError[] = []
  if (servers.length > 3)
    errors.push(fieldInvalid(`${path}.nameservers`, servers, 'must not have more than 3 nameservers'))
  for (const [index, server] of servers.entries()) {
    errors.push(...invalidEach(`${path}.nameservers[${index}]`, server, ipProblems(server)))
  }
  const searches = dnsConfig?.searches ?? []
  if (searches.length > 32) {
    errors.push(fieldInvalid(`${path}.searches`, searches, 'must not have more than 32 search paths'))
  }
  if (searches.join(' ').length > 2048) {
    const rule = 'must not have more than 2048 characters (including spaces) in the search list'
    errors.push(fieldInvalid(`${path}.searches`, searches, rule))
  }
  for (const [index, { name = '' }] of (dnsConfig?.options ?? []).entries()) {
    if (name === '') errors.push(fieldRequired(`${path}.options[${index}]`, 'must not be empty'))
  }
  return errors
}

function gateErrors(spec: PodSpec, path: string): readonly FieldError[] {
  return [
    ...(spec.readinessGates ?? []).flatMap(({ conditionType }, index) =>
      invalidEach(`${path}.readinessGates[${index}].conditionType`, conditionType, isQualifiedName(conditionType)),
    ),
    ...(spec.schedulingGates ?? []).flatMap(({ name }, index) =>
      invalidEach(`${path}.schedulingGates[${index}]`, name, isQualifiedName(name)),
    ),
  ]
}

function nameErrors(spec: PodSpec, path: string): readonly FieldError[] {
  const { activeDeadlineSeconds: deadline, preemptionPolicy } = spec
  const errors: FieldError[] = [
    ...optionalAnd(`${path}.serviceAccountName`, spec.serviceAccountName, isDns1123Subdomain),
    ...optionalAnd(`${path}.nodeName`, spec.nodeName, isDns1123Subdomain),
  ]
  if (deadline !== undefined && (deadline < 1 || deadline > MAX_INT32)) {
    const rule = `must be between 1 and ${MAX_INT32}, inclusive`
    errors.push(fieldInvalid(`${path}.activeDeadlineSeconds`, deadline, rule))
  }
  errors.push(
    ...optionalAnd(`${path}.hostname`, spec.hostname, isDns1123Label),
    ...optionalAnd(`${path}.subdomain`, spec.subdomain, isDns1123Label),
    ...optionalAnd(`${path}.priorityClassName`, spec.priorityClassName, isDns1123Subdomain),
    ...optionalAnd(`${path}.runtimeClassName`, spec.runtimeClassName, isDns1123Subdomain),
  )
  if (preemptionPolicy !== undefined) {
    errors.push(...oneOf(`${path}.preemptionPolicy`, preemptionPolicy, ['Never', 'PreemptLowerPriority']))
  }
  return errors
}

function aliasErrors(spec: PodSpec, path: string): readonly FieldError[] {
  return (spec.hostAliases ?? []).flatMap(({ ip, hostnames = [] }, index) => [
    ...invalidEach(`${path}[${index}].ip`, ip, ipProblems(ip)),
    ...hostnames.flatMap((name, at) =>
      invalidEach(`${path}[${index}].hostnames[${at}]`, name, isDns1123Subdomain(name)),
    ),
  ])
}

/** What holds for pods and not for templates. */
export function podOnlyErrors(spec: PodSpec, path: string): readonly FieldError[] {
  const errors: FieldError[] = []
  for (const list of ['containers', 'initContainers'] as const) {
    for (const [index, { image = '' }] of (spec[list] ?? []).entries()) {
      if (image === image.trim()) continue
      const where = `${path}.${list}[${index}].image`
      errors.push(fieldInvalid(where, image, 'must not have leading or trailing whitespace'))
    }
  }
  if ((spec.nodeName ?? '') !== '' && (spec.schedulingGates ?? []).length > 0) {
    errors.push(fieldForbidden(`${path}.nodeName`, 'cannot be set until all schedulingGates have been cleared'))
  }
  return errors
}
