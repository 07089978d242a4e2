/** Rules for the containers of a pod. */
import type { FieldError } from '../../schema/k8s/field-error.ts'
import { fieldDuplicate, fieldInvalid, fieldNotSupported, fieldRequired } from '../../schema/k8s/field-error.ts'
import type { Container, ContainerPort, SecurityContext } from '../../schema/k8s/generated/types.ts'
import { isDns1123Label, isPortName, isPortNumber, isUserOrGroupId } from '../../schema/k8s/names.ts'
import { envErrors, envFromErrors } from './env-errors.ts'
import { invalidEach, oneOf, requiredAnd } from './errors.ts'
import { isSidecar } from './pod-cells.ts'
import { noProbeErrors, probeErrors } from './probe-errors.ts'
import { resourceErrors } from './resource-errors.ts'
import { mountErrors } from './volume-errors.ts'

const PROTOCOLS = ['SCTP', 'TCP', 'UDP']
const RESTART_POLICIES = ['Always', 'Never', 'OnFailure']

interface Surroundings {
  readonly volumes: ReadonlySet<string>
  readonly graceSeconds: number
}

export function containerErrors(
  containers: readonly Container[],
  path: string,
  around: Surroundings,
): readonly FieldError[] {
  if (containers.length === 0) return [fieldRequired(path)]
  const names = new Set<string>()
  const errors: FieldError[] = []
  for (const [index, container] of containers.entries()) {
    const at = `${path}[${index}]`
    errors.push(...commonErrors(container, at, around))
    if (names.has(container.name)) errors.push(fieldDuplicate(`${at}.name`, container.name))
    names.add(container.name)
    errors.push(...probeErrors(container, at, around.graceSeconds))
    errors.push(...restartErrors(container, at))
  }
  return [...errors, ...hostPortErrors(containers, path, 0)]
}

export function initContainerErrors(
  containers: readonly Container[],
  path: string,
  around: Surroundings & { readonly others: readonly Container[] },
): readonly FieldError[] {
  const names = new Set(around.others.map((one) => one.name))
  const errors: FieldError[] = []
  for (const [index, container] of containers.entries()) {
    const at = `${path}[${index}]`
    errors.push(...commonErrors(container, at, around))
    errors.push(...restartErrors(container, at))
    if (names.has(container.name)) errors.push(fieldDuplicate(`${at}.name`, container.name))
    else if ((container.name ?? '') !== '') names.add(container.name)
    errors.push(...hostPortErrors([container], path, index))
    if (isSidecar(container)) errors.push(...probeErrors(container, at, around.graceSeconds))
    else errors.push(...noProbeErrors(container, at))
  }
  return errors
}

function restartErrors(container: Container, path: string): readonly FieldError[] {
  const policy = container.restartPolicy
  const good = policy === undefined || RESTART_POLICIES.includes(policy)
  return good ? [] : [fieldNotSupported(`${path}.restartPolicy`, policy, RESTART_POLICIES)]
}

function commonErrors(container: Container, path: string, { volumes }: Surroundings): readonly FieldError[] {
  return [
    ...requiredAnd(`${path}.name`, container.name, isDns1123Label),
    ...((container.image ?? '') === '' ? [fieldRequired(`${path}.image`)] : []),
    ...oneOf(`${path}.terminationMessagePolicy`, container.terminationMessagePolicy, ['File', 'FallbackToLogsOnError']),
    ...portsErrors(container.ports ?? [], `${path}.ports`),
    ...envErrors(container.env ?? [], `${path}.env`),
    ...envFromErrors(container.envFrom ?? [], `${path}.envFrom`),
    ...mountErrors(container.volumeMounts ?? [], volumes, `${path}.volumeMounts`),
    ...oneOf(`${path}.imagePullPolicy`, container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never']),
    ...resourceErrors(container.resources, `${path}.resources`),
    ...securityErrors(container.securityContext, `${path}.securityContext`),
  ]
}

function portsErrors(ports: readonly ContainerPort[], path: string): readonly FieldError[] {
  const names = new Set<string>()
  return ports.flatMap((port, index) => {
    const at = `${path}[${index}]`
    const { name = '', containerPort = 0, hostPort = 0, protocol } = port as Partial<ContainerPort>
    const errors: FieldError[] = []
    if (name !== '') {
      const problems = isPortName(name)
      errors.push(...invalidEach(`${at}.name`, name, problems))
      if (problems.length === 0 && names.has(name)) errors.push(fieldDuplicate(`${at}.name`, name))
      names.add(name)
    }
    if (containerPort === 0) errors.push(fieldRequired(`${at}.containerPort`))
    else errors.push(...invalidEach(`${at}.containerPort`, containerPort, isPortNumber(containerPort)))
    if (hostPort !== 0) errors.push(...invalidEach(`${at}.hostPort`, hostPort, isPortNumber(hostPort)))
    return [...errors, ...oneOf(`${at}.protocol`, protocol, PROTOCOLS)]
  })
}

/** Two containers cannot have the same port of the host. */
function hostPortErrors(containers: readonly Container[], path: string, first: number): readonly FieldError[] {
  const seen = new Set<string>()
  return containers.flatMap((container, index) =>
    (container.ports ?? []).flatMap((port, at) => {
      if ((port.hostPort ?? 0) === 0) return []
      const id = `${port.protocol ?? ''}/${port.hostIP ?? ''}/${port.hostPort}`
      if (seen.has(id)) return [fieldDuplicate(`${path}[${first + index}].ports[${at}].hostPort`, id)]
      seen.add(id)
      return []
    }),
  )
}

function securityErrors(context: SecurityContext | undefined, path: string): readonly FieldError[] {
  if (context === undefined) return []
  const { runAsUser, runAsGroup, allowPrivilegeEscalation, privileged, capabilities } = context
  const errors: FieldError[] = []
  if (runAsUser !== undefined) errors.push(...invalidEach(`${path}.runAsUser`, runAsUser, isUserOrGroupId(runAsUser)))
  if (runAsGroup !== undefined)
    errors.push(...invalidEach(`${path}.runAsGroup`, runAsGroup, isUserOrGroupId(runAsGroup)))
  if (allowPrivilegeEscalation === false) {
    const rule = 'cannot set `allowPrivilegeEscalation` to false and'
    if (privileged === true) errors.push(fieldInvalid(path, context, `${rule} \`privileged\` to true`))
    if (capabilities?.add?.includes('CAP_SYS_ADMIN') === true) {
      errors.push(fieldInvalid(path, context, `${rule} \`capabilities.Add\` CAP_SYS_ADMIN`))
    }
  }
  return errors
}
