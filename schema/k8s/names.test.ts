import { describe, expect, test } from 'vitest'
import * as names from './names.ts'

describe('what is wrong with a name', () => {
  test.each<[readonly string[], readonly string[]]>([
    [names.isDns1123Label('my-name'), []],
    [names.isDns1123Label('a.b'), ['must not contain dots']],
    [
      names.isDns1123Label('My'),
      [
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      ],
    ],
    [names.isDns1123Label('a'.repeat(64)), ['must be no more than 63 characters']],
    [
      names.isDns1123Subdomain('a_b'),
      [
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      ],
    ],
    [
      names.isDns1035Label('1a'),
      [
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
      ],
    ],
    [names.isQualifiedName('example.com/My.name_1'), []],
    [names.isQualifiedName('/x'), ['prefix part must be non-empty']],
    [names.isQualifiedName('x/'), ['name part must be non-empty', expect.stringMatching(/^name part must consist of/)]],
    [
      names.isQualifiedName('a/b/c'),
      [expect.stringMatching(/^a valid label key must consist of .* with an optional DNS subdomain prefix/)],
    ],
    [names.isLabelValue(''), []],
    [names.isLabelValue('a'.repeat(64)), ['must be no more than 63 bytes']],
    [names.isConfigMapKey('..x'), ["must not start with '..'"]],
    [names.isPortName('80'), ['must contain at least one letter (a-z)']],
    [names.isPortNumber(0), ['must be between 1 and 65535, inclusive']],
    [names.isPathSegmentName('a/b%'), ["may not contain '/'", "may not contain '%'"]],
    [names.isPathSegmentName('a\0b'), ["may not contain '\\0'"]],
    [names.isPathSegmentName('..'), ["may not be '..'"]],
    [names.isPathSegmentName('..', true), []],
    [
      names.isEnvVarName('A=B'),
      ["a valid environment variable name must consist only of printable ASCII characters other than '='"],
    ],
    [names.isEnvVarName('1 any'), []],
    [
      names.isPercent('5'),
      [
        "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
      ],
    ],
    [names.isDns1123Label('a\n'), [expect.stringMatching(/RFC 1123 label/)]],
  ])('%#', (problems, wanted) => {
    expect(problems).toEqual(wanted)
  })
})

test('a prefix for generated names may end in a dash', () => {
  const rule = names.nameRule(names.isDns1123Label)
  expect(rule('web-', true)).toEqual([])
  expect(rule('web-', false)).toHaveLength(1)
  expect(rule('Web-', true)).toHaveLength(1)
})
