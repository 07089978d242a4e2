/**
 * Which waiting groups share the next statement, and its text.
 *
 * All groups of one flush are judged against the same state, so two of them may not touch one key: a second effect on
 * a key, a guard on a key another group writes, or a write to a key another group guards waits for the next flush. The
 * exception costs nothing: a group that expects a revision older than one already seen loses whatever happens, so it
 * only reads, and any number of those learn together that they lost.
 */
import { keyText } from './key.ts'
import type { DueChange, Effect, Expect, Group, Guard, Key, Outcome } from './store.ts'
import { MAX_VALUE_BYTES, StoreError } from './store.ts'
import type { WriteRow } from './write-sql.ts'

/** A flush closes at this many groups or this much text; one larger group goes alone. */
const FLUSH_GROUPS = 64
const FLUSH_BYTES = 2_000_000

const SEATS_BY_AGE = 8

/** By lane. At 64 in a few milliseconds, a full queue is a wait of about a second. */
const MAX_WAITING = [16_384, 12_288, 6_144] as const

/** One group is one statement, and a libSQL server has limits of its own. */
export const MAX_GROUP_BYTES = 4_800_000

const MAX_GROUP_KEYS = 1000

export interface Pending {
  readonly req: string
  readonly group: Group
  /** of effects, then of guards */
  readonly rows: readonly WriteRow[]
  readonly effectKeys: readonly string[]
  readonly guardKeys: readonly string[]
  readonly bytes: number
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (error: unknown) => void
}

/** A value on its way in: sealed or as it came. */
export interface Carried {
  readonly value: string
  readonly enc: string | null
}

export function encodeGroup(
  req: string,
  group: Group,
  carried: readonly (Carried | undefined)[],
): Pick<Pending, 'rows' | 'effectKeys' | 'guardKeys' | 'bytes'> {
  const rows: WriteRow[] = []
  const effectKeys: string[] = []
  let bytes = 0
  group.effects.forEach((effect, at) => {
    const row = effectRow(req, effect, carried[at])
    for (const value of row) bytes += typeof value === 'string' ? value.length : 8
    rows.push(row)
    effectKeys.push(keyText(effect.key))
  })
  const guardKeys: string[] = []
  for (const { key, expect } of group.guards ?? []) {
    rows.push([req, 0, key.resource, key.namespace, key.name, expectNumber(expect)])
    guardKeys.push(keyText(key))
    bytes += 100
  }
  return { rows, effectKeys, guardKeys, bytes }
}

/** In the order of `WRITE_COLUMNS`. */
function effectRow(req: string, effect: Effect, carried: Carried | undefined): WriteRow {
  const { resource, namespace, name } = effect.key
  if (effect.op === 'delete') return [req, 3, resource, namespace, name, effect.expect]
  const { labels, uid, owner, nodeName, expiresAt, facts } = effect.index
  return [
    req,
    effect.expect === 'absent' ? 1 : 2,
    resource,
    namespace,
    name,
    expectNumber(effect.expect),
    carried?.value ?? effect.value,
    carried?.enc ?? null,
    uid ?? null,
    owner ?? null,
    nodeName === undefined || nodeName === '' ? null : nodeName,
    expiresAt ?? null,
    labels === undefined ? null : JSON.stringify(labels),
    facts ?? null,
  ]
}

/** What both stores refuse, in the same words. */
export function checkGroup(group: Group): void {
  const seen = new Set<string>()
  if (group.effects.length + (group.guards?.length ?? 0) > MAX_GROUP_KEYS) {
    throw new StoreError(
      'too-large',
      `a group touches ${group.effects.length + (group.guards?.length ?? 0)} keys, at most ${MAX_GROUP_KEYS} are possible`,
    )
  }
  for (const effect of group.effects) {
    const key = keyText(effect.key)
    if (seen.has(key))
      throw new TypeError(
        `a group has two effects on ${effect.key.resource} ${effect.key.namespace}/${effect.key.name}`,
      )
    seen.add(key)
    if (effect.expect !== 'absent' && !(effect.expect > 0)) {
      throw new TypeError(`an effect expects revision ${effect.expect}; it must be 'absent' or a positive revision`)
    }
    if (effect.op === 'put' && effect.value.length * 3 > MAX_VALUE_BYTES) {
      const bytes = utf8Length(effect.value)
      if (bytes > MAX_VALUE_BYTES) {
        throw new StoreError(
          'too-large',
          `${effect.key.resource} ${effect.key.name} has ${bytes} bytes, at most ${MAX_VALUE_BYTES} are stored`,
        )
      }
    }
  }
}

