// Checks the codec against upstream itself, where Go and the modules are: its golden files from the
// module cache, and its decoder on what we encode.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { toBase64 } from '../base64.ts'
import { kindOf } from '../facts.ts'
import fixtures from '../generated/fixtures.json' with { type: 'json' }
import { decodeObject, encodeObject } from '../protobuf.ts'
import { checkFields } from '../strict.ts'

const here = import.meta.dirname

/** The Go that `npm test` found or fetched. */
const go = process.env['KEDGE_TEST_GO'] ?? 'go'

/** The folder of upstream's golden files, or why they cannot be had. */
function goldenFolder(): { readonly folder: string } | { readonly missing: string } {
  try {
    const dir = execFileSync(go, ['list', '-m', '-f', '{{.Dir}}', 'k8s.io/api'], {
      cwd: here,
      env: { ...process.env, GOFLAGS: '-mod=mod', GOPROXY: 'off' },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim()
    const folder = join(dir, 'testdata/HEAD')
    return dir !== '' && existsSync(folder) ? { folder } : { missing: 'k8s.io/api is not in the module cache' }
  } catch {
    return { missing: 'there is no go here, or no k8s.io/api in its module cache' }
  }
}

const golden = goldenFolder()
const reason = 'missing' in golden ? golden.missing : undefined

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null)
      .map(([key, inner]) => [key, withoutNulls(inner)]),
  )
}

const skipped = reason === undefined ? '' : `, skipped because ${reason}`

describe.skipIf(reason !== undefined)(`upstream's golden files${skipped}`, () => {
  const folder = 'folder' in golden ? golden.folder : ''
  const rows = (folder === '' ? [] : readdirSync(folder))
    .filter((file) => file.endsWith('.pb'))
    .map((file) => file.slice(0, -3))
    .filter((name) => {
      const { apiVersion, kind } = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as {
        apiVersion: string
        kind: string
      }
      return kindOf(apiVersion, kind) !== undefined
    })

  test('cover the kinds of the table', () => {
    expect(rows.length).toBeGreaterThan(70)
  })

  test.each(rows)('%s', (name) => {
    const json: unknown = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'))
    const bytes = new Uint8Array(readFileSync(join(folder, `${name}.pb`)))
    const { value, apiVersion, kind } = decodeObject(bytes)
    expect(withoutNulls(value)).toEqual(withoutNulls(json))
    expect(decodeObject(encodeObject(value as { apiVersion: string; kind: string })).value).toEqual(value)
    const checked = checkFields(json, kindOf(apiVersion, kind)?.message ?? '')
    expect(checked.unknown).toEqual([])
    expect(checked.typeErrors).toEqual([])
    expect(checked.value).toEqual(value)
  })
})

test.skipIf(reason !== undefined)(`upstream decodes what we encode${skipped}`, { timeout: 480_000 }, () => {
  const wanted = Object.entries(fixtures)
    .filter(([name]) => !name.endsWith(' List'))
    .flatMap(([, both]) => [both.filled, both.empty])
  const ours = wanted.map(({ json }) => toBase64(encodeObject(json)))
  const answer = execFileSync(go, ['run', '.', 'decode'], {
    cwd: here,
    input: JSON.stringify(ours),
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  })
  expect(JSON.parse(answer)).toEqual(wanted.map(({ json }) => json))
})
