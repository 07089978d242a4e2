// The standard gRPC health check, on node:http2 alone: one unary call, whose messages have one field each.
import type { ProbeResult } from './probe.ts'

const SERVING = 1

/** Healthy: the service answers SERVING. */
export async function byHealthService(
  host: string,
  port: number,
  service: string,
  limit: AbortSignal,
): Promise<ProbeResult> {
  const { connect } = await import('node:http2')
  const session = connect(`http://${host}:${port}`)
  try {
    return await new Promise<ProbeResult>((resolve, reject) => {
      session.on('error', reject)
      const call = session.request(
        {
          ':method': 'POST',
          ':path': '/grpc.health.v1.Health/Check',
          'content-type': 'application/grpc',
          te: 'trailers',
        },
        { signal: limit },
      )
      const parts: Buffer[] = []
      let code = 'none'
      call.on('response', (headers) => (code = String(headers['grpc-status'] ?? code)))
      call.on('trailers', (headers) => (code = String(headers['grpc-status'] ?? code)))
      call.on('data', (part: Buffer) => parts.push(part))
      call.on('error', reject)
      call.on('end', () => {
        const status = Buffer.concat(parts)[6]
        if (code !== '0' && code !== 'none') resolve({ ok: false, message: `service unhealthy (grpc-status ${code})` })
        else
          resolve({
            ok: status === SERVING,
            message: status === SERVING ? '' : `service unhealthy (responded with "${WORD[status ?? 0] ?? 'UNKNOWN'}")`,
          })
      })
      call.end(frame(service))
    })
  } finally {
    session.destroy()
  }
}

const WORD = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']

/** Uncompressed, the length, then field 1 as text; a name is shorter than 128 bytes or its length takes two. */
function frame(service: string): Buffer {
  const name = Buffer.from(service)
  const length = name.length < 128 ? [name.length] : [(name.length & 127) | 128, name.length >> 7]
  const message = name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, ...length]), name])
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}
