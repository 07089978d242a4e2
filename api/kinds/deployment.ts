/** Deployment: keeps a number of pods of one template, replacing old ones by a strategy. */
import type { Deployment } from '../../schema/k8s/generated/types.ts'
import { AGE_COLUMN, age, column, containerCells, NAME_COLUMN, TEMPLATE_COLUMNS } from './column.ts'
import { defineKind, withField } from './generic.ts'
import { withTemplateDefaults } from './pod-template.ts'
import { same } from './same.ts'
import { replicasOf, replicaScale, selectorText } from './scale.ts'
import { subdomainName } from './names.ts'

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
  support: { acts: 'rolling updates, recreate, scaling, revision history', storedOnly: [] },
})

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
