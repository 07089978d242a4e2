/** README and ARCHITECTURE say what the code does. `KEDGE_WRITE=1` writes what they should say. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { supportTable } from '../api/kinds/support.ts'
import { law } from './law.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The file as it is, and as it should be. */
function held(file: string, mark: string, content: string): { readonly is: string; readonly should: string } {
  const marked = new RegExp(`(<!-- ${mark} -->\\n)[\\s\\S]*?(<!-- /${mark} -->)`)
  const text = readFileSync(`${root}${file}`, 'utf8')
  const should = text.replace(
    marked,
    (_, before: string, after: string) => `${before}\n${content.trimEnd()}\n\n${after}`,
  )
  if (process.env['KEDGE_WRITE'] !== '1') return { is: text, should }
  writeFileSync(`${root}${file}`, should)
  return { is: should, should }
}

test("README's table of support is the one the kinds declare", () => {
  const { is, should } = held('README.md', 'support', supportTable())
  expect(is).toBe(should)
})

test("ARCHITECTURE's import table is the law", () => {
  const cell = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ') || 'nothing'
  const rows = law.map(
    ({ room, ours, outside, pure }) =>
      `| \`${room}\`${pure === true ? ' (pure)' : ''} | ${cell(ours)} | ${cell(outside)} |`,
  )
  const table = ['| room | may import of ours | and of others |', '| --- | --- | --- |', ...rows].join('\n')
  const { is, should } = held('ARCHITECTURE.md', 'law', table)
  expect(is).toBe(should)
})
