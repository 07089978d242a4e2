/**
 * The property: whatever is asked, the answer is a Status or an object and never a 5xx of ours, and afterwards
 * every object that no accepted request named is byte for byte what it was.
 */
import { kinds } from '../../api/kinds/all.ts'
import type { Store } from '../../api/store/store.ts'
import { type Door, openDoor } from './door.ts'
import { drawing, firstRequests, randomRequest, type Sent } from './requests.ts'

export interface Report {
  readonly requests: number
  readonly accepted: number
  /** answers by status */
  readonly statuses: Readonly<Record<string, number>>
  /** what went wrong, with the request; empty when the property holds */
  readonly violations: readonly string[]
}

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])
const MOST_VIOLATIONS = 20

/** On a cluster in memory, or through the door given: one app, round after round. */
export async function fuzz(seed: number, requests: number, given?: Door): Promise<Report> {
  const door = given ?? (await openDoor({ seed }))
  for (const name of ['default', 'other']) await door.send('POST', '/api/v1/namespaces', { metadata: { name } })
  for (const { path, body } of firstRequests()) await door.send('POST', path, body)
  const draw = drawing(seed)
  const statuses: Record<string, number> = {}
  const violations: string[] = []
  let accepted = 0
  let before = await everything(door.cluster.store)
  for (let at = 0; at < requests && violations.length < MOST_VIOLATIONS; at++) {
    const sent = randomRequest(draw)
    const response = await door.raw(sent.method, sent.path, {
      headers: sent.headers,
      ...(sent.body === undefined ? {} : { body: sent.body }),
    })
    const text = await response.text()
    statuses[response.status] = (statuses[response.status] ?? 0) + 1
    const complain = (what: string): void =>
      void violations.push(`request ${at}: ${what}: ${describe(sent)} -> ${response.status} ${text.slice(0, 300)}`)
    // 504 is what a revision from the future is answered.
    if (response.status >= 500 && response.status !== 504) complain('a failure of ours')
    if (response.status >= 400 && sent.method !== 'HEAD' && !isStatus(text, response.status))
      complain('a refusal that is no Status')
    if (response.status < 300) accepted++
    if (SAFE.has(sent.method)) continue
    const after = await everything(door.cluster.store)
    const named =
      response.status < 300 && !sent.path.includes('dryRun=All') ? [...sent.touches, ...namesIn(text, sent)] : []
    for (const key of new Set([...before.keys(), ...after.keys()])) {
      if (
        before.get(key) !== after.get(key) &&
        !key.startsWith('~') &&
        !named.some((one) => key === one || (one.endsWith('/') && key.startsWith(one)))
      )
        complain(`${key} changed`)
    }
    before = after
  }
  return { requests, accepted, statuses, violations }
}

const RESOURCES = [...kinds.map((kind) => kind.resource), '~clusterip', '~nodeport']

async function everything(store: Store): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  for (const resource of RESOURCES) {
    const page = await store.list({ resource, limit: 10_000 })
    if ('expired' in page) continue
    for (const { key, value } of page.items) found.set(`${key.resource}/${key.namespace}/${key.name}`, value)
  }
  return found
}

/** Removes every object and its history, as controllers and compaction would: the next round starts from nothing. */
export async function removeEverything(store: Store): Promise<void> {
  for (const resource of RESOURCES) {
    const page = await store.list({ resource, limit: 10_000 })
    if ('expired' in page) throw new Error(`${resource}: a list at the present has expired`)
    for (const { key, revision } of page.items) {
      const { ok } = await store.write({ effects: [{ op: 'delete', key, expect: revision }] })
      if (!ok) throw new Error(`${key.resource}/${key.namespace}/${key.name} changed while it was removed`)
    }
  }
  const { head } = await store.head()
  for (let done = false; !done;) ({ done } = await store.compact(head, 10))
}

function isStatus(text: string, code: number): boolean {
  try {
    const status = JSON.parse(text) as { kind?: string; code?: number; message?: string; reason?: string }
    return (
      status.kind === 'Status' && status.code === code && (status.message ?? '') !== '' && (status.reason ?? '') !== ''
    )
  } catch {
    return false
  }
}

/** The object an accepted create answers with: its name may have been generated. */
function namesIn(text: string, sent: Sent): readonly string[] {
  if (sent.method !== 'POST') return []
  try {
    const { metadata } = JSON.parse(text) as { metadata?: { name?: string } }
    return metadata?.name === undefined
      ? []
      : sent.touches.map((one) => one.slice(0, one.lastIndexOf('/') + 1) + metadata.name)
  } catch {
    return []
  }
}

function describe(sent: Sent): string {
  const body =
    typeof sent.body === 'string'
      ? sent.body.slice(0, 400)
      : sent.body === undefined
        ? ''
        : `<${sent.body.length} bytes>`
  return `${sent.method} ${sent.path} ${JSON.stringify(sent.headers)} ${body}`
}
