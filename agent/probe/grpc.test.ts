import type { Http2Server } from 'node:http2'
import { createServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { byHealthService } from './grpc.ts'

let server: Http2Server
afterEach(() => server.close())

async function serve(status: number, code: string): Promise<{ port: number; asked: string[] }> {
  const asked: string[] = []
  server = createServer()
  server.on('stream', (stream, headers) => {
    stream.on('data', (part: Buffer) => asked.push(`${headers[':path']} ${part.subarray(7).toString('utf8')}`))
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': code }))
    stream.end(Buffer.from([0, 0, 0, 0, 2, 8, status]))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as AddressInfo).port, asked }
}

it.each([
  [1, '0', true, ''],
  [2, '0', false, 'service unhealthy (responded with "NOT_SERVING")'],
  [0, '5', false, 'service unhealthy (grpc-status 5)'],
])('status %i with code %s is healthy: %s', async (status, code, ok, message) => {
  const { port, asked } = await serve(status, code)
  expect(await byHealthService('127.0.0.1', port, 'shop', AbortSignal.timeout(2000))).toEqual({ ok, message })
  expect(asked).toEqual(['/grpc.health.v1.Health/Check shop'])
})
