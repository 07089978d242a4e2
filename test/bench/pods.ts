/** One pod after another, from the create request to Running on a watch, beside `docker run -d` of the same image. */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { docker, image, removePodContainers } from '../tools/docker.ts'
import { freePort } from '../tools/free-port.ts'
import { clientOf } from './client.ts'

const PODS = Number(process.env['KEDGE_BENCH_PODS'] ?? '50')
const NODE = 'bench-1'

export async function pods(): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'kedge-bench-pods-'))
  const [port, data] = [await freePort(), join(folder, 'data')]
  const up = [
    'bin/kedge',
    'up',
    '--port',
    String(port),
    '--data',
    data,
    '--node',
    NODE,
    '--docker',
    process.env['KEDGE_TEST_DOCKER'] ?? 'unix:///var/run/docker.sock',
  ]
  const child = spawn('sh', up, { stdio: ['ignore', 'pipe', 'inherit'] })
  const stop = new AbortController()
  try {
    const kubeconfig = await eventuallyRead(join(data, 'kubeconfig'))
    const client = clientOf(
      {
        url: `https://127.0.0.1:${port}`,
        caPath: join(data, 'tls', 'ca.crt'),
        token: /token: "?([^"\n]+)"?/.exec(kubeconfig)?.[1] ?? '',
      },
      4,
    )
    const running = new Map<string, () => void>()
    const watching = client.lines(
      '/api/v1/namespaces/default/pods?watch=true&timeoutSeconds=600',
      stop.signal,
      (line) => {
        const { object } = JSON.parse(line) as { object: { metadata: { name: string }; status?: { phase?: string } } }
        if (object.status?.phase === 'Running') running.get(object.metadata.name)?.()
      },
    )
    const ours: number[] = []
    const theirs: number[] = []
    for (let index = -1; index < PODS; index += 1) {
      const name = `pod-${index + 1}`
      const seen = new Promise<void>((resolve) => running.set(name, resolve))
      const began = performance.now()
      await client.post('/api/v1/namespaces/default/pods', {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name },
        spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image, command: ['sleep', '3600'] }] },
      })
      await seen
      // The first one waits for the node too.
      if (index >= 0) ours.push(performance.now() - began)
      const beganDocker = performance.now()
      const { code, stderr } = await docker([
        'run',
        '--detach',
        '--name',
        `kedge-bench-${index + 1}`,
        image,
        'sleep',
        '3600',
      ])
      if (code !== 0) throw new Error(stderr)
      if (index >= 0) theirs.push(performance.now() - beganDocker)
      await docker(['rm', '--force', `kedge-bench-${index + 1}`])
    }
    stop.abort()
    await watching
    await client.close()
    return [
      row(`create to Running on a watch, ${PODS} pods one after another`, ours),
      row('`docker run -d` of the same image', theirs),
    ]
  } finally {
    stop.abort()
    child.kill('SIGTERM')
    await new Promise((resolve) => child.once('close', resolve))
    await removePodContainers(NODE)
    await rm(folder, { recursive: true, force: true })
  }
}

function row(what: string, values: readonly number[]): string {
  const sorted = values.toSorted((one, other) => one - other)
  const at = (share: number): string => (sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN).toFixed(0)
  return `| ${what} | p50 ${at(0.5)} ms, p99 ${at(0.99)} ms |`
}

async function eventuallyRead(path: string): Promise<string> {
  const deadline = performance.now() + 30_000
  for (;;) {
    try {
      return await readFile(path, 'utf8')
    } catch (error) {
      if (performance.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
