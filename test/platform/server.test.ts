import { once } from 'node:events'
import { copyFile, readdir, readFile, rm, stat } from 'node:fs/promises'
import { type Agent, request as httpsRequest } from 'node:https'
import { connect as tcpConnect } from 'node:net'
import { join } from 'node:path'
import { connect as tlsConnect } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RunningServer, type ServerOptions, StartError, startServer } from '../../api/nodejs.ts'
import { tempFolder } from '../tools/temp.ts'
import { crossings } from './crossing.ts'

interface Answer {
  readonly status: number
  readonly text: string
}

interface Asked {
  readonly method?: string
  readonly token?: string
  readonly body?: unknown
  readonly agent?: Agent
}

function ask(server: RunningServer, path: string, asked: Asked = {}): Promise<Answer> {
  const { method = 'GET', token, body, agent } = asked
  return new Promise((resolve, reject) => {
    const sent = httpsRequest(
      `${server.url}${path}`,
      {
        method,
        ca: server.cluster.keys.caPem,
        ...(agent === undefined ? {} : { agent }),
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
      },
      (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('error', reject)
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString() }))
      },
    )
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

const start = (dataDir: string, more: Partial<ServerOptions> = {}): Promise<RunningServer> =>
  startServer({ dataDir, host: '127.0.0.1', port: 0, ...more })

const whyNot = async (starting: Promise<RunningServer>): Promise<string> => {
  try {
    await (await starting).close()
    return 'it started'
  } catch (error) {
    expect(error).toBeInstanceOf(StartError)
    const { message } = error as StartError
    expect(message).not.toContain('\n')
    return message
  }
}

