/** Deployment: keeps a number of pods of one template, replacing old ones by a strategy. */
import type { FieldError } from '../../schema/k8s/field-error.ts'
import { fieldForbidden, fieldInvalid, fieldNotSupported } from '../../schema/k8s/field-error.ts'
import type { Deployment, IntOrString } from '../../schema/k8s/generated/types.ts'
import { isDns1123Label, isPercent } from '../../schema/k8s/names.ts'
import { AGE_COLUMN, age, column, containerCells, NAME_COLUMN, TEMPLATE_COLUMNS } from './column.ts'
import { invalidEach, notNegative } from './errors.ts'
import { defineKind, withField } from './generic.ts'
import { withTemplateDefaults } from './pod-template.ts'
import { same } from './same.ts'
import { replicasOf, replicaScale, selectorText } from './scale.ts'
import { subdomainName } from './names.ts'
import {
  countErrors,
  selectorErrors,
  selectorUpdateErrors,
  templateErrors,
  templateWarnings,
} from './workload-errors.ts'

type Spec = NonNullable<Deployment['spec']>

export const deployment = defineKind<Deployment>({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  shortNames: ['deploy'],
  categories: ['all'],
  hasStatus: true,
  scale: replicaScale,
  nameProblems: subdomainName,
  defaults: (object) => (object.spec === undefined ? object : { ...object, spec: withSpecDefaults(object.spec) }),
  validate: (object) => specErrors(object.spec ?? NO_SPEC),
  validateUpdate: (object, old) => selectorUpdateErrors(object.spec?.selector, old.spec?.selector),
  validateStatus: statusErrors,
  prepareStatus: (object, old) => ({
    ...old,
    metadata: withField(object.metadata, 'labels', old.metadata.labels),
    ...(object.status === undefined ? {} : { status: object.status }),
  }),
  hasGeneration: true,
  // Annotations count, because they are copied to the ReplicaSets.
  bumpsGeneration: (object, old) =>
    !same(object.spec, old.spec) || !same(object.metadata.annotations, old.metadata.annotations),
  columns: [
    NAME_COLUMN,
    column('Ready', 'string', 'Ready pods of those wanted.'),
    column('Up-to-date', 'string', 'Pods of the newest template.'),
    column('Available', 'string', 'Pods ready for long enough.'),
    AGE_COLUMN,
    ...TEMPLATE_COLUMNS,
  ],
  cells: (object, now) => [
    object.metadata.name ?? '',
    `${object.status?.readyReplicas ?? 0}/${replicasOf(object)}`,
    object.status?.updatedReplicas ?? 0,
    object.status?.availableReplicas ?? 0,
    age(object, now),
    ...containerCells(object.spec?.template.spec?.containers),
    selectorText(object.spec?.selector, { none: '', wrong: '<invalid>' }),
  ],
  warnings: (object, old) =>
    old !== undefined && same(object.spec, old.spec)
      ? []
      : [...nameWarnings(object, old), ...templateWarnings(object.spec?.template.spec)],
  support: { acts: 'rolling updates, recreate, scaling, revision history', storedOnly: [] },
})

const NO_SPEC: Spec = { template: {} }

function nameWarnings(object: Deployment, old: Deployment | undefined): readonly string[] {
  const problems = old === undefined ? isDns1123Label(object.metadata.name ?? '') : []
  if (problems.length === 0) return []
  const use = 'this is used in Pod names and hostnames, which can result in surprising behavior'
  return [`metadata.name: ${use}; a DNS label is recommended: [${problems.join(' ')}]`]
}

function specErrors(spec: Spec): readonly FieldError[] {
  const { progressDeadlineSeconds: deadline, minReadySeconds = 0 } = spec
  const errors: FieldError[] = [
    ...notNegative('spec.replicas', spec.replicas),
    ...selectorErrors(spec.selector, 'spec.selector'),
    ...templateErrors(spec.template, spec.selector, 'spec.template'),
    ...strategyErrors(spec.strategy),
    ...notNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...notNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit),
    ...notNegative('spec.progressDeadlineSeconds', deadline),
  ]
  if (deadline !== undefined && deadline <= minReadySeconds) {
    errors.push(fieldInvalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds'))
  }
  return errors
}

function strategyErrors(strategy: Spec['strategy']): readonly FieldError[] {
  const path = 'spec.strategy'
  if (strategy?.type === 'Recreate') {
    const why = "may not be specified when strategy `type` is 'Recreate'"
    return strategy.rollingUpdate === undefined ? [] : [fieldForbidden(`${path}.rollingUpdate`, why)]
  }
  if (strategy?.type !== 'RollingUpdate') {
    // The value is printed as upstream's internal type.
    const shown = { Type: strategy?.type ?? '', RollingUpdate: strategy?.rollingUpdate ?? null }
    return [fieldNotSupported(path, shown, ['Recreate', 'RollingUpdate'])]
  }
  const { maxUnavailable = 0, maxSurge = 0 } = strategy.rollingUpdate ?? {}
  const at = `${path}.rollingUpdate`
  const errors = [...shareErrors(maxUnavailable, `${at}.maxUnavailable`), ...shareErrors(maxSurge, `${at}.maxSurge`)]
  if (isNone(maxUnavailable) && isNone(maxSurge)) {
    errors.push(fieldInvalid(`${at}.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0'))
  }
  if (
    typeof maxUnavailable === 'string' &&
    isPercent(maxUnavailable).length === 0 &&
    Number.parseInt(maxUnavailable, 10) > 100
  ) {
    errors.push(fieldInvalid(`${at}.maxUnavailable`, maxUnavailable, 'must not be greater than 100%'))
  }
  return errors
}

/** A number that is not negative, or a percentage. */
function shareErrors(value: IntOrString, path: string): FieldError[] {
  return [...(typeof value === 'string' ? invalidEach(path, value, isPercent(value)) : notNegative(path, value))]
}

function isNone(value: IntOrString): boolean {
  return value === 0 || (typeof value === 'string' && Number.parseInt(value, 10) === 0)
}

const COUNTS = ['updatedReplicas', 'readyReplicas', 'availableReplicas', 'unavailableReplicas']

function statusErrors(object: Deployment, old: Deployment): readonly FieldError[] {
  const { status = {} } = object
  const collisions = status.collisionCount ?? 0
  return [
    ...countErrors(status, COUNTS),
    ...(collisions < (old.status?.collisionCount ?? 0)
      ? [fieldInvalid('status.collisionCount', collisions, 'cannot be decremented')]
      : []),
  ]
}

function withSpecDefaults(spec: Spec): Spec {
  const type = spec.strategy?.type ?? 'RollingUpdate'
  const rolling = spec.strategy?.rollingUpdate
  return {
    ...spec,
    replicas: spec.replicas ?? 1,
    ...(spec.template === undefined ? {} : { template: withTemplateDefaults(spec.template) }),
    strategy:
      type === 'RollingUpdate'
        ? {
            ...spec.strategy,
            type,
            rollingUpdate: {
              ...rolling,
              maxUnavailable: rolling?.maxUnavailable ?? '25%',
              maxSurge: rolling?.maxSurge ?? '25%',
            },
          }
        : { ...spec.strategy, type },
    revisionHistoryLimit: spec.revisionHistoryLimit ?? 10,
    progressDeadlineSeconds: spec.progressDeadlineSeconds ?? 600,
  }
}
