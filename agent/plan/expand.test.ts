import { expect, it } from 'vitest'
import { expand } from './expand.ts'

const values: { readonly [name: string]: string } = { A: 'one', B: '', 'C-D': 'three' }

it.each([
  ['plain', 'plain'],
  ['$(A)', 'one'],
  ['x$(A)y$(B)z', 'xoneyz'],
  ['$(C-D)', 'three'],
  ['$$(A)', '$(A)'],
  ['$$$(A)', '$one'],
  ['$(NONE)', '$(NONE)'],
  ['$(A', '$(A'],
  ['$A', '$A'],
  ['tail$', 'tail$'],
  ['$$', '$'],
])('%s becomes %s', (text, expected) => {
  expect(expand(text, (name) => values[name])).toBe(expected)
})
