/**
 * What a controller is: a planner, the changes that concern it, and how what it sees is read. A key is text of the
 * controller's own choosing, mostly `namespace/name`; everything about one key is planned together, and a key that was
 * named ten times since it was planned last is planned once.
 */
import type { K8sObject, ObjectMeta } from '../../schema/k8s/meta.ts'
import type { Instant, Plan, Planner } from '../plan/plan.ts'
import { Item, withRevision } from '../registry/item.ts'
import type { Change } from '../store/store.ts'
import type { Reading } from './reading.ts'

/** One change of the log, or, at the start, an object that is there. Objects are parsed when somebody looks. */
export interface Changed {
  readonly op: Change['op']
  readonly resource: string
  readonly namespace: string
  readonly name: string
  readonly revision: number
  /** undefined once it was removed */
  now(): K8sObject | undefined
  /** undefined when it was created; for a removal the last state */
  before(): K8sObject | undefined
  /** What stands after the change, as if it had been read; undefined once it was removed. */
  item(): Item | undefined
  /** false: the object has no member of this name, neither now nor before, and need not be parsed to look for it */
  mentions(member: string): boolean
}

/** The keys to plan because of a change. */
export type Watch = (changed: Changed, view: Reading) => Iterable<string> | Promise<Iterable<string>>

/** How planning a key went lately. */
export interface Tries {
  /** plans in a row that lost against somebody else's write or were refused */
  readonly attempt: number
  /** why the last one was refused */
  readonly failure?: string
}

export interface Controller<Seen> {
  readonly name: string
  /** whom its writes are recorded as */
  readonly user: string
  /** by resource; `*` sees the changes of all kinds */
  readonly watches: Readonly<Record<string, Watch>>
  /** The slice one key needs; undefined: there is nothing to plan. */
  read(view: Reading, key: string, tries: Tries): Promise<Seen | undefined>
  readonly planner: Planner<Seen>
  /**
   * For a loop that goes on where another ended: reads what the controller remembers of the cluster, and answers the
   * keys that only time would wake, which the other one knew.
   */
  seed?(view: Reading): Promise<Iterable<string>>
}

/** A controller whose `Seen` is its own business. */
export interface Planned {
  readonly name: string
  readonly user: string
  readonly watches: Readonly<Record<string, Watch>>
  plan(view: Reading, key: string, tries: Tries, at: Instant): Promise<Plan>
  seed(view: Reading): Promise<Iterable<string>>
}

const NOTHING: Plan = { actions: [] }

export function planned<Seen>(controller: Controller<Seen>): Planned {
  return {
    name: controller.name,
    user: controller.user,
    watches: controller.watches,
    seed: async (view) => (await controller.seed?.(view)) ?? [],
    async plan(view, key, tries, at) {
      const seen = await controller.read(view, key, tries)
      return seen === undefined ? NOTHING : controller.planner(seen, at)
    },
  }
}

export function keyOfObject({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`
}

export function keyOfMeta({ namespace = '', name = '' }: ObjectMeta): string {
  return keyOfObject({ namespace, name })
}

/** `namespace/name` taken apart; the namespace is '' at cluster scope. */
export function placeOf(key: string): { readonly namespace: string; readonly name: string } {
  const slash = key.indexOf('/')
  return { namespace: key.slice(0, Math.max(slash, 0)), name: key.slice(slash + 1) }
}

/** A change of the log as controllers see it. */
export function changedBy(change: Change): Changed {
  const { key, op, revision } = change
  const current = once(change.value)
  const previous = change.op === 'delete' ? current : once(change.previous)
  return {
    ...key,
    op,
    revision,
    now: () => (op === 'delete' ? undefined : current()),
    before: previous,
    item() {
      const object = op === 'delete' ? undefined : current()
      return object === undefined ? undefined : new Item(change.value, revision, withRevision(object, revision))
    },
    mentions(member) {
      const quoted = `"${member}"`
      return change.value.includes(quoted) || change.previous?.includes(quoted) === true
    },
  }
}

function once(text: string | undefined): () => K8sObject | undefined {
  let object: K8sObject | undefined
  return () => (text === undefined ? undefined : (object ??= JSON.parse(text) as K8sObject))
}
