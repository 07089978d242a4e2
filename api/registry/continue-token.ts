/**
 * Where a chunked list goes on, in upstream's form: base64url of `{"v":"meta.k8s.io/v1","rv":7,"start":"ns/name\0"}`.
 * `rv` is the revision all pages are read at; -1 means "at the newest", after a snapshot was lost. The token is
 * not a secret and needs no signature: the request's own namespace and permissions bound what it can reach.
 */
import { badRequest } from '../../schema/k8s/status.ts'

export interface Place {
  /** -1: the newest */
  readonly revision: number
  readonly after: { readonly namespace: string; readonly name: string }
}

const VERSION = 'meta.k8s.io/v1'

export function encodeContinue(place: Place): string {
  const { namespace, name } = place.after
  const start = `${namespace === '' ? '' : `${namespace}/`}${name}\0`
  const bytes = new TextEncoder().encode(JSON.stringify({ v: VERSION, rv: place.revision, start }))
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

export function decodeContinue(token: string, namespaced: boolean): Place {
  const { v, rv, start } = parse(token)
  if (v !== VERSION) throw bad(`server does not recognize this encoded version ${String(v)}`)
  if (typeof rv !== 'number' || !Number.isSafeInteger(rv) || rv === 0 || rv < -1) {
    throw bad(`incorrect encoded start resourceVersion (version ${VERSION})`)
  }
  if (typeof start !== 'string' || start === '') throw bad(`encoded start key empty (version ${VERSION})`)
  const parts = start.replace(/\0$/, '').split('/')
  const whole =
    parts.length === (namespaced ? 2 : 1) && parts.every((part) => part !== '' && part !== '.' && part !== '..')
  if (!whole || start.length > 1024) throw bad(JSON.stringify(start.slice(0, 64)))
  const [first = '', second] = parts
  return {
    revision: rv,
    after: second === undefined ? { namespace: '', name: first } : { namespace: first, name: second },
  }
}

function parse(token: string): { v?: unknown; rv?: unknown; start?: unknown } {
  if (!/^[A-Za-z0-9_-]{1,4096}$/.test(token)) throw bad('illegal base64 data')
  try {
    const binary = atob(token.replaceAll('-', '+').replaceAll('_', '/'))
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      Uint8Array.from(binary, (char) => char.charCodeAt(0)),
    )
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    throw bad('not a token of this server')
  }
}

function bad(why: string): Error {
  return badRequest(`invalid continue token: continue key is not valid: ${why}`)
}
