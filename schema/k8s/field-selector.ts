// Field selectors: `metadata.name=x,status.phase!=Running`. Values escape `\`, `,` and `=` with `\`.
import { DecodeError } from './decode-error.ts'

export interface FieldRequirement {
  readonly field: string
  readonly operator: '=' | '!='
  readonly value: string
}

/** Reads the text of `?fieldSelector=`; '' is []. Throws a DecodeError with upstream's sentence. */
export function parseFieldSelector(text: string): readonly FieldRequirement[] {
  const requirements: FieldRequirement[] = []
  for (const term of splitTerms(text).toSorted()) {
    if (term === '') continue
    const found = /^(.*?)(!=|==|=)(.*)$/s.exec(term)
    if (found === null) throw new DecodeError(`invalid selector: '${text}'; can't understand '${term}'`)
    const [, field = '', operator = '=', rest = ''] = found
    if (field === '' && rest === '') continue
    requirements.push({ field, operator: operator === '!=' ? '!=' : '=', value: unescape(rest) })
  }
  return requirements
}

/** Is every requirement true of the fields? A field that is not there is the empty text. */
export function matchesFields(
  requirements: readonly FieldRequirement[],
  fields: Readonly<Record<string, string>>,
): boolean {
  return requirements.every(({ field, operator, value }) => {
    const held = Object.hasOwn(fields, field) ? (fields[field] ?? '') : ''
    return (held === value) === (operator === '=')
  })
}

function splitTerms(text: string): readonly string[] {
  const terms: string[] = []
  let start = 0
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === ',') {
      terms.push(text.slice(start, at))
      start = at + 1
    }
  }
  terms.push(text.slice(start))
  return terms
}

function unescape(text: string): string {
  if (!/[\\,=]/.test(text)) return text
  let out = ''
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? ''
    if (char === '\\') {
      const escaped = text[++at] ?? ''
      if (escaped === '' || !'\\,='.includes(escaped))
        throw new DecodeError(`invalid field selector: invalid escape sequence: \\${escaped}`)
      out += escaped
    } else if (char === ',' || char === '=') {
      throw new DecodeError(`invalid field selector: unescaped character in value: ${char.charCodeAt(0)}`)
    } else out += char
  }
  return out
}
