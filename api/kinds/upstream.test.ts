// Our rules and rows against upstream's own, case by case. `test/golden/kinds/generate` writes the answers.
import { describe, expect, test } from 'vitest'
import { fieldErrorText } from '../../schema/k8s/field-error.ts'
import { kindOf } from '../../schema/k8s/facts.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { pruned } from '../../schema/k8s/strict.ts'
import { printMicroTime, printTime } from '../../schema/k8s/time.ts'
import cases from '../../test/golden/kinds/cases.json' with { type: 'json' }
import upstream from '../../test/golden/kinds/upstream.json' with { type: 'json' }
import { kindByName } from './all.ts'
import type { Kind } from './kind.ts'

interface Case {
  readonly name: string
  readonly object: unknown
  readonly old?: unknown
  readonly print?: true
}

interface Answer {
  readonly name: string
  readonly errors?: readonly string[]
  readonly cells?: readonly unknown[]
  readonly warnings?: readonly string[]
}

const NOW = Date.parse('2026-01-02T03:04:05Z')
const rows = (cases as readonly Case[]).map((one, index) => ({ ...one, ...(upstream as readonly Answer[])[index] }))

describe('kinds refuse what upstream refuses, in its words', () => {
  test.each(rows.filter((row) => row.print !== true))('$name', ({ name, object, old, errors = [] }) => {
    const { kind, value } = read(object)
    const before = old === undefined ? undefined : read(old).value
    const found = [...kind.validate(value), ...(before === undefined ? [] : kind.validateUpdate(value, before))]
    expect(texts(found.map(fieldErrorText))).toEqual(texts(OURS[name] ?? errors))
  })
})

test('pods are warned about in the words of upstream', () => {
  const row = rows.find(({ name }) => name === 'warnings')
  const { kind, value } = read(row?.object)
  expect(texts(kind.warnings(value, undefined))).toEqual(texts(row?.warnings ?? []))
  expect(row?.warnings).not.toHaveLength(0)
})

describe('kinds print what upstream prints', () => {
  test.each(rows.filter((row) => row.print === true))('$name', ({ object, cells }) => {
    const { kind, value } = read(object)
    expect(kind.cells(value, NOW)).toEqual(cells)
    expect(kind.cells(value, NOW)).toHaveLength(kind.columns.length)
  })
})

/** Where kedge says something else on purpose. */
const OURS: Readonly<Record<string, readonly string[]>> = {
  // The oracle runs without --allow-privileged, and prints the value as its internal type.
  'privilege escalation': [
    'spec.containers[0].securityContext: Invalid value: {"privileged":true,"allowPrivilegeEscalation":false}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
  ],
  // An empty map is no map here.
  'no template labels': [
    'spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`',
  ],
}

/** Order does not count: upstream walks maps. Repeated sentences are printed once. */
function texts(list: readonly string[]): readonly string[] {
  return [...new Set(list)].toSorted()
}

function read(given: unknown): { readonly kind: Kind; readonly value: K8sObject } {
  const text = JSON.stringify(given).replace(/"@(u?)(-?\d+)"/g, (_, micro: string, seconds: string) => {
    const at = NOW + Number(seconds) * 1000
    return JSON.stringify(micro === '' ? printTime(at) : printMicroTime(at))
  })
  const object = JSON.parse(text) as K8sObject
  const kind = kindByName(object.apiVersion, object.kind)
  if (kind === undefined) throw new Error(`no kind ${object.kind}`)
  const message = kindOf(object.apiVersion, object.kind)?.message ?? ''
  return { kind, value: kind.defaults(pruned(object, message) as unknown as K8sObject) }
}
