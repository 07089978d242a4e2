// The rules for names, labels, keys and ports, with upstream's sentences. Every function answers the
// list of what is wrong, [] for a good value. Lengths are bytes of UTF-8; upstream's sentences for label
// keys and values call them bytes, all others characters.
import { utf8Length } from './utf8.ts'

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`
const LABEL_1035 = '[a-z]([-a-z0-9]*[a-z0-9])?'
const KEY_NAME = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'
const LABEL_VALUE = `(${KEY_NAME})?`
const CONFIG_KEY = '[-._a-zA-Z0-9]+'
const PERCENT = '[0-9]+%'
const HEADER = '[-A-Za-z0-9]+'

const MUST = 'must consist of'
const LOWER = 'lower case alphanumeric characters'
const ENDS = 'must start and end with an alphanumeric character'
const KEY_RULE = `${MUST} alphanumeric characters, '-', '_' or '.', and ${ENDS}`

/** `must be no more than 63 characters` */
function tooLongName(max: number): string {
  return `must be no more than ${max} characters`
}

function tooManyBytes(max: number): string {
  return `must be no more than ${max} bytes`
}

/** `must be between 1 and 65535, inclusive` */
function outsideRange(low: number, high: number): string {
  return `must be between ${low} and ${high}, inclusive`
}

/** The rule, examples and the pattern, as upstream words it. */
function patternProblem(rule: string, pattern: string, ...examples: readonly string[]): string {
  if (examples.length === 0) return `${rule} (regex used for validation is '${pattern}')`
  const list = examples.map((example) => `'${example}', `).join(' or ')
  return `${rule} (e.g. ${list}regex used for validation is '${pattern}')`
}

const patterns = new Map<string, RegExp>()

function fits(value: string, pattern: string): boolean {
  let compiled = patterns.get(pattern)
  if (compiled === undefined) patterns.set(pattern, (compiled = new RegExp(`^(?:${pattern})$`)))
  return compiled.test(value)
}

function check(
  value: string,
  max: number,
  pattern: string,
  rule: string,
  ...examples: readonly string[]
): readonly string[] {
  return [
    ...(utf8Length(value) > max ? [tooLongName(max)] : []),
    ...(fits(value, pattern) ? [] : [patternProblem(rule, pattern, ...examples)]),
  ]
}

/** Names of most objects: at most 253 bytes, `a.b-c`. */
export function isDns1123Subdomain(value: string): readonly string[] {
  const rule = `a lowercase RFC 1123 subdomain ${MUST} ${LOWER}, '-' or '.', and ${ENDS}`
  return check(value, 253, SUBDOMAIN, rule, 'example.com')
}

/** Names of namespaces and containers: at most 63 bytes, no dots. */
export function isDns1123Label(value: string): readonly string[] {
  const rule = `a lowercase RFC 1123 label ${MUST} ${LOWER} or '-', and ${ENDS}`
  if (!fits(value, LABEL) && fits(value, SUBDOMAIN)) {
    return [...(utf8Length(value) > 63 ? [tooLongName(63)] : []), 'must not contain dots']
  }
  return check(value, 63, LABEL, rule, 'my-name', '123-abc')
}

/** Names of Services: like a label, and starts with a letter. */
export function isDns1035Label(value: string): readonly string[] {
  const rule = `a DNS-1035 label ${MUST} ${LOWER} or '-', start with an alphabetic character, and end with an alphanumeric character`
  return check(value, 63, LABEL_1035, rule, 'my-name', 'abc-123')
}

/** Label and annotation keys, finalizers: `name` or `example.com/name`. */
export function isQualifiedName(value: string): readonly string[] {
  const parts = value.split('/')
  const problem = patternProblem(KEY_RULE, KEY_NAME, 'MyName', 'my.name', '123-abc')
  if (parts.length > 2)
    return [`a valid label key ${problem} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`]
  const name = parts.at(-1) ?? ''
  const prefix = parts.length === 2 ? parts[0] : undefined
  const problems: string[] = []
  if (prefix === '') problems.push('prefix part must be non-empty')
  else if (prefix !== undefined) {
    problems.push(
      ...isDns1123Subdomain(prefix).map(
        (text) => `prefix part ${text === tooLongName(253) ? tooManyBytes(253) : text}`,
      ),
    )
  }
  if (name === '') problems.push('name part must be non-empty')
  else if (utf8Length(name) > 63) problems.push(`name part ${tooManyBytes(63)}`)
  if (!fits(name, KEY_NAME)) problems.push(`name part ${problem}`)
  return problems
}

/** Values of labels: empty, or at most 63 bytes. */
export function isLabelValue(value: string): readonly string[] {
  const rule = `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and ${ENDS}`
  return [
    ...(utf8Length(value) > 63 ? [tooManyBytes(63)] : []),
    ...(fits(value, LABEL_VALUE) ? [] : [patternProblem(rule, LABEL_VALUE, 'MyValue', 'my_value', '12345')]),
  ]
}

/** Keys of ConfigMaps and Secrets; they become file names. */
export function isConfigMapKey(value: string): readonly string[] {
  const rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
  return [...check(value, 253, CONFIG_KEY, rule, 'key.name', 'KEY_NAME', 'key-name'), ...leavesDirectory(value)]
}

/** Names of RBAC objects and whatever else only has to fit into a URL. */
export function isPathSegmentName(value: string, isPrefix = false): readonly string[] {
  if (!isPrefix && (value === '.' || value === '..')) return [`may not be '${value}'`]
  const problems = ['/', '%'].filter((char) => value.includes(char)).map((char) => `may not contain '${char}'`)
  // Upstream takes it; here no path can name it, and SQLite's texts may end at it.
  return value.includes('\0') ? [...problems, "may not contain '\\0'"] : problems
}

/** Environment variables: printable ASCII without `=` (1.35's rule). */
export function isEnvVarName(value: string): readonly string[] {
  const problems = value === '' ? ['environment variable name must be non-empty'] : []
  if (/[^\x20-\x7e]|=/.test(value)) {
    problems.push("a valid environment variable name must consist only of printable ASCII characters other than '='")
  }
  return problems
}

/** Names of ports: at most 15 bytes, with a letter. */
export function isPortName(value: string): readonly string[] {
  const problems: string[] = []
  if (utf8Length(value) > 15) problems.push(tooLongName(15))
  if (!/^[-a-z0-9]+$/.test(value))
    problems.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)')
  if (!/[a-z]/.test(value)) problems.push('must contain at least one letter (a-z)')
  if (value.includes('--')) problems.push('must not contain consecutive hyphens')
  if (value.startsWith('-') || value.endsWith('-')) problems.push('must not begin or end with a hyphen')
  return problems
}

/** Ports: 1 to 65535. */
export function isPortNumber(value: number): readonly string[] {
  return value >= 1 && value <= 65535 ? [] : [outsideRange(1, 65535)]
}

/** Users and groups: 0 to 2^31-1. */
export function isUserOrGroupId(value: number): readonly string[] {
  return value >= 0 && value <= 2147483647 ? [] : [outsideRange(0, 2147483647)]
}

/** `50%` */
export function isPercent(value: string): readonly string[] {
  const rule = "a valid percent string must be a numeric string followed by an ending '%'"
  return fits(value, PERCENT) ? [] : [patternProblem(rule, PERCENT, '1%', '93%')]
}

/** `X-Header-Name` */
export function isHttpHeaderName(value: string): readonly string[] {
  const rule = "a valid HTTP header must consist of alphanumeric characters or '-'"
  return fits(value, HEADER) ? [] : [patternProblem(rule, HEADER, 'X-Header-Name')]
}

/**
 * Turns a rule for names into one for generateName too: a prefix may end in `-`, because something
 * is going to follow.
 */
export function nameRule(
  rule: (value: string) => readonly string[],
): (name: string, isPrefix: boolean) => readonly string[] {
  return (name, isPrefix) => rule(isPrefix && name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name)
}

function leavesDirectory(value: string): readonly string[] {
  if (value === '.') return ["must not be '.'"]
  if (value === '..') return ["must not be '..'"]
  return value.startsWith('..') ? ["must not start with '..'"] : []
}
