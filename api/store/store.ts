/**
 * The store: every object of one cluster in one append-only log.
 *
 * `log.rev` is the resourceVersion. A write is a group of effects and guards on any keys, all or nothing.
 * The store keeps keys, JSON text, revisions and index columns; it never sees a Kubernetes type and never
 * looks into a value. Values are stored without `metadata.resourceVersion`, which `spliceRevision` puts back.
 *
 * Two implementations pass one suite (`test/suites/store.ts`): `libsql.ts` (embedded file or remote server)
 * and `memory.ts`.
 */

/** `resource` is `pods` for the core group, `deployments.apps` otherwise. `namespace` is '' at cluster scope.
 *  Names starting with `~` (`~pass`, `~join`, `~clusterip`) are the control plane's own records. */
export interface Key {
  readonly resource: string
  readonly namespace: string
  readonly name: string
}

/** What SQL may filter on, computed by the kind (`Kind.indexOf`) and handed in with each write. */
export interface Index {
  readonly labels?: Readonly<Record<string, string>>
  readonly nodeName?: string
  /** uid of the controlling owner, else of the first one */
  readonly owner?: string
  readonly uid?: string
  /** milliseconds since the epoch; `expired` finds it */
  readonly expiresAt?: number
  /** at most 200 bytes of JSON text, declared by the kind, readable without the value */
  readonly facts?: string
}

/** 'absent': the key must not exist. 'present': any revision. A number: exactly this revision. */
export type Expect = 'absent' | 'present' | number

export type Effect =
  | {
      readonly op: 'put'
      readonly key: Key
      readonly expect: 'absent' | number
      readonly value: string
      readonly index: Index
      /** Encrypt the value at rest, bound to cluster uid, key and `index.uid`. */
      readonly sealed?: boolean
    }
  | { readonly op: 'delete'; readonly key: Key; readonly expect: number }

/** Writes nothing; the whole group is lost unless it holds. */
export interface Guard {
  readonly key: Key
  readonly expect: Expect
}

/** A row of the `due` table, written in the same group as its cause. `at` null removes it. */
export interface DueChange {
  readonly planner: string
  readonly key: string
  readonly at: number | null
}

export interface Group {
  readonly effects: readonly Effect[]
  readonly guards?: readonly Guard[]
  readonly due?: readonly DueChange[]
  /** Order within one flush: bindings and status 'first', Events 'last'. Default 'normal'. */
  readonly lane?: 'first' | 'normal' | 'last'
}

export interface Stored {
  readonly key: Key
  readonly revision: number
  readonly createRevision: number
  /** JSON text without metadata.resourceVersion, unsealed */
  readonly value: string
}

/** A key that did not meet its expectation, with what is there now (undefined: nothing). */
export interface Lost {
  readonly key: Key
  readonly expected: Expect
  readonly current: Stored | undefined
}

export type Outcome =
  /** one revision per effect, in order */
  { readonly ok: true; readonly revisions: readonly number[] } | { readonly ok: false; readonly lost: readonly Lost[] }

export interface ListQuery {
  readonly resource: string
  /** undefined: all namespaces */
  readonly namespace?: string | undefined
  /** exclusive lower bound, in (namespace, name) order */
  readonly after?: { readonly namespace: string; readonly name: string } | undefined
  /** rows; a page is also cut at 4 MB of values (at least one row) and at 2,000 rows: `more` tells */
  readonly limit: number
  /** All that follows will be read too: nothing is counted, and a page may have fewer rows than `limit` and fewer bytes. */
  readonly stream?: true | undefined
  /** exact revision to read at; undefined: now */
  readonly at?: number | undefined
  /** Served by an index; all given ones must hold. Only for reads at the present. */
  readonly where?:
    | {
        readonly nodeName?: string | undefined
        /** '' means: no node */
        readonly owner?: string | undefined
        readonly uid?: string | undefined
        /** equality on labels, a prefilter */
        readonly labels?: Readonly<Record<string, string>> | undefined
        /** pods without a node (partial index) */
        readonly unbound?: true | undefined
      }
    | undefined
}

export interface Page {
  /** revision of the snapshot the page was read at */
  readonly revision: number
  readonly items: readonly Stored[]
  readonly more: boolean
  /** rows after this page at the same snapshot, when it is cheap to know (no `where`) */
  readonly remaining?: number
}

/** Everything behind `after`, in one namespace or all. */
export type TextQuery = Pick<ListQuery, 'resource' | 'namespace' | 'after' | 'at'>

export interface TextPage {
  readonly revision: number
  /**
   * The values of the page joined by commas, each with its revision put back and without what stands in front of its
   * metadata: `{"metadata":{"resourceVersion":"7",...},...},{"metadata":...`. Empty when there is none.
   */
  readonly text: string
  /** the last object of the page; undefined: nothing comes after it */
  readonly next: Key | undefined
}

