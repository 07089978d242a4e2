// A read-only image registry on loopback, which engines trust without TLS: one image of one layer, behind a password.
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'

export interface Registry {
  /** e.g. `127.0.0.1:41234` */
  readonly host: string
  readonly username: string
  readonly password: string
  close(): Promise<void>
}

const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** `layer`: the root file system as a tar. The image is `<host>/team/app:v1`. */
export async function startRegistry(layer: Buffer): Promise<Registry> {
  const zipped = gzipSync(layer, { level: 1 })
  const config = Buffer.from(
    JSON.stringify({
      architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
      os: 'linux',
      config: { Env: ['PATH=/bin'], Cmd: ['/bin/sh'] },
      rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
      history: [{ created: '2026-01-01T00:00:00Z' }],
    }),
  )
  const type = 'application/vnd.docker.distribution.manifest.v2+json'
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: type,
      config: {
        mediaType: 'application/vnd.docker.container.image.v1+json',
        size: config.length,
        digest: digestOf(config),
      },
      layers: [
        {
          mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
          size: zipped.length,
          digest: digestOf(zipped),
        },
      ],
    }),
  )
  const blobs = new Map([zipped, config].map((bytes) => [digestOf(bytes), bytes]))
  const login = { username: 'bob', password: 's3cret' }
  const wanted = `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`
  const server = createServer((request, response) => {
    if (request.headers.authorization !== wanted) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="registry"', 'content-type': 'application/json' })
      return response.end('{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}')
    }
    const url = request.url ?? ''
    if (url === '/v2/') return response.end('{}')
    const name = /^\/v2\/team\/app\/manifests\/(.+)$/.exec(url)?.[1]
    if (name === 'v1' || name === digestOf(manifest)) {
      response.writeHead(200, {
        'content-type': type,
        'docker-content-digest': digestOf(manifest),
        'content-length': manifest.length,
      })
      return response.end(request.method === 'HEAD' ? undefined : manifest)
    }
    const blob = blobs.get(/\/blobs\/(.+)$/.exec(url)?.[1] ?? '')
    if (blob === undefined) {
      response.writeHead(404, { 'content-type': 'application/json' })
      return response.end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')
    }
    response.writeHead(200, { 'content-length': blob.length })
    return response.end(request.method === 'HEAD' ? undefined : blob)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    ...login,
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
