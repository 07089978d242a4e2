/** /healthz, /livez, /readyz and /version: open to everybody, and none of them asks the store for an object. */
import type { Cluster } from '../platform/port.ts'
import { jsonText } from './respond.ts'

const CHECKS = ['ping', 'store'] as const

/** undefined: not one of these paths */
export async function health(path: string, query: URLSearchParams, cluster: Cluster): Promise<Response | undefined> {
  const first = path.charCodeAt(1)
  // h, l, r: every other request passes without being taken apart.
  if (first !== 104 && first !== 108 && first !== 114) return undefined
  const [, root = '', one, ...rest] = path.split('/')
  if (root !== 'healthz' && root !== 'livez' && root !== 'readyz') return undefined
  if (rest.length > 0) return undefined
  if (one !== undefined && one !== '') {
    if (!(CHECKS as readonly string[]).includes(one))
      return text(`404 page not found: no check ${JSON.stringify(one)}\n`, 404)
    return (await passes(one, cluster)) ? text('ok', 200) : text(`internal server error: check ${one} failed\n`, 500)
  }
  const excluded = query.getAll('exclude')
  const lines: string[] = []
  let good = true
  for (const check of CHECKS) {
    // Being alive does not depend on the store: restarting would not help it.
    if (root === 'livez' && check === 'store') continue
    if (excluded.includes(check)) {
      lines.push(`[+]${check} excluded: ok`)
      continue
    }
    const ok = await passes(check, cluster)
    good &&= ok
    lines.push(ok ? `[+]${check} ok` : `[-]${check} failed: reason withheld`)
  }
  const verdict = good ? `${root} check passed` : `${root} check failed`
  if (good && !query.has('verbose')) return text('ok', 200)
  return text(`${lines.join('\n')}\n${verdict}\n`, good ? 200 : 500)
}

async function passes(check: string, cluster: Cluster): Promise<boolean> {
  if (check === 'ping') return true
  try {
    await cluster.store.head()
    return true
  } catch {
    return false
  }
}

function text(body: string, status: number): Response {
  return new Response(body, {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
  })
}

/** The Kubernetes release whose API this is; the suffix says who serves it. */
const VERSION = {
  major: '1',
  minor: '35',
  gitVersion: 'v1.35.0+kedge.0.1.0',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '2026-01-01T00:00:00Z',
  goVersion: 'none',
  compiler: 'none',
  platform: 'kedge',
}

export function version(pretty: boolean): Response {
  return jsonText(JSON.stringify(VERSION), pretty)
}
