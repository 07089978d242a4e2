/** DeleteOptions from the body (JSON, YAML or protobuf) or, when there is none, from the query. */
import { fieldInvalid, fieldNotSupported, invalid } from '../../schema/k8s/status.ts'
import type { DeleteOptions } from '../registry/options.ts'
import { decodeBody, readBody } from './body.ts'
import { dryRunProblems, flag, integer } from './query.ts'

interface Sent {
  readonly gracePeriodSeconds?: number
  readonly propagationPolicy?: string
  readonly orphanDependents?: boolean
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
  readonly dryRun?: readonly string[]
}

const POLICIES = ['Foreground', 'Background', 'Orphan', 'nil']

/** `orphanNot`: the client asked in the old form that dependents go first; its answer may be 202. */
export async function deleteOptions(
  request: Request,
  query: URLSearchParams,
): Promise<{ readonly options: DeleteOptions; readonly orphanNot: boolean }> {
  const body = await readBody(request)
  const empty = body.text === '' && (body.bytes === undefined || body.bytes.length === 0)
  const sent: Sent = empty
    ? fromQuery(query)
    : (decodeBody(body, { apiVersion: 'v1', kind: 'DeleteOptions' }, 'Ignore', () => undefined) as unknown as Sent)
  // The body wins, but who says anywhere that nothing is to happen is believed.
  const dryRun = [...(sent.dryRun ?? []), ...fromQuery(query).dryRun]
  return { options: checked({ ...sent, dryRun }), orphanNot: sent.orphanDependents === false }
}

export function checked(sent: Sent): DeleteOptions {
  const { propagationPolicy: policy, orphanDependents, gracePeriodSeconds, preconditions } = sent
  const problems = [...dryRunProblems(sent.dryRun ?? [])]
  if (orphanDependents !== undefined && policy !== undefined) {
    const rule = 'orphanDependents and deletionPropagation cannot be both set'
    problems.push(fieldInvalid('propagationPolicy', policy, rule))
  }
  if (policy !== undefined && !POLICIES.slice(0, 3).includes(policy)) {
    problems.push(fieldNotSupported('propagationPolicy', policy, POLICIES))
  }
  if (problems.length > 0) throw invalid('DeleteOptions', 'meta.k8s.io', '', problems)
  const propagation = orphanDependents === undefined ? policy : orphanDependents ? 'Orphan' : 'Background'
  return {
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(propagation === undefined ? {} : { propagationPolicy: propagation as 'Background' }),
    ...(preconditions === undefined ? {} : { preconditions }),
    ...((sent.dryRun ?? []).length === 0 ? {} : { dryRun: true }),
  }
}

function fromQuery(query: URLSearchParams): Sent & { readonly dryRun: readonly string[] } {
  const grace = query.get('gracePeriodSeconds')
  const policy = query.get('propagationPolicy')
  const orphan = query.get('orphanDependents')
  return {
    ...(grace === null || grace === '' ? {} : { gracePeriodSeconds: integer('gracePeriodSeconds', grace) }),
    ...(policy === null || policy === '' ? {} : { propagationPolicy: policy }),
    ...(orphan === null ? {} : { orphanDependents: flag('orphanDependents', orphan) }),
    dryRun: query.getAll('dryRun').filter((value) => value !== ''),
  }
}
