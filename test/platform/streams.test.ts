import { createAuthority, issueServing } from '../../api/access/ca.ts'
import { memoryBell, silentLog } from '../../api/platform/memory.ts'
import { nodeClock } from '../../api/platform/nodejs/clock.ts'
import { serveHttps } from '../../api/platform/nodejs/serve.ts'
import { nodeStreams } from '../../api/platform/nodejs/streams.ts'
import { createUpgrades } from '../../api/platform/nodejs/upgrades.ts'
import type { StreamOrder } from '../../api/platform/port.ts'
import { type StreamServer, streamsSuite } from '../suites/streams.ts'

streamsSuite('Node', async (): Promise<StreamServer> => {
  const authority = await createAuthority('test', Date.now())
  const serving = await issueServing(authority, { dns: ['localhost'], ips: ['127.0.0.1'] }, Date.now())
  const upgrades = createUpgrades()
  const streams = nodeStreams({ bell: memoryBell(), clock: nodeClock, upgrades })
  const server = await serveHttps({ host: '127.0.0.1', port: 0, serving, upgrades, log: silentLog, fetch: answer })

  async function answer(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === '/agent')
      return streams.answer(searchParams.get('id') ?? '', searchParams.get('node') ?? '', request)
    const order = JSON.parse(searchParams.get('order') ?? '') as StreamOrder
    const timeoutMs = Number(searchParams.get('timeoutMs'))
    if (pathname === '/client')
      return streams.splice(order, request, { timeoutMs, protocol: searchParams.get('protocol') ?? '' })
    const log = await streams.read(order, { timeoutMs, signal: request.signal })
    return 'error' in log ? new Response(log.error, { status: 400 }) : new Response(log)
  }

  return {
    url: `wss://127.0.0.1:${server.port}`,
    caPem: authority.certificatePem,
    take: (node) => streams.take(node),
    close: () => server.close(),
  }
})
