/** The resources of the API as discovery and OpenAPI name them: each kind, its subresources, and the reviews. */
import type { Kind } from '../kinds/kind.ts'

export interface Resource {
  /** 'pods', 'pods/status' */
  readonly name: string
  readonly singular: string
  readonly namespaced: boolean
  readonly responseKind: { readonly group: string; readonly version: string; readonly kind: string }
  readonly verbs: readonly string[]
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
}

/** A resource that answers to a create and stores nothing. */
export interface Review extends Resource {
  readonly group: string
  readonly version: string
}

const SCALE = { group: 'autoscaling', version: 'v1', kind: 'Scale' }
const READ_WRITE = ['get', 'patch', 'update']

export function resourcesOf(kind: Kind): readonly Resource[] {
  const { group, version, namespaced, plural } = kind
  const own = { group, version, kind: kind.kind }
  const below = (sub: string, responseKind: Resource['responseKind'], verbs: readonly string[]): Resource => ({
    name: `${plural}/${sub}`,
    singular: '',
    namespaced,
    responseKind,
    verbs,
    shortNames: [],
    categories: [],
  })
  const list: Resource[] = [
    {
      name: plural,
      singular: kind.singular,
      namespaced,
      responseKind: own,
      verbs: kind.verbs.toSorted(),
      shortNames: kind.shortNames,
      categories: kind.categories,
    },
  ]
  if (kind.hasStatus) list.push(below('status', own, READ_WRITE))
  if (kind.scale !== undefined) list.push(below('scale', SCALE, READ_WRITE))
  const core = (name: string): Resource['responseKind'] => ({ group: '', version: 'v1', kind: name })
  switch (kind.resource) {
    case 'pods':
      list.push(
        below('attach', core('PodAttachOptions'), ['create', 'get']),
        below('binding', core('Binding'), ['create']),
        below('eviction', { group: 'policy', version: 'v1', kind: 'Eviction' }, ['create']),
        below('exec', core('PodExecOptions'), ['create', 'get']),
        below('log', own, ['get']),
        below('portforward', core('PodPortForwardOptions'), ['create', 'get']),
      )
      break
    case 'namespaces':
      list.push(below('finalize', own, ['update']))
      break
  }
  return list
}

function review(group: string, kind: string, namespaced: boolean): Review {
  return {
    group,
    version: 'v1',
    name: `${kind.toLowerCase()}s`,
    singular: kind.toLowerCase(),
    namespaced,
    responseKind: { group, version: 'v1', kind },
    verbs: ['create'],
    shortNames: [],
    categories: [],
  }
}

export const reviewKinds: readonly Review[] = [
  review('', 'Binding', true),
  review('authentication.k8s.io', 'SelfSubjectReview', false),
  review('authorization.k8s.io', 'LocalSubjectAccessReview', true),
  review('authorization.k8s.io', 'SelfSubjectAccessReview', false),
  review('authorization.k8s.io', 'SelfSubjectRulesReview', false),
  review('authorization.k8s.io', 'SubjectAccessReview', false),
]
