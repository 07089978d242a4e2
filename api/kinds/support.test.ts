import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { expect, test } from 'vitest'
import { kindByName, kindByResource, kindByStore, kinds } from './all.ts'
import { supportTable } from './support.ts'

test('every file that defines a kind is in the list', () => {
  const files = globSync('api/kinds/*.ts').filter((file) => {
    const text = readFileSync(file, 'utf8')
    return text.includes('= defineKind<') && !file.endsWith('.test.ts')
  })
  expect(files.map((file) => basename(file)).toSorted()).toHaveLength(kinds.length)
})

test('a kind is found by its place in a URL, by its place in the store and by its name', () => {
  for (const kind of kinds) {
    expect(kindByResource(kind.group, kind.version, kind.plural)).toBe(kind)
    expect(kindByStore(kind.resource)).toBe(kind)
    expect(kindByName(kind.group === '' ? kind.version : `${kind.group}/${kind.version}`, kind.kind)).toBe(kind)
  }
  expect(kindByResource('', 'v1', 'nope')).toBeUndefined()
})

test('the table of support has a row for each kind and names what is stored and what is refused', () => {
  const table = supportTable()
  for (const kind of kinds) expect(table).toContain(`| ${kind.kind} |`)
  expect(table).toMatch(/\| `spec\.containers\[\]` \|.*`resizePolicy`.*\|.*`volumeDevices`.*\|/)
  expect(table).toMatch(/\| `spec\.volumes\[\]` \|\s*\|.*`nfs`.*\|/)
  expect(table).not.toContain('undefined')
})

test.each(kinds.map((kind) => [kind.kind, kind] as const))('%s declares what clients discover', (_, kind) => {
  expect(kind.singular).toBe(kind.kind.toLowerCase())
  expect(kind.fieldNames).toContain('metadata.name')
  expect(kind.columns.length).toBeGreaterThan(1)
  expect(kind.columns.some((column) => column.format === 'name')).toBe(true)
  expect(kind.support.acts).not.toBe('')
})
