/** Is there a container engine behind this socket? Asked once at start, with a short deadline. */
import { request } from 'node:http'

export type Engine =
  | { readonly found: true; readonly version: string }
  | { readonly found: false; readonly why: string }

/** `socket` is `unix:///path`. Docker's `GET /version`, which Podman's service answers too. */
export function findEngine(socket: string, timeoutMs: number): Promise<Engine> {
  return new Promise((resolve) => {
    const absent = (why: string): void => resolve({ found: false, why })
    const asked = request(
      { socketPath: socket.slice('unix://'.length), path: '/version', timeout: timeoutMs },
      (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('error', (error) => absent(error.message))
        answer.on('end', () => {
          try {
            const version = (JSON.parse(Buffer.concat(chunks).toString()) as { Version?: string }).Version
            resolve({ found: true, version: version ?? 'unknown' })
          } catch {
            absent(`${socket} does not answer as a Docker engine`)
          }
        })
      },
    )
    asked.on('timeout', () => asked.destroy(new Error(`${socket} did not answer within ${timeoutMs} ms`)))
    asked.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return absent(`no Docker engine at ${socket}`)
      if (error.code === 'ECONNREFUSED') return absent(`the Docker engine at ${socket} is not running`)
      if (error.code === 'EACCES') return absent(`no permission to use ${socket}: start as root`)
      absent(error.message)
    })
    asked.end()
  })
}
