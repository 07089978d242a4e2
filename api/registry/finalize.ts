/** namespaces/finalize: replaces spec.finalizers; the last one of a namespace that is being deleted removes it. */
import type { K8sObject } from '../../schema/k8s/meta.ts'
import type { Allowed } from '../access/request.ts'
import type { Item } from './item.ts'
import { kindOf } from './kind-of.ts'
import type { WriteOptions } from './options.ts'
import { rewrite } from './rewrite.ts'
import { checkName } from './update.ts'

interface Finalized {
  readonly finalizers?: readonly string[]
}

export async function finalize(request: Allowed, input: K8sObject, options: WriteOptions = {}): Promise<Item> {
  const kind = kindOf(request)
  checkName(request, input)
  const wanted = (input['spec'] as Finalized | undefined)?.finalizers ?? []
  return rewrite(
    request,
    kind,
    {
      part: 'free',
      attempts: (input.metadata.resourceVersion ?? '') === '' ? 5 : 1,
      next: ({ object }) => {
        const { resourceVersion = object.metadata.resourceVersion } = input.metadata
        const { finalizers: _, ...spec } = (object['spec'] ?? {}) as Finalized
        return {
          ...object,
          metadata: { ...object.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
          spec: wanted.length === 0 ? spec : { ...spec, finalizers: wanted },
        }
      },
      removes: (next, old) =>
        old.metadata.deletionTimestamp !== undefined &&
        wanted.length === 0 &&
        (next.metadata.finalizers ?? []).length === 0,
    },
    options,
  )
}