export interface Expired {
  readonly expired: true
  readonly compacted: number
  readonly head: number
}

/** A row of `keys`: everything about an object but its value. */
export interface IndexRow {
  readonly key: Key
  readonly revision: number
  readonly labels: Readonly<Record<string, string>>
  readonly nodeName: string | undefined
  readonly owner: string | undefined
  readonly uid: string | undefined
  readonly expiresAt: number | undefined
  readonly facts: string | undefined
  readonly bytes: number
}

export interface AfterQuery {
  /** exclusive */
  readonly since: number
  /** undefined: all, the control plane's own `~` records included */
  readonly resources?: readonly string[] | undefined
  readonly namespace?: string | undefined
  readonly limit: number
  /** also fetch the value before the change (selector transitions; deletes always carry it) */
  readonly previous: boolean
}

export interface Change {
  readonly revision: number
  readonly op: 'create' | 'update' | 'delete'
  readonly key: Key
  /** the new value; for a delete the last state */
  readonly value: string
  readonly previous: string | undefined
}

export type After =
  | {
      readonly ok: true
      readonly changes: readonly Change[]
      /** everything up to here was seen: pass it as the next `since` */
      readonly upTo: number
      readonly more: boolean
    }
  /** `since` is older than the compaction revision */
  | { readonly ok: false; readonly compacted: number; readonly head: number }

/** What a commit touched; handed to the bell by whoever opened the store. */
export interface Touched {
  readonly revision: number
  readonly resources: readonly string[]
  readonly nodes: readonly string[]
}

export interface Reader {
  get(key: Key): Promise<Stored | undefined>
  getMany(keys: readonly Key[]): Promise<readonly (Stored | undefined)[]>
  list(query: ListQuery): Promise<Page | Expired>
  /** What `list` reads, as a client gets it: for long lists of which nobody looks at an object. */
  listText(query: TextQuery): Promise<TextPage | Expired>
  index(
    query: ListQuery,
  ): Promise<{ readonly revision: number; readonly rows: readonly IndexRow[]; readonly more: boolean }>
  after(query: AfterQuery): Promise<After>
  head(): Promise<{ readonly head: number; readonly compacted: number }>
  due(
    before: number,
    limit: number,
  ): Promise<readonly { readonly planner: string; readonly key: string; readonly at: number }[]>
  nextDue(): Promise<number | undefined>
  expired(before: number, limit: number): Promise<readonly IndexRow[]>
  /** What names this uid as its owner, of any resource, in the order of keys. */
  owned(uid: string, limit: number): Promise<readonly IndexRow[]>
}

export interface Writer {
  /** Resolves after the commit is durable. An unknown outcome (lost answer) is settled by the request id; a
   *  retry never applies twice. Throws `StoreError` when it cannot be settled or the value is over 1.5 MiB. */
  write(group: Group): Promise<Outcome>
  /** Removes up to `steps` x 500 revisions of history older than `upTo`; `done` when nothing is left to do. */
  compact(upTo: number, steps: number): Promise<{ readonly done: boolean }>
  /** Largest revision committed at or before `at` (from `marks`), for compaction by age. */
  revisionAt(at: number): Promise<number | undefined>
}

export interface Store extends Reader, Writer {
  readonly meta: { readonly clusterUid: string; readonly schemaVersion: number; readonly restoreEpoch: number }
  close(): Promise<void>
}

/** Code 'too-large' | 'unknown-outcome' | 'unavailable' | 'wrong-cluster' | 'newer-schema' | 'locked' | 'corrupt'. */
export class StoreError extends Error {
  readonly code: string
  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'StoreError'
    this.code = code
  }
}

export const MAX_VALUE_BYTES = 1_572_864

const METADATA = '"metadata":{'

/**
 * Puts the resourceVersion back into a stored value as text: `{"apiVersion":"v1",...,"metadata":{...` becomes
 * `...,"metadata":{"resourceVersion":"7",...`. Every stored value has `"metadata":{` as its first such key at
 * depth one, in front of spec and status, because `storedText` writes it so.
 */
export function spliceRevision(value: string, revision: number): string {
  const at = value.indexOf(METADATA) + METADATA.length
  const comma = value.charCodeAt(at) === 125 ? '' : ','
  return `${value.slice(0, at)}"resourceVersion":"${revision}"${comma}${value.slice(at)}`
}

/** A page of items as one text. */
export function textPage(page: Page | Expired): TextPage | Expired {
  if ('expired' in page) return page
  const { revision, items, more } = page
  const texts = items.map(({ value, revision }) => `{${spliceRevision(value.slice(value.indexOf(METADATA)), revision)}`)
  return { revision, text: texts.join(','), next: more ? items.at(-1)?.key : undefined }
}
