/**
 * What a node is to run: its pods, with the Secrets and ConfigMaps they name, as everything or as what changed since
 * the last answer. That these are its own follows from how they are found: pods by the index of their node, the rest by
 * the names in those pods.
 *
 * Objects go out as stored text with the revision put in. A first answer costs two reads; a later one two, of what
 * changed; none is made unless something rang.
 */
import type { Pod } from '../../schema/k8s/generated/types.ts'
import { referencesOf } from '../access/references.ts'
import type { Cluster } from '../platform/port.ts'
import { type IndexRow, type Key, spliceRevision, type Stored } from '../store/store.ts'
import { referenceKey, type SentPod, type Session } from './session.ts'
import type { Wakes } from './wakes.ts'

const PAGE = 500

/** Members of the wire's `assignment`, each already JSON text. */
interface Parts {
  readonly pods: string[]
  readonly gone: string[]
  readonly secrets: string[]
  readonly configMaps: string[]
  readonly missing: string[]
}

/** `assignment` as JSON text, with the revision it brings the agent to. */
export async function everything(cluster: Cluster, session: Session, wakes: Wakes): Promise<string> {
  session.reset()
  const { node } = session.claims
  const parts: Parts = { pods: [], gone: [], secrets: [], configMaps: [], missing: [] }
  let to: number | undefined
  for (let after: { namespace: string; name: string } | undefined, more = true; more;) {
    const page = await cluster.store.list({ resource: 'pods', where: { nodeName: node }, limit: PAGE, after })
    if ('expired' in page) throw new Error('a read at the present cannot be expired')
    // Of several pages the first is the oldest: whatever changed after it rings and comes with the next answer.
    to ??= page.revision
    for (const item of page.items) sendPod(session, parts, item)
    const last = page.items.at(-1)
    more = page.more && last !== undefined
    after = last?.key
  }
  session.at = to ?? 0
  await sendReferences(cluster, session, wakes, parts)
  return `{"kind":"all","to":${session.at},${membersOf(parts)}}`
}

/**
 * What changed since `have`; undefined: nothing that the agent would have to know. Pods are looked at also when it was
 * a Secret that rang: that look's revision is newer than the change, so an answer always moves the agent on, and one
 * that is lost on the way is noticed by where the agent still is.
 */
export async function changes(
  cluster: Cluster,
  session: Session,
  wakes: Wakes,
  have: number,
): Promise<string | undefined> {
  const parts: Parts = { pods: [], gone: [], secrets: [], configMaps: [], missing: [] }
  const { revision, rows } = await rowsOf(cluster, session.claims.node)
  const to = Math.max(session.at ?? have, revision)
  await sendChangedPods(cluster, session, parts, rows)
  await sendReferences(cluster, session, wakes, parts)
  session.at = to
  if (Object.values(parts).every((list: readonly string[]) => list.length === 0)) return undefined
  return changesText(have, to, parts)
}

/** Nothing changed up to where the session is. */
export function nothing(session: Session, from: number): string {
  return changesText(from, session.at ?? from, { pods: [], gone: [], secrets: [], configMaps: [], missing: [] })
}

const changesText = (from: number, to: number, parts: Parts): string =>
  `{"kind":"changes","from":${from},"to":${to},"gone":[${parts.gone.join()}],${membersOf(parts)}}`

const membersOf = ({ pods, secrets, configMaps, missing }: Parts): string =>
  `"pods":[${pods.join()}],"secrets":[${secrets.join()}],"configMaps":[${configMaps.join()}],"missing":[${missing.join()}]`

async function rowsOf(
  cluster: Cluster,
  node: string,
): Promise<{ readonly revision: number; readonly rows: readonly IndexRow[] }> {
  const rows: IndexRow[] = []
  let revision: number | undefined
  for (let after: { namespace: string; name: string } | undefined, more = true; more;) {
    const page = await cluster.store.index({ resource: 'pods', where: { nodeName: node }, limit: PAGE, after })
    revision ??= page.revision
    rows.push(...page.rows)
    const last = page.rows.at(-1)
    more = page.more && last !== undefined
    after = last?.key
  }
  return { revision: revision ?? 0, rows }
}

async function sendChangedPods(
  cluster: Cluster,
  session: Session,
  parts: Parts,
  rows: readonly IndexRow[],
): Promise<void> {
  const wanted: Key[] = []
  const present = new Set<string>()
  for (const row of rows) {
    const id = podId(row.key)
    present.add(id)
    if ((session.pods.get(id)?.revision ?? 0) < row.revision) wanted.push(row.key)
  }
  const found = wanted.length === 0 ? [] : await cluster.store.getMany(wanted)
  for (const [at, stored] of found.entries()) {
    const key = wanted[at]
    if (key === undefined) continue
    // Gone between the two reads.
    if (stored === undefined) present.delete(podId(key))
    else sendPod(session, parts, stored)
  }
  for (const [id, pod] of session.pods) {
    if (present.has(id)) continue
    session.pods.delete(id)
    session.reported.delete(pod.uid)
    parts.gone.push(goneText(pod))
  }
}

function sendPod(session: Session, parts: Parts, stored: Stored): void {
  const pod = JSON.parse(stored.value) as Pod
  const id = podId(stored.key)
  const uid = pod.metadata?.uid ?? ''
  const sent = session.pods.get(id)
  if (sent !== undefined && sent.uid !== uid) {
    session.reported.delete(sent.uid)
    parts.gone.push(goneText(sent))
  }
  const { namespace, name } = stored.key
  const { secrets, configMaps } = referencesOf(pod)
  const references = [
    ...[...secrets].map((secret) => referenceKey('secrets', namespace, secret)),
    ...[...configMaps].map((configMap) => referenceKey('configmaps', namespace, configMap)),
  ]
  session.pods.set(id, { namespace, name, uid, revision: stored.revision, references })
  parts.pods.push(spliceRevision(stored.value, stored.revision))
}

/** What pods newly name, and what changed under them. */
async function sendReferences(cluster: Cluster, session: Session, wakes: Wakes, parts: Parts): Promise<void> {
  const used = new Set<string>()
  for (const pod of session.pods.values()) for (const key of pod.references) used.add(key)
  let unchanged = true
  for (const key of session.references.keys()) {
    if (used.has(key)) continue
    session.references.delete(key)
    unchanged = false
  }
  const wanted = [...used].filter((key) => !session.references.has(key) || session.dirty.has(key))
  session.dirty.clear()
  if (wanted.length === 0 && unchanged) return
  wakes.use(session.claims.node, used)
  const found = await cluster.store.getMany(wanted.map(storeKey))
  for (const [at, stored] of found.entries()) {
    const key = wanted[at] ?? ''
    const secret = key.startsWith('secrets/')
    const revision = stored?.revision ?? 0
    if (session.references.get(key) === revision) continue
    session.references.set(key, revision)
    if (stored !== undefined) (secret ? parts.secrets : parts.configMaps).push(spliceRevision(stored.value, revision))
    else {
      const { namespace, name } = storeKey(key)
      parts.missing.push(JSON.stringify({ kind: secret ? 'Secret' : 'ConfigMap', namespace, name }))
    }
  }
}

const goneText = ({ namespace, name, uid }: SentPod): string => JSON.stringify({ namespace, name, uid })

export const podId = ({ namespace, name }: { readonly namespace: string; readonly name: string }): string =>
  `${namespace}/${name}`

function storeKey(reference: string): Key {
  const [resource = '', namespace = '', name = ''] = reference.split('/')
  return { resource, namespace, name }
}
