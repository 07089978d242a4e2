/**
 * patch: the stored object with a patch applied, read again as its kind, then an update like any other. A
 * conflict is tried again on the newer state, unless the patch itself names a resourceVersion.
 */
import { kindOf as factsOf } from '../../schema/k8s/facts.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { fieldInvalid, invalid } from '../../schema/k8s/status.ts'
import { checkFields, strictErrorText, strictProblems } from '../../schema/k8s/strict.ts'
import type { Allowed } from '../access/request.ts'
import { apiVersionOf } from '../kinds/all.ts'
import { nameIn } from './get.ts'
import type { Item } from './item.ts'
import { kindOf } from './kind-of.ts'
import type { WriteOptions } from './options.ts'
import { applyJsonPatch } from './patch/json.ts'
import { applyMergePatch } from './patch/merge.ts'
import { applyStrategicPatch } from './patch/strategic.ts'
import { rewrite } from './rewrite.ts'

/** Upstream's five retries and the first try. */
const ATTEMPTS = 6

export interface PatchBody {
  readonly type: 'json' | 'merge' | 'strategic'
  readonly value: unknown
  /** paths of keys that occur twice in the patch */
  readonly duplicates: readonly string[]
}

export interface PatchOptions extends WriteOptions {
  readonly fieldValidation?: 'Strict' | 'Warn' | 'Ignore'
}

export async function patch(request: Allowed, body: PatchBody, options: PatchOptions = {}): Promise<Item> {
  const kind = kindOf(request)
  nameIn(request)
  const apiVersion = apiVersionOf(kind)
  const part = request.subresource === 'status' ? 'status' : 'main'
  const next = (held: Item): K8sObject => patched(held.object, body, { apiVersion, kind: kind.kind }, options)
  return rewrite(request, kind, { part, attempts: namesRevision(body) ? 1 : ATTEMPTS, next }, options)
}

/** The object after the patch, checked against the kind's schema. Warnings are given once per attempt. */
export function patched(
  object: K8sObject,
  body: PatchBody,
  kind: { readonly apiVersion: string; readonly kind: string },
  options: PatchOptions,
): K8sObject {
  const message = factsOf(kind.apiVersion, kind.kind)?.message ?? kind.kind
  const value = apply(object, body, message)
  const refuse = (why: string): Error => invalid('', '', '', [fieldInvalid('patch', JSON.stringify(value), why)])
  const { apiVersion = kind.apiVersion, kind: name = kind.kind } = value as { apiVersion?: unknown; kind?: unknown }
  if (apiVersion !== kind.apiVersion || name !== kind.kind) {
    throw refuse(`no kind ${JSON.stringify(name)} is registered for version ${JSON.stringify(apiVersion)}`)
  }
  const checked = checkFields(value, message)
  const [typeError] = checked.typeErrors
  if (typeError !== undefined) throw refuse(typeError)
  const validation = options.fieldValidation ?? 'Warn'
  if (validation === 'Strict' && (checked.unknown.length > 0 || body.duplicates.length > 0)) {
    throw refuse(strictErrorText(checked.unknown, body.duplicates))
  }
  if (validation === 'Warn') for (const text of strictProblems(checked.unknown, body.duplicates)) options.warn?.(text)
  const {
    apiVersion: _,
    kind: __,
    metadata = {},
    ...rest
  } = checked.value as { apiVersion?: string; kind?: string; metadata?: K8sObject['metadata'] }
  return { apiVersion: kind.apiVersion, kind: kind.kind, metadata, ...rest }
}

function apply(object: K8sObject, body: PatchBody, message: string): Readonly<Record<string, unknown>> {
  switch (body.type) {
    case 'json':
      return applyJsonPatch(object, body.value)
    case 'merge':
      return applyMergePatch(object, body.value)
    case 'strategic':
      return applyStrategicPatch(object, body.value, message)
  }
}

/** Does the patch say which revision it is for? */
function namesRevision(body: PatchBody): boolean {
  if (body.type !== 'json') {
    const { metadata } = (body.value ?? {}) as { metadata?: { resourceVersion?: unknown } | null }
    return typeof metadata === 'object' && metadata !== null && metadata.resourceVersion !== undefined
  }
  return (
    Array.isArray(body.value) &&
    body.value.some(
      (operation: unknown) => (operation as { path?: unknown } | null)?.path === '/metadata/resourceVersion',
    )
  )
}
