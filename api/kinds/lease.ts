/** Lease: who holds a role and until when. Leases of live nodes are a computed view of the control plane. */
import type { FieldError } from '../../schema/k8s/field-error.ts'
import { fieldForbidden, fieldInvalid, fieldNotSupported } from '../../schema/k8s/field-error.ts'
import type { Lease, LeaseSpec } from '../../schema/k8s/generated/types.ts'
import { AGE_COLUMN, age, column, NAME_COLUMN } from './column.ts'
import { defineKind } from './generic.ts'
import { isQualifiedName } from '../../schema/k8s/names.ts'
import { subdomainName } from './names.ts'

export const lease = defineKind<Lease>({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  createOnUpdate: true,
  unconditionalUpdate: false,
  nameProblems: subdomainName,
  defaults: (object) => (object.spec === undefined ? { ...object, spec: {} } : object),
  // Coordinated leader election is off by default upstream, which drops its two fields.
  prepareCreate: (object) => withoutStrategy(object),
  prepareUpdate: (object, old) => (old.spec?.strategy === undefined ? withoutStrategy(object) : object),
  validate: (object) => specErrors(object.spec ?? {}),
  columns: [NAME_COLUMN, column('Holder', 'string', 'Who holds the lease.'), AGE_COLUMN],
  cells: (object, now) => [object.metadata.name ?? '', object.spec?.holderIdentity ?? '', age(object, now)],
  support: { acts: 'leader election of clients; a view of node liveness in kube-node-lease', storedOnly: [] },
})

function withoutStrategy(object: Lease): Lease {
  if (object.spec === undefined) return object
  const { strategy: _strategy, preferredHolder: _holder, ...spec } = object.spec
  return { ...object, spec }
}

function specErrors(spec: LeaseSpec): readonly FieldError[] {
  const errors: FieldError[] = []
  const { leaseDurationSeconds: duration, leaseTransitions: transitions, strategy } = spec
  if (duration !== undefined && duration <= 0) {
    errors.push(fieldInvalid('spec.leaseDurationSeconds', duration, 'must be greater than 0'))
  }
  if (transitions !== undefined && transitions < 0) {
    errors.push(fieldInvalid('spec.leaseTransitions', transitions, 'must be greater than or equal to 0'))
  }
  if (strategy !== undefined) {
    const path = 'spec.strategy.strategy'
    if (strategy.includes('/'))
      for (const problem of isQualifiedName(strategy)) errors.push(fieldInvalid(path, strategy, problem))
    else if (strategy !== 'OldestEmulationVersion')
      errors.push(fieldNotSupported(path, strategy, ['OldestEmulationVersion']))
  }
  if ((spec.preferredHolder ?? '') !== '' && (strategy ?? '') === '') {
    errors.push(fieldForbidden('spec.preferredHolder', 'may only be specified if `strategy` is defined'))
  }
  return errors
}
