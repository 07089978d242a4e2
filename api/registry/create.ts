/**
 * create: names the object, fills in what only the server may say, admits and validates it, and writes it
 * together with its guards. Upstream's order: defaults, prepare, admit, validate, write.
 */
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { printTime } from '../../schema/k8s/time.ts'
import { alreadyExists, badRequest, conflict, generatedNameTaken, invalid, Refusal } from '../../schema/k8s/status.ts'
import type { Allowed } from '../access/request.ts'
import type { Kind } from '../kinds/kind.ts'
import type { Effect, Guard, Lost } from '../store/store.ts'
import { admitCreate } from './admit.ts'
import { commit, groupOf } from './commit.ts'
import { indexOf, Item, keyOf, storedText, withRevision } from './item.ts'
import { kindOf } from './kind-of.ts'
import { namespaceGuard, namespaceMoved } from './namespaces.ts'
import type { WriteOptions } from './options.ts'
import { withoutRepeatedOwners } from './owners.ts'

/** Attempts when a generated name, an address or the namespace's revision was taken in between; upstream's 8. */
const ATTEMPTS = 8
/** 63 less the 5 characters of the suffix, as upstream cuts the base of a generated name. */
const LONGEST_BASE = 58

export async function create(request: Allowed, input: K8sObject, options: WriteOptions = {}): Promise<Item> {
  const kind = kindOf(request)
  const { cluster } = request
  for (let attempt = 1; ; attempt++) {
    const object = await prepare(request, kind, input, options)
    const name = object.metadata.name ?? ''
    const key = keyOf(kind, request.namespace, name)
    const guards: Guard[] = []
    if (kind.namespaced) guards.push(await namespaceGuard(cluster, kind, request.namespace ?? '', name))

    const admitted = await admitCreate(request, kind, object)
    const problems = kind.validate(admitted.object)
    if (problems.length > 0) throw invalid(kind.kind, kind.group, name, problems)

    const text = storedText(admitted.object)
    const put: Effect = {
      op: 'put',
      key,
      expect: 'absent',
      value: text,
      index: indexOf(kind, admitted.object),
      sealed: kind.sealed,
    }
    const lane = kind.resource === 'events' ? { lane: 'last' as const, ...options } : options
    const group = groupOf([put, ...admitted.effects], [...guards, ...admitted.guards], lane)
    const outcome = await commit(cluster, group, options.dryRun)
    if (outcome.ok) {
      if (options.warn !== undefined)
        for (const warning of kind.warnings(admitted.object, undefined)) options.warn(warning)
      const revision = outcome.revisions[0] ?? 0
      return new Item(text, revision, revision === 0 ? admitted.object : withRevision(admitted.object, revision))
    }
    const verdict = judge(request, kind, input, outcome.lost, name, admitted.judge, attempt >= ATTEMPTS)
    if (verdict !== 'again' || attempt >= ATTEMPTS)
      throw verdict === 'again' ? conflict(kind.plural, kind.group, name) : verdict
  }
}

/** Names, identity and defaults: everything about the object but admission. */
async function prepare(request: Allowed, kind: Kind, input: K8sObject, options: WriteOptions): Promise<K8sObject> {
  const { cluster } = request
  const given = input.metadata ?? {}
  const { namespace: asked, resourceVersion, uid: _, creationTimestamp: __, deletionTimestamp: ___, ...kept } = given
  const {
    deletionGracePeriodSeconds: ____,
    selfLink: _____,
    generation: ______,
    managedFields: _______,
    ...meta
  } = kept
  if (resourceVersion !== undefined && resourceVersion !== '' && resourceVersion !== '0') {
    throw badRequest('resourceVersion should not be set on objects to be created')
  }
  if (
    asked !== undefined &&
    asked !== '' &&
    request.namespace !== undefined &&
    asked !== request.namespace &&
    kind.namespaced
  ) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
  }
  const at = printTime(cluster.clock.now())
  const named = withoutRepeatedOwners(
    {
      ...input,
      apiVersion: input.apiVersion,
      kind: input.kind,
      metadata: {
        ...meta,
        ...nameOf(given, cluster.random),
        ...(kind.namespaced ? { namespace: request.namespace ?? '' } : {}),
        uid: cluster.random.uuid(),
        creationTimestamp: at,
        ...(kind.hasGeneration ? { generation: 1 } : {}),
      },
    },
    options.warn,
  )
  return kind.prepareCreate(kind.defaults(named), at)
}

function nameOf(meta: K8sObject['metadata'], random: Allowed['cluster']['random']): { readonly name?: string } {
  if (meta.name !== undefined && meta.name !== '') return { name: meta.name }
  if (meta.generateName === undefined || meta.generateName === '') return {}
  return { name: `${meta.generateName.slice(0, LONGEST_BASE)}${random.suffix(5)}` }
}

function isGenerated(input: K8sObject): boolean {
  return (input.metadata.name ?? '') === ''
}

/** Upstream adds that the one in the way is going away. */
function taken(kind: Kind, name: string, lost: Lost): Refusal {
  const refusal = alreadyExists(kind.plural, kind.group, name)
  if (lost.current === undefined || Item.of(lost.current).object.metadata.deletionTimestamp === undefined)
    return refusal
  const { code, reason, details } = refusal
  const message = `object is being deleted: ${refusal.message}`
  return new Refusal({ code, reason, message, ...(details === undefined ? {} : { details }) })
}

/** What a lost group means: a refusal, or 'again' when another attempt may win. */
function judge(
  request: Allowed,
  kind: Kind,
  input: K8sObject,
  lost: readonly Lost[],
  name: string,
  verdictOf: (lost: Lost) => Refusal | 'again' | undefined,
  last: boolean,
): Refusal | 'again' {
  for (const one of lost) {
    const own = one.key.resource === kind.resource && one.key.name === name
    if (!own && namespaceMoved(request.cluster, one)) continue
    if (own) {
      if (!isGenerated(input)) return taken(kind, name, one)
      if (last) return generatedNameTaken(kind.plural, kind.group, name)
      continue
    }
    const verdict = verdictOf(one)
    if (verdict !== undefined && verdict !== 'again') return verdict
    if (verdict === undefined)
      return conflict(kind.plural, kind.group, name, `${one.key.resource} ${one.key.name} has changed`)
  }
  return 'again'
}
