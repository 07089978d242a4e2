/** Options in the query, checked as upstream checks them. */
import {
  badRequest,
  type FieldError,
  fieldForbidden,
  fieldInvalid,
  fieldNotSupported,
  fieldTooLong,
  invalid,
} from '../../schema/k8s/status.ts'
import type { ListOptions, WatchOptions } from '../registry/options.ts'
import type { FieldValidation } from './body.ts'

export interface WriteQuery {
  readonly dryRun: boolean
  readonly fieldManager?: string
  readonly fieldValidation: FieldValidation
}

const MOST_MANAGER = 128

/** `kind`: CreateOptions, UpdateOptions, PatchOptions, DeleteOptions */
export function writeQuery(kind: string, query: URLSearchParams): WriteQuery {
  if (query.size === 0) return PLAIN
  const problems: FieldError[] = []
  const manager = query.get('fieldManager') ?? ''
  if (manager.length > MOST_MANAGER) problems.push(fieldTooLong('fieldManager', MOST_MANAGER))
  for (let at = 0; at < manager.length; at++) {
    const code = manager.charCodeAt(at)
    if (code >= 32 && code !== 127) continue
    const shown = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
    problems.push(fieldInvalid('fieldManager', manager, `invalid character ${shown} (at position ${at})`))
  }
  const dryRun = query.getAll('dryRun').filter((value) => value !== '')
  problems.push(...dryRunProblems(dryRun))
  const validation = query.get('fieldValidation') ?? ''
  if (validation !== '' && validation !== 'Ignore' && validation !== 'Warn' && validation !== 'Strict') {
    problems.push(fieldNotSupported('fieldValidation', validation, ['', 'Ignore', 'Strict', 'Warn']))
  }
  if (kind === 'PatchOptions' && query.has('force')) {
    problems.push(fieldForbidden('force', 'may not be specified for non-apply patch'))
  }
  if (problems.length > 0) throw invalid(kind, 'meta.k8s.io', '', problems)
  return {
    dryRun: dryRun.length > 0,
    ...(manager === '' ? {} : { fieldManager: manager }),
    fieldValidation: validation === '' ? 'Warn' : (validation as FieldValidation),
  }
}

const PLAIN: WriteQuery = { dryRun: false, fieldValidation: 'Warn' }

export function dryRunProblems(dryRun: readonly string[]): readonly FieldError[] {
  return dryRun.every((value) => value === 'All') ? [] : [fieldNotSupported('dryRun', dryRun, ['All'])]
}

export function listQuery(query: URLSearchParams): ListOptions & WatchOptions {
  if (query.size === 0) return {}
  const options: Record<string, string | number | boolean> = {}
  for (const name of ['labelSelector', 'fieldSelector', 'continue', 'resourceVersion', 'resourceVersionMatch']) {
    const value = query.get(name)
    if (value !== null && value !== '') options[name] = value
  }
  for (const name of ['limit', 'timeoutSeconds']) {
    const value = query.get(name)
    if (value !== null && value !== '') options[name] = integer(name, value)
  }
  for (const name of ['allowWatchBookmarks', 'sendInitialEvents']) {
    const value = query.get(name)
    if (value !== null) options[name] = flag(name, value)
  }
  return options
}

export function integer(name: string, value: string): number {
  const number = Number(value)
  if (/^[-+]?\d{1,19}$/.test(value) && Number.isSafeInteger(number)) return number
  throw badRequest(`${name}: strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`)
}

/** Go's booleans; an empty value in a query means true. */
export function flag(name: string, value: string): boolean {
  if (['', '1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)) return true
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(value)) return false
  throw badRequest(`${name}: strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`)
}
