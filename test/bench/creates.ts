/**
 * Creates of 1 KB ConfigMaps over TLS with a token, beside etcd's JSON gateway doing create-if-absent transactions with
 * the same clients: load on one core, server on the other, alternating rounds. Both sync each commit to disk.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../tools/free-port.ts'
import { cpuSeconds, LOAD_CORE, SERVER_CORE, type LoadResult, median, pinnedScript, startPinned } from './pinned.ts'
import { startServer } from './server.ts'

const CLIENTS = [1, 16, 64]

export async function creates(options: {
  readonly rounds: number
  readonly seconds: number
}): Promise<readonly string[]> {
  const rows = [
    `load on core ${LOAD_CORE}, server on core ${SERVER_CORE}; ${options.rounds} alternating rounds of ${options.seconds} s; medians`,
  ]
  rows.push(
    '| clients | kedge creates/s (p99 ms) | etcd txn/s (p99 ms) | ratio | CPU of the server per request, kedge and etcd |',
    '| --- | --- | --- | --- | --- |',
  )
  for (const clients of CLIENTS) {
    const ours: Measured[] = []
    const theirs: Measured[] = []
    for (let round = 0; round < options.rounds; round += 1) {
      const common = [
        '--clients',
        String(clients),
        '--seconds',
        String(options.seconds),
        '--run',
        `b${clients}-${round}`,
      ]
      ours.push(await onKedge(common))
      theirs.push(await onEtcd(common))
    }
    const [us, them] = [ours, theirs].map((results) => ({
      perSecond: median(results.map(({ perSecond }) => perSecond)),
      p99: median(results.map(({ p99 }) => p99)),
      cpu: median(results.map(({ cpuMicroseconds }) => cpuMicroseconds)),
      failed: results.reduce((sum, { failed }) => sum + failed, 0),
    }))
    if (us === undefined || them === undefined) throw new Error('no round was run')
    if (us.failed + them.failed > 0)
      throw new Error(
        `requests failed: ${JSON.stringify([...ours, ...theirs].find(({ firstFailure }) => firstFailure))}`,
      )
    rows.push(
      `| ${clients} | ${us.perSecond} (${us.p99}) | ${them.perSecond} (${them.p99}) | ${(us.perSecond / them.perSecond).toFixed(2)} | ${us.cpu.toFixed(0)} µs, ${them.cpu.toFixed(0)} µs |`,
    )
  }
  return rows
}

interface Measured extends LoadResult {
  readonly cpuMicroseconds: number
}

async function measured(server: number, parameters: readonly string[]): Promise<Measured> {
  const before = cpuSeconds(server)
  const result = await pinnedScript<LoadResult>('./load.ts', parameters)
  return { ...result, cpuMicroseconds: ((cpuSeconds(server) - before) / result.answered) * 1e6 }
}

async function onKedge(common: readonly string[]): Promise<Measured> {
  const server = await startServer(SERVER_CORE)
  try {
    return await measured(server.pid, [
      '--peer',
      'kedge',
      '--url',
      server.url,
      '--ca',
      server.caPath,
      '--token',
      server.token,
      ...common,
    ])
  } finally {
    await server.stop()
  }
}

async function onEtcd(common: readonly string[]): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'kedge-bench-etcd-'))
  const [client, peer] = [await freePort(), await freePort()]
  const url = `http://127.0.0.1:${client}`
  const peers = `http://127.0.0.1:${peer}`
  const child = startPinned(SERVER_CORE, 'etcd', [
    '--data-dir',
    folder,
    '--listen-client-urls',
    url,
    '--advertise-client-urls',
    url,
    '--listen-peer-urls',
    peers,
    '--initial-advertise-peer-urls',
    peers,
    '--initial-cluster',
    `default=${peers}`,
    '--log-level',
    'error',
  ])
  try {
    await answering(`${url}/health`)
    return await measured(child.pid ?? 0, ['--peer', 'etcd', '--url', url, ...common])
  } finally {
    child.kill('SIGKILL')
    await new Promise((resolve) => child.once('close', resolve))
    await rm(folder, { recursive: true, force: true })
  }
}

async function answering(url: string): Promise<void> {
  const deadline = performance.now() + 20_000
  for (;;) {
    const ok = await fetch(url).then(
      (response) => response.ok,
      () => false,
    )
    if (ok) return
    if (performance.now() > deadline)
      throw new Error(`${url} does not answer: is etcd installed? (apt-get install etcd-server)`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
