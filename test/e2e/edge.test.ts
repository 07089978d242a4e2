/** The walk on workerd: the Worker as it is deployed, over a real libSQL server, with the same agent joined to it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RunningEdge, serveEdge } from '../../cli/edge.ts'
import { hasLibsqlServer } from '../../cli/libsql-server.ts'
import { dockerHost, image, newerImage, removePodContainers } from '../tools/docker.ts'
import { eventually } from '../tools/eventually.ts'
import { kedge, type KedgeProcess, startProcess } from '../tools/kedge.ts'
import { type Kubectl, kubectl } from '../tools/kubectl.ts'
import { tempFolder } from '../tools/temp.ts'
import { streamsWalk } from './streams-walk.ts'
import { walk } from './walk.ts'

const why = hasLibsqlServer() ? '' : ': skipped, npm has no libSQL server for this platform'

describe.runIf(hasLibsqlServer())(`a cluster on workerd${why}`, () => {
  let folder: Awaited<ReturnType<typeof tempFolder>>
  let edge: RunningEdge
  let agent: KedgeProcess
  let client: Kubectl

  beforeAll(async () => {
    folder = await tempFolder()
    edge = await serveEdge({ home: join(folder.path, 'edge'), host: '127.0.0.1', port: 0 })
    client = kubectl(edge.kubeconfig)
    const token = await kedge(['token', 'create', '--kubeconfig', edge.kubeconfig])
    if (token.code !== 0 || dockerHost === undefined) throw new Error(`no join token: ${token.stderr}`)
    const place = ['--server', edge.url, '--ca', edge.caPath, '--node', 'edge-1', '--docker', dockerHost]
    agent = startProcess(['agent', ...place, '--data', join(folder.path, 'agent')], {
      KEDGE_TOKEN: token.stdout.trim(),
    })
  })
  afterAll(async () => {
    await agent.stop()
    await edge.close()
    await removePodContainers('edge-1')
    await folder[Symbol.asyncDispose]()
  })

  walk({ kubectl: () => client, image, newImage: newerImage })
  streamsWalk({ kubectl: () => client, kubeconfig: () => edge.kubeconfig, image })

  test('a write whose pass was lost with the runtime gets it within 2 s of the restart', async () => {
    await client.run('create', 'deployment', 'late', `--image=${image}`, '--replicas=0', '--', 'sleep', '3600')
    await eventually(async () => expect(await client.run('get', 'rs', '-l', 'app=late', '-o', 'name')).not.toBe(''))
    const { server, token } = accessOf(edge.kubeconfig)
    const scale = fetchInsecure(`${server}/apis/apps/v1/namespaces/default/deployments/late/scale`, token)
    await scale
    await edge.restart()
    const back = performance.now()
    await eventually(async () => expect(await client.run('get', 'pods', '-l', 'app=late', '-o', 'name')).not.toBe(''), {
      deadlineMs: 2_000,
    })
    expect(performance.now() - back).toBeLessThan(2_000)
  })
})

function accessOf(file: string): { readonly server: string; readonly token: string } {
  const text = readFileSync(file, 'utf8')
  return { server: /server: (\S+)/.exec(text)?.[1] ?? '', token: /token: (\S+)/.exec(text)?.[1] ?? '' }
}

/** Scales to one; the runtime may die under it once the write is stored. */
async function fetchInsecure(url: string, token: string): Promise<void> {
  const { Agent, request } = await import('undici')
  const answer = await request(url, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/merge-patch+json' },
    body: JSON.stringify({ spec: { replicas: 1 } }),
    dispatcher: new Agent({ connect: { rejectUnauthorized: false } }),
  })
  if (answer.statusCode !== 200) throw new Error(await answer.body.text())
  await answer.body.dump()
}
