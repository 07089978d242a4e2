/** What kubectl asks of OpenAPI v2: protobuf, or nothing. */
import { expect, test } from 'vitest'
import { openDoor } from './door.ts'

const PROTOBUF = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf'

test('the v2 document is served as protobuf to clients that take nothing else', async () => {
  const { raw } = await openDoor()
  const answer = await raw('GET', '/openapi/v2', { headers: { accept: PROTOBUF } })
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-type')).toBe(PROTOBUF.replace('@', '.'))
  const bytes = [...new Uint8Array(await answer.arrayBuffer())]
  expect(String.fromCharCode(...bytes.slice(2, 5))).toBe('2.0')
})