export function expectNumber(expect: Expect): number {
  return expect === 'absent' ? 0 : expect === 'present' ? -1 : expect
}

/**
 * Takes from `waiting` what goes into the next flush, in lane order. `known` maps keys to revisions seen lately. When
 * more waits than fits, early lanes go first, but a few seats are kept for whoever has waited longest.
 */
export function takeFlush(waiting: Pending[], known: ReadonlyMap<string, number>): Pending[] {
  const written = new Set<string>()
  const read = new Set<string>()
  const taken = new Set<Pending>()
  let bytes = 0
  for (const pending of candidates(waiting)) {
    if (taken.size >= FLUSH_GROUPS || (taken.size > 0 && bytes + pending.bytes > FLUSH_BYTES)) break
    const { effectKeys, guardKeys } = pending
    const doomed = isDoomed(pending, known)
    const clashes =
      effectKeys.some((key) => written.has(key) || (!doomed && read.has(key))) ||
      guardKeys.some((key) => written.has(key))
    if (clashes) continue
    for (const key of effectKeys) (doomed ? read : written).add(key)
    for (const key of guardKeys) read.add(key)
    bytes += pending.bytes
    taken.add(pending)
  }
  if (taken.size === waiting.length) waiting.length = 0
  else waiting.splice(0, waiting.length, ...waiting.filter((pending) => !taken.has(pending)))
  return inLanes([...taken])
}

/** Looked at only as far as the flush has room: a long queue is not sorted for each. */
function* candidates(waiting: readonly Pending[]): Iterable<Pending> {
  if (waiting.length <= FLUSH_GROUPS) return yield* waiting
  yield* waiting.slice(0, SEATS_BY_AGE)
  for (const lane of LANES) {
    for (let at = SEATS_BY_AGE; at < waiting.length; at++) {
      const pending = waiting[at]
      if (pending !== undefined && laneOf(pending.group) === lane) yield pending
    }
  }
}

function inLanes(groups: Pending[]): Pending[] {
  return groups.every((pending) => laneOf(pending.group) === 1)
    ? groups
    : groups.toSorted((a, b) => laneOf(a.group) - laneOf(b.group))
}

/** Revisions only rise: whoever expects an older one than was seen on the key has lost. */
function isDoomed(pending: Pending, known: ReadonlyMap<string, number>): boolean {
  return pending.group.effects.some((effect, at) => {
    const seen = known.get(pending.effectKeys[at] ?? '')
    return seen !== undefined && typeof effect.expect === 'number' && effect.expect < seen
  })
}

const LANES = [0, 1, 2] as const

function laneOf({ lane }: Group): (typeof LANES)[number] {
  return lane === 'first' ? 0 : lane === 'last' ? 2 : 1
}

/** Groups that may wait before one of this lane is refused: what matters least is refused first. */
export function roomFor(group: Group): number {
  return MAX_WAITING[laneOf(group)]
}

/** Keys with expectations, effects first: the order of a group's tuples. */
export function expectations(group: Group): readonly { readonly key: Key; readonly expect: Expect }[] {
  const guards: readonly Guard[] = group.guards ?? []
  return guards.length === 0 ? group.effects : [...group.effects, ...guards]
}

export function hasDue(group: Group): group is Group & { readonly due: readonly DueChange[] } {
  return group.due !== undefined && group.due.length > 0
}

/** Bytes of a text in UTF-8. Most of ours is ASCII, where it is the length. */
export function utf8Length(text: string): number {
  // oxlint-disable-next-line no-control-regex -- the range is what ASCII is
  if (/^[\u0000-\u007f]*$/.test(text)) return text.length
  return new TextEncoder().encode(text).length
}
