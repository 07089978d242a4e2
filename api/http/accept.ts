/**
 * What the client wants to see: the object, a Table, or its metadata alone. Bodies are always JSON; a client
 * that prefers protobuf reads the Content-Type of the answer and takes it, as all clients of Kubernetes do.
 */
import { notAcceptable } from '../../schema/k8s/status.ts'

export interface View {
  readonly as: 'object' | 'table' | 'metadata'
  /** of meta.k8s.io, for tables and metadata */
  readonly version: 'v1' | 'v1beta1'
}

export interface Media {
  readonly type: string
  readonly parameters: Readonly<Record<string, string>>
}

export const OBJECT: View = { as: 'object', version: 'v1' }
const SERVED = ['application/json', 'application/vnd.kubernetes.protobuf']
/** Clients send one of a few Accept headers over and over. */
const MOST_REMEMBERED = 256
const remembered = new Map<string, View>()

/** The first acceptable form; 406 when there is none. */
export function viewOf(accept: string | null): View {
  if (accept === null || accept === '' || accept === 'application/json' || accept === '*/*') return OBJECT
  const known = remembered.get(accept)
  if (known !== undefined) return known
  const view = choose(mediaOf(accept))
  if (remembered.size >= MOST_REMEMBERED) remembered.clear()
  remembered.set(accept, view)
  return view
}

function choose(medias: readonly Media[]): View {
  for (const { type, parameters } of medias) {
    if (type !== 'application/json' && type !== '*/*' && type !== 'application/*' && type !== SERVED[1]) continue
    const { as, v, g } = parameters
    if (as === undefined) return OBJECT
    if (g !== 'meta.k8s.io' || (v !== 'v1' && v !== 'v1beta1')) continue
    if (as === 'Table') return { as: 'table', version: v }
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return { as: 'metadata', version: v }
  }
  throw notAcceptable(['application/json'])
}

/** The clauses of an Accept header, best quality first, in the client's order otherwise. */
export function mediaOf(accept: string): readonly Media[] {
  const clauses = accept
    .slice(0, 4096)
    .split(',')
    .map((clause) => {
      const [type = '', ...rest] = clause.split(';').map((part) => part.trim())
      const parameters: Record<string, string> = {}
      for (const part of rest) {
        const equals = part.indexOf('=')
        if (equals > 0)
          parameters[part.slice(0, equals).trim()] = part
            .slice(equals + 1)
            .trim()
            .replaceAll('"', '')
      }
      return { type: type.toLowerCase(), parameters }
    })
  const quality = ({ parameters }: Media): number => {
    const q = Number(parameters['q'] ?? '1')
    return Number.isNaN(q) ? 1 : q
  }
  return clauses.filter((media) => quality(media) > 0).toSorted((a, b) => quality(b) - quality(a))
}
