// Label selectors, from query text (`a=b,c!=d,e in (x,y),!f`) and from LabelSelector objects, with
// upstream's sentences for what cannot be understood.
import { DecodeError } from './decode-error.ts'
import { aggregate, fieldErrorText, fieldInvalid } from './field-error.ts'
import type { LabelSelector } from './generated/types.ts'
import { goQuote } from './go-quote.ts'
import { isLabelValue, isQualifiedName } from './names.ts'

export type LabelOperator = '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | '>' | '<'

export interface LabelRequirement {
  readonly key: string
  readonly operator: LabelOperator
  /** sorted, each once; [] for `exists` and `!` */
  readonly values: readonly string[]
}

/** What labels must be; sorted by key. An empty list matches everything, `nothing` matches nothing. */
export interface LabelMatch {
  readonly requirements: readonly LabelRequirement[]
  readonly nothing: boolean
}

export type Labels = Readonly<Record<string, string>>

export const EVERYTHING: LabelMatch = { requirements: [], nothing: false }
export const NOTHING: LabelMatch = { requirements: [], nothing: true }

/** Do the labels fulfil every requirement? */
export function matches(match: LabelMatch, labels: Labels | undefined): boolean {
  return !match.nothing && match.requirements.every((requirement) => fulfils(requirement, labels ?? {}))
}

function fulfils({ key, operator, values }: LabelRequirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined
  switch (operator) {
    case '=':
    case '==':
    case 'in':
      return value !== undefined && values.includes(value)
    case '!=':
    case 'notin':
      return value === undefined || !values.includes(value)
    case 'exists':
      return value !== undefined
    case '!':
      return value === undefined
    case '>':
    case '<':
      return compares(operator, value, values[0])
  }
}

const INTEGER = /^[-+]?\d{1,19}$/

function compares(operator: '>' | '<', value: string | undefined, limit: string | undefined): boolean {
  if (value === undefined || limit === undefined || !INTEGER.test(value) || !INTEGER.test(limit)) return false
  return operator === '>' ? toBigInt(value) > toBigInt(limit) : toBigInt(value) < toBigInt(limit)
}

function toBigInt(text: string): bigint {
  return BigInt(text.startsWith('+') ? text.slice(1) : text)
}

/** Reads the text of `?labelSelector=`. Throws a DecodeError with upstream's sentence. */
export function parseLabelSelector(text: string): LabelMatch {
  const tokens = lex(text)
  const requirements: LabelRequirement[] = []
  let at = 0
  const peek = (): Token => tokens[at] ?? END
  const next = (): Token => tokens[at++] ?? END
  for (;;) {
    const first = peek()
    if (first.kind === 'end') break
    if (!isWord(first) && first.kind !== '!')
      throw new DecodeError(`found '${first.text}', expected: !, identifier, or 'end of string'`)
    requirements.push(requirement(peek, next))
    const after = next()
    if (after.kind === 'end') break
    if (after.kind !== ',') throw new DecodeError(`found '${after.text}', expected: ',' or 'end of string'`)
    const following = peek()
    if (!isWord(following) && following.kind !== '!')
      throw new DecodeError(`found '${following.text}', expected: identifier after ','`)
  }
  return { requirements: requirements.toSorted(byKey), nothing: false }
}

/** A LabelSelector of an object: absent matches nothing, `{}` everything. Throws a DecodeError. */
export function labelMatchOf(selector: LabelSelector | undefined): LabelMatch {
  if (selector === undefined) return NOTHING
  const requirements: LabelRequirement[] = []
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) requirements.push(checked(key, '=', [value]))
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    const word = OPERATORS[operator]
    if (word === undefined) throw new DecodeError(`${goQuote(operator)} is not a valid label selector operator`)
    requirements.push(checked(key, word, values))
  }
  return { requirements: requirements.toSorted(byKey), nothing: false }
}

const OPERATORS: Readonly<Record<string, LabelOperator>> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
}

/** `{a: 'b'}` as a requirement on every key; {} matches everything. Nothing is validated. */
export function labelMatchOfSet(labels: Labels): LabelMatch {
  const requirements = Object.entries(labels).map(([key, value]) => ({ key, operator: '=' as const, values: [value] }))
  return { requirements: requirements.toSorted(byKey), nothing: false }
}

/** The text upstream prints (in Scale.status.selector, in kubectl): `a=b,e in (x,y),!f`. */
export function printLabelMatch(match: LabelMatch): string {
  return match.requirements
    .map(({ key, operator, values }) => {
      if (operator === 'exists') return key
      if (operator === '!') return `!${key}`
      return operator === 'in' || operator === 'notin'
        ? `${key} ${operator} (${values.join(',')})`
        : `${key}${operator}${values[0] ?? ''}`
    })
    .join(',')
}

