import { expect, test } from 'vitest'
import { messageOf, kindOf } from '../../schema/k8s/facts.ts'
import defaulted from '../../schema/k8s/generated/defaulted.json' with { type: 'json' }
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { pruned } from '../../schema/k8s/strict.ts'
import { kindByName } from './all.ts'

interface Row {
  readonly name: string
  readonly given: K8sObject
  readonly defaulted: K8sObject
}

const rows = (defaulted as unknown as readonly Row[]).filter(({ given }) => kindByName(given.apiVersion, given.kind))

test.each(rows)('$given.kind: $name gets the defaults of upstream, and only once', ({ given, defaulted: expected }) => {
  const kind = kindByName(given.apiVersion, given.kind)
  const message = messageOf(kindOf(given.apiVersion, given.kind)?.message ?? '').name
  const decode = (object: unknown): K8sObject => pruned(object, message) as unknown as K8sObject
  const once = kind?.defaults(decode(given))
  expect(once).toEqual(converted(decode(expected)))
  expect(once === undefined ? undefined : kind?.defaults(once)).toEqual(once)
})

test('there are rows for the kinds with defaults', () => {
  const covered = new Set(rows.map(({ given }) => given.kind))
  for (const kind of ['Pod', 'Deployment', 'ReplicaSet', 'Service', 'Secret', 'Namespace'])
    expect(covered).toContain(kind)
})

/** What upstream does on the way to its internal version, after defaulting: two aliases are resolved. */
function converted(object: K8sObject): K8sObject {
  const { stringData, ...rest } = object as K8sObject & { stringData?: Record<string, string> }
  if (stringData !== undefined) {
    const data = Object.entries(stringData).map(([key, value]) => [key, btoa(value)])
    return { ...rest, data: { ...(rest['data'] as object), ...Object.fromEntries(data) } }
  }
  const spec = object['spec'] as { serviceAccountName?: string } | undefined
  if (object.kind !== 'Pod' || spec?.serviceAccountName === undefined) return object
  return { ...object, spec: { ...spec, serviceAccount: spec.serviceAccountName } }
}
