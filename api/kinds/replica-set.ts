/** ReplicaSet: keeps a number of pods of one template. */
import type { ReplicaSet } from '../../schema/k8s/generated/types.ts'
import { AGE_COLUMN, age, column, containerCells, NAME_COLUMN, TEMPLATE_COLUMNS } from './column.ts'
import { notNegative } from './errors.ts'
import { defineKind } from './generic.ts'
import { withTemplateDefaults } from './pod-template.ts'
import { replicasOf, replicaScale, selectorText } from './scale.ts'
import { subdomainName } from './names.ts'
import { same } from './same.ts'
import {
  countErrors,
  selectorErrors,
  selectorUpdateErrors,
  templateErrors,
  templateWarnings,
} from './workload-errors.ts'

export const replicaSet = defineKind<ReplicaSet>({
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  plural: 'replicasets',
  shortNames: ['rs'],
  categories: ['all'],
  hasStatus: true,
  scale: replicaScale,
  nameProblems: subdomainName,
  defaults(object) {
    if (object.spec === undefined) return object
    const { template } = object.spec
    return {
      ...object,
      spec: {
        ...object.spec,
        replicas: object.spec.replicas ?? 1,
        ...(template === undefined ? {} : { template: withTemplateDefaults(template) }),
      },
    }
  },
  prepareCreate: (object) => ({ ...object, status: { replicas: 0 } }),
  validate: (object) => [
    ...notNegative('spec.replicas', object.spec?.replicas),
    ...notNegative('spec.minReadySeconds', object.spec?.minReadySeconds),
    ...selectorErrors(object.spec?.selector, 'spec.selector'),
    ...templateErrors(object.spec?.template, object.spec?.selector, 'spec.template'),
  ],
  validateUpdate: (object, old) => selectorUpdateErrors(object.spec?.selector, old.spec?.selector),
  validateStatus: (object) =>
    countErrors(object.status ?? {}, ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas']),
  hasGeneration: true,
  fields: (object) => ({ 'status.replicas': String(object.status?.replicas ?? 0) }),
  fieldNames: ['status.replicas'],
  columns: [
    NAME_COLUMN,
    column('Desired', 'integer', 'Pods wanted.'),
    column('Current', 'integer', 'Pods there are.'),
    column('Ready', 'integer', 'Pods that are ready.'),
    AGE_COLUMN,
    ...TEMPLATE_COLUMNS,
  ],
  cells: (object, now) => [
    object.metadata.name ?? '',
    replicasOf(object),
    object.status?.replicas ?? 0,
    object.status?.readyReplicas ?? 0,
    age(object, now),
    ...containerCells(object.spec?.template?.spec?.containers),
    selectorText(object.spec?.selector, { none: '<none>', wrong: '<error>' }),
  ],
  warnings: (object, old) =>
    old !== undefined && same(object.spec, old.spec) ? [] : templateWarnings(object.spec?.template?.spec),
  support: { acts: 'keeps the number of pods', storedOnly: [] },
})
