/** What the benchmarks say to a control plane: plain HTTPS with the admin token, connections kept. */
import { readFileSync } from 'node:fs'
import { Pool } from 'undici'
import type { BenchServer } from './server.ts'

export interface Client {
  post(path: string, body: unknown): Promise<void>
  /** the body, read whole */
  get(path: string): Promise<{ readonly bytes: number; readonly text: () => string }>
  /** lines of a watch, until `signal` aborts */
  lines(path: string, signal: AbortSignal, each: (line: string) => void): Promise<void>
  close(): Promise<void>
}

export function clientOf(server: Pick<BenchServer, 'url' | 'caPath' | 'token'>, connections: number): Client {
  const pool = new Pool(server.url, {
    connections,
    pipelining: 1,
    connect: { ca: readFileSync(server.caPath, 'utf8') },
    bodyTimeout: 0,
  })
  const headers = { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' }
  return {
    async post(path, body) {
      const answer = await pool.request({ method: 'POST', path, headers, body: JSON.stringify(body) })
      const text = await answer.body.text()
      if (answer.statusCode >= 300) throw new Error(`POST ${path}: ${answer.statusCode} ${text.slice(0, 300)}`)
    },
    async get(path) {
      const answer = await pool.request({ method: 'GET', path, headers })
      const chunks: Buffer[] = []
      let bytes = 0
      for await (const chunk of answer.body) {
        chunks.push(chunk as Buffer)
        bytes += (chunk as Buffer).length
      }
      if (answer.statusCode !== 200) throw new Error(`GET ${path}: ${answer.statusCode}`)
      return { bytes, text: () => Buffer.concat(chunks).toString() }
    },
    async lines(path, signal, each) {
      const answer = await pool.request({ method: 'GET', path, headers, signal })
      let rest = ''
      try {
        for await (const chunk of answer.body) {
          const parts = (rest + String(chunk)).split('\n')
          rest = parts.pop() ?? ''
          for (const part of parts) each(part)
        }
      } catch (error) {
        if (!signal.aborted) throw error
      }
    },
    close: () => pool.destroy(),
  }
}

/** Runs `count` jobs, at most `width` at once. */
export async function inParallel(count: number, width: number, job: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < count) await job(next++)
    }),
  )
}

/** about 2 KB of JSON, like a real pod */
export function aPod(index: number): unknown {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `pod-${String(index).padStart(5, '0')}`,
      labels: { app: `app-${index % 100}`, tier: 'bench' },
      annotations: { note: 'x'.repeat(600) },
    },
    spec: {
      containers: [
        {
          name: 'main',
          image: 'example/app:1.2.3',
          command: ['serve'],
          env: [{ name: 'MODE', value: 'bench' }],
          resources: { requests: { cpu: '100m', memory: '64Mi' } },
        },
      ],
    },
  }
}
