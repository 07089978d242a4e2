import { expect, test } from 'vitest'
import { decodeContinue, encodeContinue } from './continue-token.ts'

test.each([
  [{ revision: 7, after: { namespace: 'ns', name: 'a' } }, true],
  [{ revision: -1, after: { namespace: '', name: 'system:node' } }, false],
  [{ revision: 9007199254740991, after: { namespace: 'ns', name: 'ü😀' } }, true],
])('%j comes back as it was', (place, namespaced) => {
  expect(decodeContinue(encodeContinue(place), namespaced)).toEqual(place)
})

test('the token has the form of upstream', () => {
  const token = encodeContinue({ revision: 7, after: { namespace: 'ns', name: 'a' } })
  expect(atob(token.replaceAll('-', '+').replaceAll('_', '/'))).toBe(
    '{"v":"meta.k8s.io/v1","rv":7,"start":"ns/a\\u0000"}',
  )
})

test.each([
  ['', 'illegal base64 data'],
  ['a b', 'illegal base64 data'],
  [btoa('[]').replaceAll('=', ''), 'does not recognize this encoded version'],
  [token({ v: 'v2', rv: 1, start: 'a/b' }), 'does not recognize this encoded version v2'],
  [token({ v: 'meta.k8s.io/v1', rv: 0, start: 'a/b' }), 'incorrect encoded start resourceVersion'],
  [token({ v: 'meta.k8s.io/v1', rv: -2, start: 'a/b' }), 'incorrect encoded start resourceVersion'],
  [token({ v: 'meta.k8s.io/v1', rv: 1, start: '' }), 'encoded start key empty'],
  [token({ v: 'meta.k8s.io/v1', rv: 1, start: '../b' }), '../b'],
  [token({ v: 'meta.k8s.io/v1', rv: 1, start: 'b' }), '"b"'],
  [token({ v: 'meta.k8s.io/v1', rv: 1, start: 'a/b/c' }), 'a/b/c'],
])('%s is refused: %s', (text, why) => {
  expect(() => decodeContinue(text, true)).toThrow(why)
})

function token(value: unknown): string {
  return btoa(JSON.stringify(value)).replaceAll('=', '')
}
