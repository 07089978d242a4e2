/**
 * The grammars of names, keys and ports, as lists of problems in upstream's words; [] means good. Field rules in
 * the kinds put a path and a value in front of each sentence.
 */
const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`
const LABEL_1035 = '[a-z]([-a-z0-9]*[a-z0-9])?'
const KEY = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'
const CONFIG_KEY = '[-._a-zA-Z0-9]+'
const HEADER = '[-A-Za-z0-9]+'
const PERCENT = '[0-9]+%'

const LABEL_PATTERN = whole(LABEL)
const SUBDOMAIN_PATTERN = whole(SUBDOMAIN)
const LABEL_1035_PATTERN = whole(LABEL_1035)
const KEY_PATTERN = whole(KEY)
const LABEL_VALUE_PATTERN = whole(`(${KEY})?`)
const CONFIG_KEY_PATTERN = whole(CONFIG_KEY)
const HEADER_PATTERN = whole(HEADER)
const PERCENT_PATTERN = whole(PERCENT)
const ENV_PATTERN = /^[\x20-\x3c\x3e-\x7e]*$/

/** A name that may be a prefix: a trailing dash is masked, because more will follow it. */
export type NameRule = (name: string, isPrefix: boolean) => readonly string[]

export const subdomainName: NameRule = (name, isPrefix) => subdomainProblems(isPrefix ? maskDash(name) : name)
export const labelName: NameRule = (name, isPrefix) => labelProblems(isPrefix ? maskDash(name) : name)
export const label1035Name: NameRule = (name, isPrefix) => label1035Problems(isPrefix ? maskDash(name) : name)

/** RFC 1123 label: namespaces, containers, volumes. */
export function labelProblems(value: string): readonly string[] {
  const problems = tooLong(value, 63)
  if (LABEL_PATTERN.test(value)) return problems
  if (SUBDOMAIN_PATTERN.test(value)) return [...problems, 'must not contain dots']
  const rule =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character"
  return [...problems, regexProblem(rule, LABEL, ['my-name', '123-abc'])]
}

/** RFC 1123 subdomain: names of most objects. */
export function subdomainProblems(value: string): readonly string[] {
  const problems = tooLong(value, 253)
  if (SUBDOMAIN_PATTERN.test(value)) return problems
  const rule =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
  return [...problems, regexProblem(rule, SUBDOMAIN, ['example.com'])]
}

/** RFC 1035 label: Services. */
export function label1035Problems(value: string): readonly string[] {
  const problems = tooLong(value, 63)
  if (LABEL_1035_PATTERN.test(value)) return problems
  const rule =
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character"
  return [...problems, regexProblem(rule, LABEL_1035, ['my-name', 'abc-123'])]
}

/** `app`, `example.com/app`: keys of labels and annotations, finalizers, resource names. */
export function qualifiedProblems(value: string): readonly string[] {
  const rule =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
  const wrong = regexProblem(rule, KEY, ['MyName', 'my.name', '123-abc'])
  const parts = value.split('/')
  if (parts.length > 2) {
    return [`a valid label key ${wrong} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`]
  }
  const problems: string[] = []
  const [prefix, name] = parts.length === 2 ? [parts[0] ?? '', parts[1] ?? ''] : [undefined, value]
  if (prefix === '') problems.push('prefix part must be non-empty')
  else if (prefix !== undefined) {
    for (const problem of subdomainProblems(prefix)) problems.push(`prefix part ${inBytes(problem)}`)
  }
  if (name === '') problems.push('name part must be non-empty')
  else if (name.length > 63) problems.push('name part must be no more than 63 bytes')
  if (!KEY_PATTERN.test(name)) problems.push(`name part ${wrong}`)
  return problems
}

export function labelValueProblems(value: string): readonly string[] {
  const problems = value.length > 63 ? ['must be no more than 63 bytes'] : []
  if (LABEL_VALUE_PATTERN.test(value)) return problems
  const rule =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
  return [...problems, regexProblem(rule, `(${KEY})?`, ['MyValue', 'my_value', '12345'])]
}

/** Keys of ConfigMaps and Secrets. */
export function configKeyProblems(value: string): readonly string[] {
  const problems = [...tooLong(value, 253)]
  if (!CONFIG_KEY_PATTERN.test(value)) {
    const rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
    problems.push(regexProblem(rule, CONFIG_KEY, ['key.name', 'KEY_NAME', 'key-name']))
  }
  if (value === '.') problems.push("must not be '.'")
  else if (value === '..') problems.push("must not be '..'")
  else if (value.startsWith('..')) problems.push("must not start with '..'")
  return problems
}

/** Names of environment variables, with upstream's relaxed rule: printable ASCII other than `=`. */
export function envNameProblems(value: string): readonly string[] {
  if (value === '') return ['environment variable name must be non-empty']
  if (ENV_PATTERN.test(value)) return []
  return ["a valid environment variable name must consist only of printable ASCII characters other than '='"]
}

/** Names of container ports. */
export function portNameProblems(value: string): readonly string[] {
  const problems = [...tooLong(value, 15)]
  if (!/^[-a-z0-9]+$/.test(value))
    problems.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)')
  if (!/[a-z]/.test(value)) problems.push('must contain at least one letter (a-z)')
  if (value.includes('--')) problems.push('must not contain consecutive hyphens')
  if (value.startsWith('-') || value.endsWith('-')) problems.push('must not begin or end with a hyphen')
  return problems
}

export function portNumberProblems(value: number): readonly string[] {
  return rangeProblems(value, 1, 65535)
}

export function rangeProblems(value: number, low: number, high: number): readonly string[] {
  return Number.isInteger(value) && value >= low && value <= high
    ? []
    : [`must be between ${low} and ${high}, inclusive`]
}

export function headerNameProblems(value: string): readonly string[] {
  if (HEADER_PATTERN.test(value)) return []
  return [regexProblem("a valid HTTP header must consist of alphanumeric characters or '-'", HEADER, ['X-Header-Name'])]
}

export function percentProblems(value: string): readonly string[] {
  if (PERCENT_PATTERN.test(value)) return []
  const rule = "a valid percent string must be a numeric string followed by an ending '%'"
  return [regexProblem(rule, PERCENT, ['1%', '93%'])]
}

/** A name that is one segment of a URL path. */
export function pathSegmentProblems(name: string, isPrefix: boolean): readonly string[] {
  if (!isPrefix && (name === '.' || name === '..')) return [`may not be '${name}'`]
  return ['/', '%'].filter((char) => name.includes(char)).map((char) => `may not contain '${char}'`)
}

function maskDash(name: string): string {
  return name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name
}

function tooLong(value: string, most: number): readonly string[] {
  return value.length > most ? [`must be no more than ${most} characters`] : []
}

function inBytes(problem: string): string {
  return problem.startsWith('must be no more than') ? problem.replace('characters', 'bytes') : problem
}

function whole(pattern: string): RegExp {
  return new RegExp(`^${pattern}$`)
}

function regexProblem(rule: string, pattern: string, examples: readonly string[]): string {
  const shown = examples.map((example) => `'${example}', `).join('or ')
  return `${rule} (e.g. ${shown}regex used for validation is '${pattern}')`
}
