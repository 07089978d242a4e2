/** What may change of a pod once it is there: images, a shorter deadline, more tolerations, fewer gates. */
import type { FieldError } from '../../schema/k8s/field-error.ts'
import { fieldForbidden, fieldInvalid } from '../../schema/k8s/field-error.ts'
import type { Container, Pod, PodSpec } from '../../schema/k8s/generated/types.ts'
import { same } from './same.ts'

const MAY_CHANGE = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',')

const NO_SPEC: PodSpec = { containers: [] }

export function podUpdateErrors(pod: Pod, old: Pod): readonly FieldError[] {
  const spec = pod.spec ?? NO_SPEC
  const before = old.spec ?? NO_SPEC
  for (const list of ['containers', 'initContainers'] as const) {
    if ((spec[list] ?? []).length !== (before[list] ?? []).length) {
      return [fieldForbidden(`spec.${list}`, 'pod updates may not add or remove containers')]
    }
  }
  const errors = [...deadlineErrors(spec, before), ...tolerationErrors(spec, before), ...gateErrors(spec, before)]
  if (same(spec, before)) return errors
  const changed = changedFields(withFreeFields(spec, before), before)
  if (changed.length > 0) {
    const what = changed.map((field) => `  spec.${field}`).join('\n')
    errors.push(fieldForbidden('spec', `pod updates may not change fields other than ${MAY_CHANGE}\n${what}`))
  }
  return errors
}

function deadlineErrors(spec: PodSpec, before: PodSpec): FieldError[] {
  const path = 'spec.activeDeadlineSeconds'
  const { activeDeadlineSeconds: now } = spec
  const { activeDeadlineSeconds: then } = before
  if (now === undefined) {
    return then === undefined ? [] : [fieldInvalid(path, null, 'must not update from a positive integer to nil value')]
  }
  return then !== undefined && then < now
    ? [fieldInvalid(path, now, 'must be less than or equal to previous value')]
    : []
}

function tolerationErrors(spec: PodSpec, before: PodSpec): FieldError[] {
  const kept = (before.tolerations ?? []).every((old) =>
    (spec.tolerations ?? []).some((one) => same({ ...old, tolerationSeconds: 0 }, { ...one, tolerationSeconds: 0 })),
  )
  const why = 'existing toleration can not be modified except its tolerationSeconds'
  return kept ? [] : [fieldForbidden('spec.tolerations', why)]
}

function gateErrors(spec: PodSpec, before: PodSpec): FieldError[] {
  const known = new Set((before.schedulingGates ?? []).map((gate) => gate.name))
  return (spec.schedulingGates ?? []).flatMap(({ name }, index) => {
    if (known.has(name)) return []
    const why = `only deletion is allowed, but found new scheduling gate '${name}'`
    return [fieldForbidden(`spec.schedulingGates[${index}].name`, why)]
  })
}

/** The new spec with everything that may change as it was. While a pod is gated its node may still be narrowed. */
function withFreeFields(spec: PodSpec, before: PodSpec): PodSpec {
  const gated = (before.schedulingGates ?? []).length > 0
  const images = (
    list: readonly Container[] | undefined,
    old: readonly Container[] | undefined,
  ): readonly Container[] => (list ?? []).map((one, index) => ({ ...one, image: old?.[index]?.image ?? '' }))
  const graceFixed = (before.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1
  const free: Record<string, unknown> = {
    ...spec,
    containers: images(spec.containers, before.containers),
    initContainers: images(spec.initContainers, before.initContainers),
    activeDeadlineSeconds: before.activeDeadlineSeconds,
    tolerations: before.tolerations,
    schedulingGates: before.schedulingGates,
  }
  if (graceFixed) free['terminationGracePeriodSeconds'] = before.terminationGracePeriodSeconds
  if (gated && narrows(spec.nodeSelector, before.nodeSelector)) free['nodeSelector'] = before.nodeSelector
  return free as unknown as PodSpec
}

/** Every old label is still asked for. */
function narrows(now: PodSpec['nodeSelector'], then: PodSpec['nodeSelector']): boolean {
  return Object.entries(then ?? {}).every(([key, value]) => now?.[key] === value)
}

/** Paths that differ, as deep as containers: `containers[0].env`, `nodeName`. At most ten. */
function changedFields(spec: PodSpec, before: PodSpec): readonly string[] {
  const changed: string[] = []
  const now = spec as unknown as Record<string, unknown>
  const then = before as unknown as Record<string, unknown>
  for (const field of new Set([...Object.keys(now), ...Object.keys(then)])) {
    if (same(now[field], then[field])) continue
    if (field === 'containers' || field === 'initContainers') {
      changed.push(...changedContainers(spec[field] ?? [], before[field] ?? [], field))
    } else changed.push(field)
  }
  return changed.slice(0, 10)
}

function changedContainers(list: readonly Container[], old: readonly Container[], name: string): readonly string[] {
  return list.flatMap((container, index) => {
    const now = container as unknown as Record<string, unknown>
    const then = (old[index] ?? {}) as unknown as Record<string, unknown>
    const fields = [...new Set([...Object.keys(now), ...Object.keys(then)])]
    return fields.filter((field) => !same(now[field], then[field])).map((field) => `${name}[${index}].${field}`)
  })
}
