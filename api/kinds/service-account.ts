/** ServiceAccount: the identity of pods. References to Secrets keep only the name. */
import type { ServiceAccount } from '../../schema/k8s/generated/types.ts'
import { AGE_COLUMN, age, NAME_COLUMN } from './column.ts'
import { defineKind } from './generic.ts'
import { subdomainName } from './names.ts'
import { same } from './same.ts'

/** No tokens are issued and no pull secrets are taken from here. */
const FIELDS = ['secrets', 'imagePullSecrets', 'automountServiceAccountToken'] as const
const ENFORCE_SECRETS = 'kubernetes.io/enforce-mountable-secrets'

export const serviceAccount = defineKind<ServiceAccount>({
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  shortNames: ['sa'],
  nameProblems: subdomainName,
  prepareCreate: (object) => namesOnly(object),
  prepareUpdate: (object) => namesOnly(object),
  columns: [NAME_COLUMN, AGE_COLUMN],
  cells: (object, now) => [object.metadata.name ?? '', age(object, now)],
  warnings(object, old) {
    const newly =
      object.metadata.annotations?.[ENFORCE_SECRETS] !== undefined &&
      old?.metadata.annotations?.[ENFORCE_SECRETS] === undefined
    const advice = 'deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets'
    const warnings = FIELDS.filter(
      (field) => !same(object[field], undefined) && !same(object[field], old?.[field]),
    ).map((field) => `kedge: stored; nothing acts on ${field} yet`)
    return newly ? [`metadata.annotations[${ENFORCE_SECRETS}]: ${advice}`, ...warnings] : warnings
  },
  support: {
    acts: 'names the identity of pods',
    storedOnly: FIELDS,
  },
})

function namesOnly(object: ServiceAccount): ServiceAccount {
  if (object.secrets === undefined) return object
  return { ...object, secrets: object.secrets.map(({ name }) => (name === undefined ? {} : { name })) }
}
