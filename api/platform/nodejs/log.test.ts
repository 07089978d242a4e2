import { expect, test } from 'vitest'
import { nodeLog } from './log.ts'

const said = (level: string | undefined): readonly string[] => {
  const lines: string[] = []
  const log = nodeLog(level, (line) => lines.push(line))
  log.info('one', { a: 1 })
  log.warn('two')
  log.error('three', { error: new Error('why') })
  return lines
}

const rows: readonly (readonly [level: string | undefined, heard: readonly string[]])[] = [
  [undefined, ['two', 'three']],
  ['debug', ['one', 'two', 'three']],
  ['info', ['one', 'two', 'three']],
  ['warn', ['two', 'three']],
  ['error', ['three']],
]

test.each(rows)('KEDGE_LOG=%s', (level, heard) => {
  expect(said(level).map((line) => (JSON.parse(line) as { message: string }).message)).toEqual(heard)
})

test('a line is one JSON object with its fields, errors with where they come from', () => {
  const [one = '', , three = ''] = said('info')
  expect(one.endsWith('\n') && !one.slice(0, -1).includes('\n')).toBe(true)
  expect(JSON.parse(one)).toEqual({ at: expect.any(String), level: 'info', message: 'one', a: 1 })
  expect(JSON.parse(three)).toMatchObject({ level: 'error', error: expect.stringContaining('Error: why\n') })
})
