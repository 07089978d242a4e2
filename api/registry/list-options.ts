/** Options of lists and watches: upstream's rules about which may go together, in its words. */
import { badRequest, type FieldError, fieldForbidden, fieldNotSupported } from '../../schema/k8s/status.ts'
import type { ListOptions, WatchOptions } from './options.ts'

const MATCH = 'resourceVersionMatch'

export function listOptionProblems(
  options: ListOptions & { readonly sendInitialEvents?: boolean },
): readonly FieldError[] {
  const problems: FieldError[] = []
  const { resourceVersion: revision = '', continue: token = '', resourceVersionMatch: match = '' } = options
  if (match !== '') {
    if (revision === '')
      problems.push(fieldForbidden(MATCH, `${MATCH} is forbidden unless resourceVersion is provided`))
    if (token !== '') problems.push(fieldForbidden(MATCH, `${MATCH} is forbidden when continue is provided`))
    if (match !== 'Exact' && match !== 'NotOlderThan')
      problems.push(fieldNotSupported(MATCH, match, ['Exact', 'NotOlderThan', '']))
    if (match === 'Exact' && revision === '0') {
      problems.push(fieldForbidden(MATCH, `${MATCH} "exact" is forbidden for resourceVersion "0"`))
    }
  }
  if (options.sendInitialEvents !== undefined) {
    problems.push(fieldForbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'))
  }
  return problems
}

export function watchOptionProblems(options: WatchOptions): readonly FieldError[] {
  const problems: FieldError[] = []
  const { continue: token = '', resourceVersionMatch: match = '', sendInitialEvents } = options
  if (sendInitialEvents !== undefined && match !== 'NotOlderThan') {
    problems.push(fieldForbidden(MATCH, `sendInitialEvents requires setting ${MATCH} to NotOlderThan`))
  }
  if (match !== '') {
    if (sendInitialEvents === undefined) {
      problems.push(fieldForbidden(MATCH, `${MATCH} is forbidden for watch unless sendInitialEvents is provided`))
    }
    if (match !== 'NotOlderThan') problems.push(fieldNotSupported(MATCH, match, ['NotOlderThan']))
    if (token !== '') problems.push(fieldForbidden(MATCH, `${MATCH} is forbidden when continue is provided`))
  }
  return problems
}

/** undefined: not given. Revisions beyond 2^53 are nobody's. */
export function parseRevision(text: string | undefined, field: string): number | undefined {
  if (text === undefined || text === '') return undefined
  const revision = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(revision)) {
    throw badRequest(
      `invalid ${field} ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
    )
  }
  return revision
}
