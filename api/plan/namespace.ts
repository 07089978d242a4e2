/**
 * Namespace: what every living one has (the default ServiceAccount, the root certificate), and the orderly end of a
 * deleted one: pods first, then everything else, then `kubernetes` leaves spec.finalizers and it is gone. The
 * conditions say what it waits for, in upstream's words.
 */
import type { ConfigMap, Namespace, NamespaceCondition, ServiceAccount } from '../../schema/k8s/generated/types.ts'
import { withCondition } from './conditions.ts'
import type { Action, Instant, Plan } from './plan.ts'
import { asObject, compare, isBeingDeleted, type Row, statusAction, targetOf, type Thing } from './seen.ts'

export interface NamespaceSeen {
  readonly namespace: Row<Namespace>
  readonly serviceAccount: Row<ServiceAccount> | undefined
  readonly rootCertificate: Row<ConfigMap> | undefined
  /** PEM of the root that clients of this cluster meet */
  readonly caPem: string
  /** read for a namespace that is being deleted only: what is still inside, resource by resource */
  readonly contents: readonly Contents[]
}

export interface Contents {
  /** 'pods', 'deployments.apps' */
  readonly resource: string
  /** at most as many as one plan deletes */
  readonly rows: readonly Row<Thing>[]
}

const ROOT_CERTIFICATE = 'kube-root-ca.crt'
const PEM = 'ca.crt'
const DESCRIPTION =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.'

export function planNamespace(seen: NamespaceSeen, at: Instant): Plan {
  return { actions: isBeingDeleted(seen.namespace.object) ? ending(seen, at) : furnishing(seen) }
}

function furnishing({ namespace, serviceAccount, rootCertificate, caPem }: NamespaceSeen): readonly Action[] {
  const name = namespace.object.metadata.name ?? ''
  const actions: Action[] = []
  if (serviceAccount === undefined) {
    const object: ServiceAccount = {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'default', namespace: name },
    }
    actions.push({ do: 'create', resource: 'serviceaccounts', object: asObject(object), why: 'every namespace has it' })
  }
  if (rootCertificate === undefined) {
    const object: ConfigMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: ROOT_CERTIFICATE, namespace: name, annotations: { 'kubernetes.io/description': DESCRIPTION } },
      data: { [PEM]: caPem },
    }
    actions.push({ do: 'create', resource: 'configmaps', object: asObject(object), why: 'every namespace has it' })
  } else if (rootCertificate.object.data?.[PEM] !== caPem || Object.keys(rootCertificate.object.data).length !== 1) {
    const others = Object.keys(rootCertificate.object.data ?? {}).filter((key) => key !== PEM)
    const data = { ...Object.fromEntries(others.map((key) => [key, null])), [PEM]: caPem }
    actions.push({ do: 'patch', target: targetOf(rootCertificate), patch: { data }, why: 'the certificate is another' })
  }
  return actions
}

/** Pods end gracefully and may need what lies around them: nothing else is deleted while one of them is there. */
function ending({ namespace, contents }: NamespaceSeen, at: Instant): readonly Action[] {
  const pods = contents.filter(({ resource, rows }) => resource === 'pods' && rows.length > 0)
  const now = pods.length > 0 ? pods : contents
  const deletes = now.flatMap(({ resource, rows }) =>
    rows
      .filter(({ object }) => !isBeingDeleted(object))
      .map((row): Action => {
        const why = `namespace ${namespace.object.metadata.name ?? ''} is being deleted`
        return { do: 'delete', target: targetOf(row, resource), propagation: 'Background', why }
      }),
  )
  const remaining = contents.filter(({ rows }) => rows.length > 0)
  const conditions = remains(namespace.object, remaining, at)
  const status = { ...namespace.object.status, phase: 'Terminating', conditions }
  const empty = remaining.length === 0
  const held = (namespace.object.spec?.finalizers ?? []).includes('kubernetes')
  // The last status is gone with the namespace; a namespace other finalizers hold on to says that it is empty.
  const last = empty && (namespace.object.spec?.finalizers ?? []).length <= 1
  return [
    ...deletes,
    ...(last ? [] : statusAction(namespace, status, 'what remains changed')),
    ...(empty && held ? [{ do: 'finalize', target: targetOf(namespace), why: 'nothing is left inside' } as const] : []),
  ]
}

const ALWAYS: readonly NamespaceCondition[] = [
  {
    type: 'NamespaceDeletionDiscoveryFailure',
    status: 'False',
    reason: 'ResourcesDiscovered',
    message: 'All resources successfully discovered',
  },
  {
    type: 'NamespaceDeletionGroupVersionParsingFailure',
    status: 'False',
    reason: 'ParsedGroupVersions',
    message: 'All legacy kube types successfully parsed',
  },
  {
    type: 'NamespaceDeletionContentFailure',
    status: 'False',
    reason: 'ContentDeleted',
    message: 'All content successfully deleted, may be waiting on finalization',
  },
]

function remains(namespace: Namespace, remaining: readonly Contents[], at: Instant): readonly NamespaceCondition[] {
  const finalizers = new Map<string, number>()
  for (const { rows } of remaining) {
    for (const { object } of rows) {
      for (const finalizer of object.metadata.finalizers ?? []) {
        finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + 1)
      }
    }
  }
  const instances = remaining.map(({ resource, rows }) => `${dotted(resource)} has ${rows.length} resource instances`)
  const waits = [...finalizers].map(([name, count]) => `${name} in ${count} resource instances`)
  let conditions: readonly NamespaceCondition[] = namespace.status?.conditions ?? []
  const all = [
    ...ALWAYS,
    remaining.length === 0
      ? removed('NamespaceContentRemaining')
      : some('NamespaceContentRemaining', 'SomeResourcesRemain', `Some resources are remaining: ${listed(instances)}`),
    finalizers.size === 0
      ? removed('NamespaceFinalizersRemaining')
      : some(
          'NamespaceFinalizersRemaining',
          'SomeFinalizersRemain',
          `Some content in the namespace has finalizers remaining: ${listed(waits)}`,
        ),
  ]
  for (const condition of all) conditions = withCondition(conditions, condition, at)
  return conditions
}

/** Upstream prints `pods. has 1`, the group being empty. */
function dotted(resource: string): string {
  return resource.includes('.') ? resource : `${resource}.`
}

function listed(texts: readonly string[]): string {
  return texts.toSorted(compare).join(', ')
}

function removed(type: string): NamespaceCondition {
  return { type, status: 'False', reason: 'ContentRemoved', message: 'All content successfully removed' }
}

function some(type: string, reason: string, message: string): NamespaceCondition {
  return { type, status: 'True', reason, message }
}
