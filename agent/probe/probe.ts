// One look at a container's health: a command in it, a request to it, or a connection.
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { byHealthService } from './grpc.ts'
import type { Container, Probe } from '../../schema/k8s/generated/types.ts'
import type { Driver } from '../driver/driver.ts'
import { whyNoConnection } from '../plan/no-connection.ts'

export interface ProbeTarget {
  readonly containerId: string
  readonly container: Container
  readonly podIP: string
}

export interface ProbeResult {
  readonly ok: boolean
  readonly message: string
}

/** as much of a command's words as upstream shows */
const MAX_OUTPUT = 10 * 1024

export async function runProbe(
  driver: Driver,
  probe: Probe,
  target: ProbeTarget,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  try {
    if (probe.exec !== undefined) return await byCommand(driver, probe.exec.command ?? [], target, timeoutMs, limit)
    if (probe.httpGet !== undefined) return await byRequest(probe.httpGet, target, limit)
    if (probe.tcpSocket !== undefined) {
      return await byConnection(
        probe.tcpSocket.host ?? target.podIP,
        portOf(probe.tcpSocket.port, target.container),
        limit,
      )
    }
    if (probe.grpc !== undefined)
      return await byHealthService(target.podIP, probe.grpc.port, probe.grpc.service ?? '', limit)
    return { ok: true, message: '' }
  } catch (error) {
    const message =
      limit.aborted && !signal.aborted ? `timeout: nothing within ${timeoutMs / 1000}s` : (error as Error).message
    return { ok: false, message }
  }
}

async function byCommand(
  driver: Driver,
  command: readonly string[],
  target: ProbeTarget,
  timeoutMs: number,
  limit: AbortSignal,
): Promise<ProbeResult> {
  const session = await driver.exec(target.containerId, { command, tty: false, stdin: false }, limit)
  const kill = (): void => void session.kill().catch(() => {})
  limit.addEventListener('abort', kill, { once: true })
  let text = ''
  try {
    for await (const { bytes } of session.output)
      if (text.length < MAX_OUTPUT) text += Buffer.from(bytes).toString('utf8')
    if (limit.aborted)
      return { ok: false, message: `command timed out: "${command.join(' ')}" timed out after ${timeoutMs / 1000}s` }
    return { ok: (await session.exitCode()) === 0, message: text }
  } finally {
    limit.removeEventListener('abort', kill)
  }
}

function byRequest(get: NonNullable<Probe['httpGet']>, target: ProbeTarget, limit: AbortSignal): Promise<ProbeResult> {
  const secure = get.scheme === 'HTTPS'
  const headers = Object.fromEntries((get.httpHeaders ?? []).map(({ name, value }) => [name.toLowerCase(), value]))
  return new Promise((resolve, reject) => {
    const options = {
      host: get.host ?? target.podIP,
      port: portOf(get.port, target.container),
      path: get.path ?? '/',
      headers: { 'user-agent': 'kube-probe/1.35', accept: '*/*', connection: 'close', ...headers },
      agent: false as const,
      signal: limit,
    }
    // As upstream: the probe asks whether the server answers, not who it is.
    const sent = secure ? httpsRequest({ ...options, rejectUnauthorized: false }) : httpRequest(options)
    sent.on('response', (answer) => {
      const code = answer.statusCode ?? 0
      answer.destroy()
      const ok = code >= 200 && code < 400
      resolve({ ok, message: ok ? '' : `HTTP probe failed with statuscode: ${code}` })
    })
    sent.on('error', (error: NodeJS.ErrnoException) => {
      if (error.syscall !== 'connect') return reject(error)
      const { host, port, path } = options
      const url = `${secure ? 'https' : 'http'}://${host}:${port}${path}`
      reject(new Error(`Get "${url}": dial tcp ${host}:${port}: ${whyNoConnection(error)}`))
    })
    sent.end()
  })
}

function byConnection(host: string, port: number, limit: AbortSignal): Promise<ProbeResult> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal: limit })
    socket.on('connect', () => {
      socket.destroy()
      resolve({ ok: true, message: '' })
    })
    socket.on('error', (error) => reject(new Error(`dial tcp ${host}:${port}: ${whyNoConnection(error)}`)))
  })
}

function portOf(port: number | string, container: Container): number {
  if (typeof port === 'number') return port
  const named = container.ports?.find(({ name }) => name === port)?.containerPort
  return named ?? Number(port)
}