function byKey(a: LabelRequirement, b: LabelRequirement): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0
}

interface Token {
  readonly kind: 'word' | 'in' | 'notin' | 'end' | 'error' | ',' | '!' | '(' | ')' | '=' | '==' | '!=' | '>' | '<'
  readonly text: string
}

const END: Token = { kind: 'end', text: '' }
const SYMBOLS = new Set([',', '!', '(', ')', '=', '==', '!=', '>', '<'])

function lex(text: string): readonly Token[] {
  const tokens: Token[] = []
  for (const [part] of text.matchAll(/==|!=|[,!()=<>]|[^ \t\r\n,!()=<>]+/g)) {
    if (SYMBOLS.has(part) || part === 'in' || part === 'notin') tokens.push({ kind: part as Token['kind'], text: part })
    else tokens.push({ kind: 'word', text: part })
  }
  return tokens
}

/** Where a value may stand, `in` and `notin` are words like any other. */
function isWord(token: Token): boolean {
  return token.kind === 'word' || token.kind === 'in' || token.kind === 'notin'
}

function requirement(peek: () => Token, next: () => Token): LabelRequirement {
  try {
    let token = next()
    const absent = token.kind === '!'
    if (absent) token = next()
    if (!isWord(token)) throw new DecodeError(`found '${token.text}', expected: identifier`)
    const key = token.text
    const problems = isQualifiedName(key)
    if (problems.length > 0) throw new DecodeError(fieldErrorText(fieldInvalid('<nil>', key, problems.join('; '))))
    if (absent) return checked(key, '!', [])
    if (peek().kind === 'end' || peek().kind === ',') return checked(key, 'exists', [])
    const operator = next()
    switch (operator.kind) {
      case 'in':
      case 'notin':
        return checked(key, operator.kind, valueList(peek, next))
      case '=':
      case '==':
      case '!=':
      case '>':
      case '<':
        return checked(key, operator.kind, [exactValue(peek, next)])
      default:
        throw new DecodeError(`found '${operator.text}', expected: in, notin, =, ==, !=, gt, lt`)
    }
  } catch (error) {
    if (error instanceof DecodeError) throw new DecodeError(`unable to parse requirement: ${error.message}`)
    throw error
  }
}

function exactValue(peek: () => Token, next: () => Token): string {
  if (peek().kind === 'end' || peek().kind === ',') return ''
  const token = next()
  if (!isWord(token)) throw new DecodeError(`found '${token.text}', expected: identifier`)
  return token.text
}

/** `(x,y)`; an empty place between commas or brackets is the empty value. */
function valueList(peek: () => Token, next: () => Token): readonly string[] {
  const open = next()
  if (open.kind !== '(') throw new DecodeError(`found '${open.text}' expected: '('`)
  if (peek().kind === ')') {
    next()
    return ['']
  }
  if (!isWord(peek()) && peek().kind !== ',')
    throw new DecodeError(`found '${peek().text}', expected: ',', ')' or identifier`)
  const values: string[] = []
  let empty = true
  for (;;) {
    const token = next()
    if (isWord(token)) {
      if (!empty) throw new DecodeError(`found '${token.text}', expected: ',' or ')'`)
      values.push(token.text)
      empty = false
    } else if (token.kind === ',' || token.kind === ')') {
      if (empty) values.push('')
      if (token.kind === ')') return values
      empty = true
    } else throw new DecodeError(`found '${token.text}', expected: ${empty ? "',', or identifier" : "',' or ')'"}`)
  }
}

function checked(key: string, operator: LabelOperator, given: readonly string[]): LabelRequirement {
  const values = [...new Set(given)].toSorted()
  const problems: string[] = []
  const wrong = (field: string, value: unknown, detail: string): void => {
    problems.push(fieldErrorText(fieldInvalid(field, value, detail)))
  }
  const keyProblems = isQualifiedName(key)
  if (keyProblems.length > 0) wrong('key', key, keyProblems.join('; '))
  if ((operator === 'in' || operator === 'notin') && values.length === 0)
    wrong('values', values, "for 'in', 'notin' operators, values set can't be empty")
  if ((operator === 'exists' || operator === '!') && values.length > 0)
    wrong('values', values, 'values set must be empty for exists and does not exist')
  if (operator === '>' || operator === '<') {
    values.forEach((value, i) => {
      if (!INTEGER.test(value)) wrong(`values[${i}]`, value, "for 'Gt', 'Lt' operators, the value must be an integer")
    })
  }
  values.forEach((value, i) => {
    const valueProblems = isLabelValue(value)
    if (valueProblems.length > 0) wrong(`values[${i}][${key}]`, value, valueProblems.join('; '))
  })
  if (problems.length > 0) throw new DecodeError(aggregate(problems))
  return { key, operator, values }
}
