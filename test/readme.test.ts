/** README and ARCHITECTURE say what the code does. `KEDGE_WRITE=1` writes what they should say. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { supportTable } from '../api/kinds/support.ts'
import { law } from './law.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

function holds(file: string, mark: string, content: string): void {
  const marked = new RegExp(`(<!-- ${mark} -->\\n)[\\s\\S]*?(<!-- /${mark} -->)`)
  const text = readFileSync(`${root}${file}`, 'utf8')
  const now = text.replace(marked, (_, before: string, after: string) => `${before}\n${content.trimEnd()}\n\n${after}`)
  if (process.env['KEDGE_WRITE'] === '1') writeFileSync(`${root}${file}`, now)
  else expect(text).toBe(now)
}

test("README's table of support is the one the kinds declare", () => holds('README.md', 'support', supportTable()))

test("ARCHITECTURE's import table is the law", () => {
  const cell = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ') || 'nothing'
  const rows = law.map(
    ({ room, ours, outside, pure }) =>
      `| \`${room}\`${pure === true ? ' (pure)' : ''} | ${cell(ours)} | ${cell(outside)} |`,
  )
  holds(
    'ARCHITECTURE.md',
    'law',
    ['| room | may import of ours | and of others |', '| --- | --- | --- |', ...rows].join('\n'),
  )
})
