/** The body of a PATCH: its content type says what kind of patch it is. */
import { DecodeError } from '../../schema/k8s/decode-error.ts'
import { readJson } from '../../schema/k8s/json.ts'
import { badRequest, unsupportedMediaType } from '../../schema/k8s/status.ts'
import type { PatchBody } from '../registry/patch.ts'
import { readBody } from './body.ts'

const TYPES: Readonly<Record<string, PatchBody['type']>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
}

/** `application/apply-patch+yaml` is not among them: server-side apply is refused, not half done. */
export async function patchBody(request: Request): Promise<PatchBody> {
  const body = await readBody(request)
  const type = TYPES[body.type]
  if (type === undefined) throw unsupportedMediaType(Object.keys(TYPES))
  try {
    const { value, duplicates } = readJson(body.text)
    return { type, value, duplicates }
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(`error decoding patch: ${error.message}`)
    if (error instanceof RangeError) throw badRequest('error decoding patch: nested too deep')
    throw error
  }
}