describe('a server on new data', () => {
  let folder: Awaited<ReturnType<typeof tempFolder>>
  let server: RunningServer

  beforeAll(async () => {
    folder = await tempFolder()
    server = await start(folder.path)
  })
  afterAll(async () => {
    await server.close()
    await folder[Symbol.asyncDispose]()
  })

  test('keeps everything to its owner', async () => {
    const entries = await readdir(folder.path, { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
    expect(files.map((file) => file.slice(folder.path.length + 1))).toEqual(
      expect.arrayContaining([
        'kubeconfig',
        'tls/ca.pem',
        'tls/ca.crt',
        'tls/serving.pem',
        'clusters/default/keys.json',
      ]),
    )
    for (const file of files) expect([file, (await stat(file)).mode & 0o777]).toEqual([file, 0o600])
    expect(files.filter((file) => file.endsWith('.new'))).toEqual([])
  })

  test('answers the administrator, whose token is in the kubeconfig, and nobody else', async () => {
    const kubeconfig = await readFile(server.kubeconfigPath, 'utf8')
    expect(kubeconfig).toContain(`server: ${server.url}`)
    expect(kubeconfig).toContain(`token: ${server.adminToken}`)
    expect((await ask(server, '/api/v1/namespaces', { token: server.adminToken })).status).toBe(200)
    expect((await ask(server, '/api/v1/namespaces', { token: `${server.adminToken}x` })).status).toBe(401)
    expect(JSON.parse((await ask(server, '/api/v1/namespaces')).text)).toMatchObject({
      reason: 'Unauthorized',
      message: 'Unauthorized',
    })
  })

  test('shows strangers health and version, and nothing else', async () => {
    for (const path of ['/healthz', '/livez', '/readyz', '/version']) expect((await ask(server, path)).status).toBe(200)
    const closed = [
      '/',
      '/api',
      '/apis',
      '/openapi/v2',
      '/openapi/v3',
      '/metrics',
      '/debug/pprof/',
      '/logs',
      '/agent/v1',
      '/agent/v1/x',
    ]
    for (const path of [...closed, '/api/v1/secrets', '/clusters/other/api', '/agent/v1/streams/x', '/apis/apps/v1']) {
      const { status } = await ask(server, path)
      expect([path, status]).toEqual([path, expect.toSatisfy((code: number) => code === 401 || code === 404)])
    }
    for (const path of ['register', 'poll', 'report', 'tokens']) {
      expect((await ask(server, `/agent/v1/${path}`, { method: 'POST', body: {} })).status).toBeOneOf([400, 401])
    }
  })

  test('speaks TLS 1.2 and 1.3 with a certificate for every address of this machine, and nothing older', async () => {
    const { port } = new URL(server.url)
    const hello = async (
      version: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3',
      servername = 'localhost',
    ): Promise<string> => {
      const socket = tlsConnect({
        port: Number(port),
        host: '127.0.0.1',
        ca: server.cluster.keys.caPem,
        servername,
        minVersion: version,
        maxVersion: version,
        ciphers: 'DEFAULT@SECLEVEL=0',
      })
      try {
        await once(socket, 'secureConnect')
        return socket.getProtocol() ?? ''
      } catch (error) {
        return error instanceof Error ? 'refused' : ''
      } finally {
        socket.destroy()
      }
    }
    expect(
      await Promise.all((['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const).map((version) => hello(version))),
    ).toEqual(['refused', 'refused', 'TLSv1.2', 'TLSv1.3'])
    expect(await hello('TLSv1.3', 'kubernetes.default.svc.cluster.local')).toBe('TLSv1.3')
    expect(await hello('TLSv1.3', 'elsewhere.example')).toBe('refused')
  })

  test('gives plain HTTP nothing', async () => {
    const socket = tcpConnect(Number(new URL(server.url).port), '127.0.0.1')
    let heard = ''
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString('latin1')
    })
    socket.on('error', () => undefined)
    socket.write('GET /version HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(socket, 'close')
    expect(heard).not.toContain('gitVersion')
  })

  test('a refused upgrade ends the connection, and nothing that follows is answered', async () => {
    const socket = tlsConnect({
      port: Number(new URL(server.url).port),
      host: '127.0.0.1',
      ca: server.cluster.keys.caPem,
      servername: 'localhost',
    })
    await once(socket, 'secureConnect')
    let heard = ''
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString()
    })
    const upgrade = [
      'GET /api/v1/namespaces/default/pods/none/exec?command=sh HTTP/1.1',
      'Host: localhost',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Protocol: v5.channel.k8s.io',
      `Authorization: Bearer ${server.adminToken}`,
    ]
    const next = ['GET /version HTTP/1.1', 'Host: localhost']
    socket.write(`${upgrade.join('\r\n')}\r\n\r\n${next.join('\r\n')}\r\n\r\n`)
    await once(socket, 'close')
    expect(heard).toMatch(/^HTTP\/1\.1 4\d\d /)
    expect(heard).not.toContain('gitVersion')
  })

  test('an upgrade that is no WebSocket is an ordinary request', async () => {
    const answer = await new Promise<number>((resolve, reject) => {
      httpsRequest(
        `${server.url}/version`,
        { ca: server.cluster.keys.caPem, headers: { connection: 'Upgrade', upgrade: 'h2c' } },
        (response) => {
          response.resume()
          resolve(response.statusCode ?? 0)
        },
      )
        .on('error', reject)
        .end()
    })
    expect(answer).toBe(200)
  })
})

describe('a server that cannot start says so in one line', () => {
  test('the port is in use', async () => {
    await using one = await tempFolder()
    await using other = await tempFolder()
    const server = await start(one.path)
    const port = Number(new URL(server.url).port)
    expect(await whyNot(start(other.path, { port }))).toBe(
      `port ${port} of 127.0.0.1 is in use: stop what listens there, or choose another with --port`,
    )
    await server.close()
  })

  test('another process, or another server, has the data', async () => {
    await using folder = await tempFolder()
    const server = await start(folder.path)
    expect(await whyNot(start(folder.path))).toMatch(/^another process is using the data in /)
    await server.close()
    await (await start(folder.path)).close()
  })

  test('the data directory is a file', async () => {
    await using folder = await tempFolder()
    const server = await start(folder.path)
    await server.close()
    expect(await whyNot(start(join(folder.path, 'kubeconfig')))).toMatch(/^cannot keep data in .*kubeconfig: /)
  })

  test('the address is not of this machine', async () => {
    await using folder = await tempFolder()
    expect(await whyNot(start(folder.path, { host: '192.0.2.1' }))).toBe(
      '--host 192.0.2.1 is no address of this machine',
    )
  })

  test('the keys are gone, or are those of another cluster', async () => {
    await using one = await tempFolder()
    await using other = await tempFolder()
    for (const { path } of [one, other]) await (await start(path)).close()
    const keys = (path: string): string => join(path, 'clusters/default/keys.json')
    await copyFile(keys(other.path), keys(one.path))
    expect(await whyNot(start(one.path))).toMatch(/another cluster|belongs to/)
    await rm(keys(one.path))
    expect(await whyNot(start(one.path))).toMatch(/keys\.json is missing, and the database beside it is sealed/)
  })

  test('the database is of a newer version', async () => {
    await using folder = await tempFolder()
    await (await start(folder.path)).close()
    const { default: Database } = await import('libsql')
    const database = new Database(join(folder.path, 'clusters/default/kedge.db'))
    database.exec("INSERT INTO __drizzle_migrations (hash, created_at) VALUES ('later', 9999999999999)")
    database.close()
    expect(await whyNot(start(folder.path))).toMatch(/newer/)
  })
})

test('what was written is there after a restart, tokens and certificate included', async () => {
  await using folder = await tempFolder()
  const first = await start(folder.path)
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kept' } }
  expect((await ask(first, '/api/v1/namespaces', { method: 'POST', token: first.adminToken, body })).status).toBe(201)
  const serving = await readFile(join(folder.path, 'tls/serving.pem'), 'utf8')
  await first.close()
  const second = await start(folder.path)
  expect(second.adminToken).toBe(first.adminToken)
  expect(await readFile(join(folder.path, 'tls/serving.pem'), 'utf8')).toBe(serving)
  expect((await ask(second, '/api/v1/namespaces/kept', { token: first.adminToken })).status).toBe(200)
  await second.close()
})

test('a name that is added is in the certificate of the next start', async () => {
  await using folder = await tempFolder()
  await (await start(folder.path)).close()
  const server = await start(folder.path, { names: ['cluster.example', '203.0.113.7'] })
  const { X509Certificate } = await import('node:crypto')
  const certificate = new X509Certificate(await readFile(join(folder.path, 'tls/serving.pem')))
  expect(certificate.checkHost('cluster.example')).toBe('cluster.example')
  expect(certificate.checkIP('203.0.113.7')).toBe('203.0.113.7')
  await server.close()
})

test('closing cuts watches and polls, and waits for nothing longer', async () => {
  await using folder = await tempFolder()
  const server = await start(folder.path)
  const watching = httpsRequest(`${server.url}/api/v1/pods?watch=true`, {
    ca: server.cluster.keys.caPem,
    headers: { authorization: `Bearer ${server.adminToken}` },
  })
  const [answer] = (await once(watching.end(), 'response')) as [NodeJS.ReadableStream]
  answer.on('error', () => undefined)
  answer.resume()
  watching.on('error', () => undefined)
  const began = performance.now()
  const cut = new Promise((resolve) => {
    answer.once('close', resolve)
  })
  await server.close()
  await cut
  expect(performance.now() - began).toBeLessThan(5_000)
})

describe('two clusters in one process', () => {
  test('share nothing: same names, swapped tokens, credentials and sessions', async () => {
    await using folder = await tempFolder()
    const server = await start(folder.path)
    expect(await crossings(server, { requests: 300, seed: 1 })).toEqual([])
    const team = await server.createCluster('team-1')
    const teamToken = (await server.platform.adminToken('team-1')) ?? ''
    expect(team.url).toBe(`${server.url}/clusters/team-1`)
    expect(await readFile(team.kubeconfigPath, 'utf8')).toContain(`token: ${teamToken}`)
    for (const prefix of [
      '/clusters/team-2',
      '/clusters/..%2fdefault',
      '/clusters/TEAM-1',
      '/clusters/team-1%00',
      '/clusters/',
    ]) {
      const { status } = await ask(server, `${prefix}/api/v1/namespaces/default/configmaps/c0`, {
        token: server.adminToken,
      })
      expect([prefix, status]).toEqual([prefix, expect.toSatisfy((code: number) => code >= 400 && code < 500)])
    }
    await server.close()

    const again = await start(folder.path)
    const kept = await ask(again, '/clusters/team-1/api/v1/namespaces/default/configmaps/c0', { token: teamToken })
    expect(JSON.parse(kept.text)).toMatchObject({ data: { mark: 'two' } })
    await again.close()
  })

  test('names that are none are refused', async () => {
    await using folder = await tempFolder()
    const server = await start(folder.path)
    for (const name of ['', '..', 'A', 'a/b', 'x'.repeat(64)])
      await expect(server.createCluster(name)).rejects.toThrow(StartError)
    await server.close()
  })
})
