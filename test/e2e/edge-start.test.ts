/** `kedge edge` as a user starts and ends it: again on the same data, twice at once, where it cannot be, and `--init`. */
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { bundleWorker, startEdge } from '../../cli/edge-runtime.ts'
import { hasLibsqlServer, startLibsqlServer } from '../../cli/libsql-server.ts'
import { openCertificates } from '../../api/platform/nodejs/certificates.ts'
import { eventually } from '../tools/eventually.ts'
import { freePort } from '../tools/free-port.ts'
import { kedge, type KedgeProcess, startProcess } from '../tools/kedge.ts'
import { kubectl } from '../tools/kubectl.ts'
import { tempFolder } from '../tools/temp.ts'

const why = hasLibsqlServer() ? '' : ': skipped, npm has no libSQL server for this platform'

describe.runIf(hasLibsqlServer())(`kedge edge${why}`, () => {
  test('starts, ends on Ctrl-C, and starts again on the same data; one at a time', async () => {
    await using folder = await tempFolder()
    const port = await freePort()
    const kubeconfig = join(folder.path, 'edge/kubeconfig')
    {
      await using first = await running(folder.path, port)
      await kubectl(kubeconfig).run('create', 'configmap', 'kept', '--from-literal=a=b')
      const second = await kedge(['edge', '--port', String(await freePort()), '--data', folder.path])
      expect(second).toMatchObject({ code: 1, stdout: '' })
      expect(second.stderr).toMatch(
        /^kedge: another kedge edge is using .*: stop it first, or choose another --data\n$/,
      )
      expect(await first.stop('SIGINT')).toBe(0)
      expect(first.output()).toMatch(/kedge: stopping\n$/)
    }
    {
      await using killed = await running(folder.path, port)
      expect(await kubectl(kubeconfig).run('get', 'configmap', 'kept', '-o', 'jsonpath={.data.a}')).toBe('b')
      await killed.stop('SIGKILL')
    }
    // What the killed one left running is ended before its database is opened again.
    const orphan = Number(readFileSync(join(folder.path, 'edge/databases/default.pid'), 'utf8'))
    await using third = await running(folder.path, port)
    expect(existsSync(`/proc/${orphan}`)).toBe(false)
    expect(await kubectl(kubeconfig).run('get', 'configmap', 'kept', '-o', 'jsonpath={.data.a}')).toBe('b')
    expect(await third.stop()).toBe(0)
    expect(existsSync(join(folder.path, 'edge/databases/default.pid'))).toBe(false)
  })

  test('says in one line why it cannot start, and leaves nothing running', async () => {
    await using folder = await tempFolder()
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const address = taken.address()
    const port = typeof address === 'object' ? String(address?.port) : ''
    const rows: readonly (readonly [readonly string[], RegExp])[] = [
      [
        ['--port', port],
        /^kedge: port \d+ of 127\.0\.0\.1 is in use: stop what listens there, or choose another .*\n$/,
      ],
      [['--port', '0', '--host', '203.0.113.7'], /^kedge: --host 203\.0\.113\.7 is no address of this machine\n$/],
      [['--init'], /^kedge: --url: the address the Worker will have is required with --init\n$/],
    ]
    for (const [args, said] of rows) {
      const { code, stderr } = await kedge(['edge', '--data', folder.path, ...args])
      expect([args, code]).toEqual([args, 1])
      expect(stderr).toMatch(said)
    }
    taken.close()
  })

  test('--init makes what a deployment needs, and it serves', async () => {
    await using folder = await tempFolder()
    const database = await startLibsqlServer(join(folder.path, 'database'))
    const port = await freePort()
    const { caPath, serving } = await openCertificates(folder.path, ['127.0.0.1'], Date.now())
    const place = ['--url', `https://127.0.0.1:${port}`, '--database', database.url, '--ca', caPath]
    const init = (): ReturnType<typeof kedge> => kedge(['edge', '--init', '--data', folder.path, ...place])
    const made = await init()
    expect(made).toMatchObject({ code: 0, stderr: '' })
    const secretFile = join(folder.path, 'edge/KEDGE_CLUSTER_DEFAULT.json')
    expect(made.stdout).toContain(`npx wrangler secret put KEDGE_CLUSTER_DEFAULT < ${secretFile}`)
    const secret = readFileSync(secretFile, 'utf8')
    // A Worker's secret holds at most 5 KB.
    expect(secret.length).toBeLessThan(5_120)
    // Again: the same keys, nothing left to migrate.
    expect((await init()).code).toBe(0)
    expect(readFileSync(secretFile, 'utf8')).toBe(secret)
    const edge = await startEdge({
      host: '127.0.0.1',
      port,
      certificatePem: serving.certificatePem,
      keyPem: serving.keyPem,
      secrets: { KEDGE_CLUSTER_DEFAULT: secret },
      objects: join(folder.path, 'objects'),
      bundle: await bundleWorker(),
    })
    const client = kubectl(join(folder.path, 'edge/kubeconfig'))
    await eventually(async () => expect(await client.run('get', 'sa', '-o', 'name')).toBe('serviceaccount/default\n'))
    await edge.close()
    await database.close()
  })
})

async function running(data: string, port: number): Promise<KedgeProcess> {
  const process = startProcess(['edge', '--port', String(port), '--data', data])
  await eventually(() => expect(process.output()).toContain('authority:'), { deadlineMs: 60_000 })
  return process
}
