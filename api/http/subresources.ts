/** Everything behind an object's name: status, scale, binding, eviction, finalize, and the streams of a pod. */
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { badRequest, methodNotSupported, Refusal, success, unknownPath } from '../../schema/k8s/status.ts'
import { apiVersionOf } from '../kinds/all.ts'
import type { Kind } from '../kinds/kind.ts'
import { bind } from '../registry/binding.ts'
import { evict } from '../registry/eviction.ts'
import { finalize } from '../registry/finalize.ts'
import { get } from '../registry/get.ts'
import { patch } from '../registry/patch.ts'
import { getScale, patchScale, updateScale } from '../registry/scale.ts'
import { update } from '../registry/update.ts'
import { decodeBody, readBody } from './body.ts'
import { type Call, shown } from './call.ts'
import { checked } from './delete-options.ts'
import { patchBody } from './patch-body.ts'
import { connect } from './pod-streams.ts'
import { type WriteQuery, writeQuery } from './query.ts'
import { jsonText, wantsPretty } from './respond.ts'

export async function subresource(call: Call, kind: Kind): Promise<Response> {
  const { allowed } = call
  const at = `${kind.resource}/${allowed.subresource ?? ''}`
  switch (at) {
    case 'pods/binding':
      return binding(call)
    case 'pods/eviction':
      return eviction(call)
    case 'pods/exec':
    case 'pods/attach':
    case 'pods/portforward':
    case 'pods/log':
      return connect(call)
    case 'namespaces/finalize':
      return finalizing(call, kind)
    case 'serviceaccounts/token':
      throw new Refusal({
        code: 404,
        reason: 'NotFound',
        message: 'the server could not find the requested resource: kedge issues no service account tokens yet',
      })
  }
  if (allowed.subresource === 'status' && kind.hasStatus) return status(call, kind)
  if (allowed.subresource === 'scale' && kind.scale !== undefined) return scale(call, kind, kind.scale)
  throw unknownPath()
}

async function status(call: Call, kind: Kind): Promise<Response> {
  const { allowed, query, warn } = call
  switch (allowed.verb) {
    case 'get':
      return shown(call, kind, await get(allowed))
    case 'update': {
      const options = writeQuery('UpdateOptions', query)
      const object = await read(call, apiVersionOf(kind), kind.kind, options)
      return shown(call, kind, (await update(allowed, object, { dryRun: options.dryRun, warn })).item)
    }
    case 'patch': {
      const body = await patchBody(call.request)
      return shown(call, kind, await patch(allowed, body, { ...writeQuery('PatchOptions', query), warn }))
    }
    default:
      throw unsupported(call, kind)
  }
}

async function scale(call: Call, kind: Kind, scaling: NonNullable<Kind['scale']>): Promise<Response> {
  const { allowed, query, warn } = call
  switch (allowed.verb) {
    case 'get':
      return plain(call, (await getScale(allowed, kind, scaling)).wire)
    case 'update': {
      const options = writeQuery('UpdateOptions', query)
      const object = await read(call, 'autoscaling/v1', 'Scale', options)
      return plain(call, (await updateScale(allowed, kind, scaling, object, { dryRun: options.dryRun, warn })).wire)
    }
    case 'patch': {
      const body = await patchBody(call.request)
      const options = { ...writeQuery('PatchOptions', query), warn }
      return plain(call, (await patchScale(allowed, kind, scaling, body, options)).wire)
    }
    default:
      throw unsupported(call, kind)
  }
}

async function finalizing(call: Call, kind: Kind): Promise<Response> {
  if (call.allowed.verb !== 'update') throw unsupported(call, kind)
  const options = writeQuery('UpdateOptions', call.query)
  const object = await read(call, 'v1', 'Namespace', options)
  return shown(call, kind, await finalize(call.allowed, object, { dryRun: options.dryRun }))
}

async function binding(call: Call): Promise<Response> {
  if (call.allowed.verb !== 'create') throw methodNotSupported('pods/binding', '', call.allowed.verb)
  const options = writeQuery('CreateOptions', call.query)
  return bindPod(call, await read(call, 'v1', 'Binding', options), options.dryRun)
}

export async function bindPod(call: Call, object: K8sObject, dryRun: boolean): Promise<Response> {
  await bind(call.allowed, object, { dryRun })
  return plain(call, JSON.stringify(success(undefined, 201)), 201)
}

async function eviction(call: Call): Promise<Response> {
  const { allowed, query } = call
  if (allowed.verb !== 'create') throw methodNotSupported('pods/eviction', '', allowed.verb)
  const options = writeQuery('CreateOptions', query)
  const object = await read(call, 'policy/v1', 'Eviction', options)
  if (object.metadata.name !== allowed.name) throw badRequest('name in URL does not match name in Eviction object')
  const sent = (object['deleteOptions'] ?? {}) as Parameters<typeof checked>[0]
  const asked = checked(sent)
  await evict(allowed, options.dryRun ? { ...asked, dryRun: true } : asked)
  return plain(call, JSON.stringify(success(undefined, 201)), 201)
}

async function read(call: Call, apiVersion: string, kind: string, options: WriteQuery): Promise<K8sObject> {
  return decodeBody(await readBody(call.request), { apiVersion, kind }, options.fieldValidation, call.warn)
}

function plain(call: Call, text: string, code = 200): Response {
  return jsonText(text, wantsPretty(call.request.headers, call.query), { status: code, warnings: call.warnings })
}

function unsupported(call: Call, kind: Kind): Refusal {
  return methodNotSupported(`${kind.plural}/${call.allowed.subresource ?? ''}`, kind.group, call.allowed.verb)
}
