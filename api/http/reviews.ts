/** Resources that answer a create and store nothing: may I, who am I, and binding a pod by its old path. */
import { type K8sObject } from '../../schema/k8s/meta.ts'
import { fieldInvalid, invalid, methodNotSupported, notAcceptable } from '../../schema/k8s/status.ts'
import { review as decide } from '../access/authorize.ts'
import type { Known, User, Verb } from '../access/request.ts'
import { MASTERS } from '../access/user.ts'
import { apiVersionOf } from '../kinds/all.ts'
import { viewOf } from './accept.ts'
import { decodeBody, readBody } from './body.ts'
import type { Call } from './call.ts'
import { writeQuery } from './query.ts'
import { reviewKinds } from './resources.ts'
import { jsonText, wantsPretty } from './respond.ts'
import { bindPod } from './subresources.ts'

/** undefined: not one of them */
export async function review(call: Call): Promise<Response | undefined> {
  const { allowed, request, query, warn } = call
  const about = reviewKinds.find(
    (one) => one.group === allowed.group && one.version === allowed.version && one.name === allowed.resource,
  )
  if (about === undefined || allowed.subresource !== undefined) return undefined
  if (about.namespaced !== (allowed.namespace !== undefined)) return undefined
  if (allowed.verb !== 'create') throw methodNotSupported(allowed.resource, allowed.group, allowed.verb)
  // There is no way to print one: upstream says so, and the conformance suite asks.
  if (viewOf(request.headers.get('accept')).as !== 'object') throw notAcceptable(['application/json'])
  const options = writeQuery('CreateOptions', query)
  const { kind } = about.responseKind
  const body = decodeBody(
    await readBody(request),
    { apiVersion: apiVersionOf(about), kind },
    options.fieldValidation,
    warn,
  )
  if (kind === 'Binding')
    return bindPod({ ...call, allowed: { ...allowed, name: body.metadata.name } }, body, options.dryRun)
  const status = await statusOf(call, kind, body)
  const answer = { ...body, metadata: { ...body.metadata, creationTimestamp: null }, status }
  return jsonText(JSON.stringify(answer), wantsPretty(request.headers, query), { status: 201, warnings: call.warnings })
}

async function statusOf(call: Call, kind: string, body: K8sObject): Promise<unknown> {
  const { user } = call.allowed
  switch (kind) {
    case 'SelfSubjectReview':
      return { userInfo: userInfo(user) }
    case 'SelfSubjectRulesReview':
      return rulesOf(user)
    default:
      return access(call, kind, body)
  }
}

function userInfo(user: User): unknown {
  return {
    username: user.name,
    ...(user.uid === undefined ? {} : { uid: user.uid }),
    groups: user.groups,
    ...(user.extra === undefined ? {} : { extra: user.extra }),
  }
}

/** What a user may do as far as it can be listed; for others than administrators the list is not complete. */
function rulesOf(user: User): unknown {
  if (user.groups.includes(MASTERS)) {
    return {
      resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
      nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
      incomplete: false,
    }
  }
  return {
    resourceRules: [
      {
        verbs: ['create'],
        apiGroups: ['authorization.k8s.io', 'authentication.k8s.io'],
        resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews', 'selfsubjectreviews'],
      },
    ],
    nonResourceRules: [
      {
        verbs: ['get'],
        nonResourceURLs: [
          '/api',
          '/api/*',
          '/apis',
          '/apis/*',
          '/healthz',
          '/livez',
          '/openapi',
          '/openapi/*',
          '/readyz',
          '/version',
        ],
      },
    ],
    incomplete: true,
    evaluationError: 'what a node may do depends on the objects it asks for',
  }
}

interface Attributes {
  readonly namespace?: string
  readonly verb?: string
  readonly group?: string
  readonly version?: string
  readonly resource?: string
  readonly subresource?: string
  readonly name?: string
  readonly path?: string
}

interface AccessSpec {
  readonly resourceAttributes?: Attributes
  readonly nonResourceAttributes?: Attributes
  readonly user?: string
  readonly groups?: readonly string[]
  readonly uid?: string
}

async function access(call: Call, kind: string, body: K8sObject): Promise<unknown> {
  const spec = (body['spec'] ?? {}) as AccessSpec
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec
  if ((resource === undefined) === (path === undefined)) {
    const rule =
      resource === undefined
        ? 'exactly one of nonResourceAttributes or resourceAttributes must be specified'
        : 'cannot be specified in combination with resourceAttributes'
    const problem = fieldInvalid('spec.nonResourceAttributes', path ?? null, rule)
    throw invalid(kind, 'authorization.k8s.io', '', [problem])
  }
  const self = kind === 'SelfSubjectAccessReview'
  if (!self && (spec.user ?? '') === '' && (spec.groups ?? []).length === 0) {
    const problem = fieldInvalid('spec.user', spec.user ?? '', 'at least one of user or group must be specified')
    throw invalid(kind, 'authorization.k8s.io', '', [problem])
  }
  const user: User = self
    ? call.allowed.user
    : { name: spec.user ?? '', groups: spec.groups ?? [], ...(spec.uid === undefined ? {} : { uid: spec.uid }) }
  if (path !== undefined) {
    const allowed =
      user.groups.includes(MASTERS) ||
      (path.verb === 'get' && /^\/(api|apis|openapi|version|healthz|livez|readyz)(\/|$)/.test(path.path ?? ''))
    return { allowed }
  }
  const {
    namespace = '',
    verb = '',
    group = '',
    version = '',
    resource: plural = '',
    subresource = '',
    name = '',
  } = resource ?? {}
  const known: Known = {
    cluster: call.allowed.cluster,
    user,
    verb: verb as Verb,
    group,
    version,
    resource: plural,
    namespace: namespace === '' ? undefined : namespace,
    name: name === '' ? undefined : name,
    subresource: subresource === '' ? undefined : subresource,
  }
  const { allowed, reason } = await decide(known)
  return { allowed, ...(reason === '' ? {} : { reason }) }
}
