/** README says what the code does. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { supportTable } from '../api/kinds/support.ts'

const path = fileURLToPath(new URL('../README.md', import.meta.url))
const MARKED = /(<!-- support -->\n)[\s\S]*?(<!-- \/support -->)/

test("README's table of support is the one the kinds declare (KEDGE_WRITE=1 writes it)", () => {
  const text = readFileSync(path, 'utf8')
  const now = text.replace(MARKED, (_, before: string, after: string) => `${before}\n${supportTable().trimEnd()}\n\n${after}`)
  if (process.env['KEDGE_WRITE'] === '1') writeFileSync(path, now)
  else expect(text).toBe(now)
})
