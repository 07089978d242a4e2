/** Rules for probes and lifecycle hooks. */
import type { FieldError } from '../../schema/k8s/field-error.ts'
import { fieldForbidden, fieldInvalid, fieldNotSupported, fieldRequired } from '../../schema/k8s/field-error.ts'
import type {
  Container,
  HTTPGetAction,
  IntOrString,
  LifecycleHandler,
  Probe,
} from '../../schema/k8s/generated/types.ts'
import { isHttpHeaderName, isPortName, isPortNumber } from '../../schema/k8s/names.ts'
import { invalidEach, notNegative } from './errors.ts'

type Handler = Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'> & Pick<LifecycleHandler, 'sleep'>

/** Probes and hooks of a container that keeps running. */
export function probeErrors(container: Container, path: string, graceSeconds: number): readonly FieldError[] {
  const { livenessProbe, readinessProbe, startupProbe, lifecycle } = container
  return [
    ...hookErrors(lifecycle?.postStart, `${path}.lifecycle.postStart`, graceSeconds),
    ...hookErrors(lifecycle?.preStop, `${path}.lifecycle.preStop`, graceSeconds),
    ...oneProbe(livenessProbe, `${path}.livenessProbe`, 'once'),
    ...oneProbe(readinessProbe, `${path}.readinessProbe`, 'ready'),
    ...oneProbe(startupProbe, `${path}.startupProbe`, 'once'),
  ]
}

/** An init container ends, so nothing may probe it. */
export function noProbeErrors(container: Container, path: string): readonly FieldError[] {
  const fields = ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const
  return fields
    .filter((field) => container[field] !== undefined)
    .map((field) =>
      fieldForbidden(`${path}.${field}`, 'may not be set for init containers without restartPolicy=Always'),
    )
}

function oneProbe(probe: Probe | undefined, path: string, kind: 'once' | 'ready'): readonly FieldError[] {
  if (probe === undefined) return []
  const { terminationGracePeriodSeconds: grace, successThreshold } = probe
  const errors: FieldError[] = [...handlerErrors(probe, path, Infinity)]
  const counts = [
    'initialDelaySeconds',
    'timeoutSeconds',
    'periodSeconds',
    'successThreshold',
    'failureThreshold',
  ] as const
  for (const count of counts) errors.push(...notNegative(`${path}.${count}`, probe[count]))
  if (grace !== undefined && grace <= 0) {
    errors.push(fieldInvalid(`${path}.terminationGracePeriodSeconds`, grace, 'must be greater than 0'))
  }
  if (kind === 'once' && successThreshold !== 1) {
    errors.push(fieldInvalid(`${path}.successThreshold`, successThreshold ?? 0, 'must be 1'))
  }
  if (kind === 'ready' && grace !== undefined) {
    errors.push(fieldInvalid(`${path}.terminationGracePeriodSeconds`, grace, 'must not be set for readinessProbes'))
  }
  return errors
}

function hookErrors(hook: LifecycleHandler | undefined, path: string, graceSeconds: number): readonly FieldError[] {
  return hook === undefined ? [] : handlerErrors(hook, path, graceSeconds)
}

function handlerErrors(handler: Handler, path: string, graceSeconds: number): readonly FieldError[] {
  const types = (['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const).filter(
    (type) => handler[type] !== undefined,
  )
  const [first] = types
  if (first === undefined) return [fieldRequired(path, 'must specify a handler type')]
  return [
    ...actionErrors(handler, first, `${path}.${first}`, graceSeconds),
    ...types.slice(1).map((type) => fieldForbidden(`${path}.${type}`, 'may not specify more than 1 handler type')),
  ]
}

function actionErrors(
  handler: Handler,
  type: keyof Handler,
  path: string,
  graceSeconds: number,
): readonly FieldError[] {
  switch (type) {
    case 'exec':
      return (handler.exec?.command ?? []).length === 0 ? [fieldRequired(`${path}.command`)] : []
    case 'httpGet':
      return handler.httpGet === undefined ? [] : httpErrors(handler.httpGet, path)
    case 'tcpSocket':
      return portErrors(handler.tcpSocket?.port ?? 0, `${path}.port`)
    case 'grpc':
      return portErrors(handler.grpc?.port ?? 0, `${path}.port`)
    case 'sleep': {
      const seconds = handler.sleep?.seconds ?? 0
      const rule = `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`
      return seconds < 0 || seconds > graceSeconds ? [fieldInvalid(path, seconds, rule)] : []
    }
  }
}

function httpErrors(action: HTTPGetAction, path: string): readonly FieldError[] {
  const errors: FieldError[] = [...portErrors(action.port, `${path}.port`)]
  if (action.scheme !== 'HTTP' && action.scheme !== 'HTTPS') {
    errors.push(fieldNotSupported(`${path}.scheme`, action.scheme ?? '', ['HTTP', 'HTTPS']))
  }
  for (const { name = '' } of action.httpHeaders ?? []) {
    errors.push(...invalidEach(`${path}.httpHeaders`, name, isHttpHeaderName(name)))
  }
  return errors
}

/** A number, or the name of a port. */
export function portErrors(port: IntOrString, path: string): readonly FieldError[] {
  return invalidEach(path, port, typeof port === 'number' ? isPortNumber(port) : isPortName(port))
}
